"""What is read out of one CloudTrail event."""

import json
from typing import Any

import pytest

from agent.activity import activity

ON = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}


def event(**more: Any) -> str:
    return json.dumps(
        {"eventID": "1", "eventName": "ListUsers", "userIdentity": {"type": "IAMUser", "userName": "a"}, **more}
    )


@pytest.mark.parametrize(
    ("name", "request_", "opens"),
    [
        ("PutBucketPublicAccessBlock", {"PublicAccessBlockConfiguration": ON}, False),
        ("PutBucketPublicAccessBlock", {"PublicAccessBlockConfiguration": ON | {"BlockPublicAcls": False}}, True),
        ("PutBucketPublicAccessBlock", {}, True),
        ("DeleteBucketPublicAccessBlock", {"bucketName": "b"}, True),
        ("PutBucketAcl", {"x-amz-acl": ["private"]}, False),
        ("PutBucketAcl", {"x-amz-acl": ["public-read"]}, True),
        ("PutBucketAcl", {"AccessControlPolicy": {}}, True),
        ("PutBucketPolicy", {"bucketPolicy": {"Statement": [{"Effect": "Allow", "Principal": "*"}]}}, True),
        ("PutBucketPolicy", {"bucketPolicy": {"Statement": [{"Effect": "Deny", "Principal": "*"}]}}, False),
        ("PutBucketPolicy", {"bucketPolicy": "HIDDEN"}, True),
        ("PutBucketWebsite", None, True),
        ("GetBucketPolicy", {}, False),
    ],
)
def test_a_call_opens_a_bucket_unless_its_parameters_show_that_it_does_not(
    name: str, request_: Any, opens: bool
) -> None:
    done = activity(event(eventName=name, requestParameters=request_))
    refused = activity(event(eventName=name, requestParameters=request_, errorCode="AccessDenied"))
    assert done is not None
    assert refused is not None
    assert (done.opens_bucket, refused.opens_bucket) == (opens, False)


def test_the_actor_of_a_session_is_its_role_and_never_the_name_that_the_session_chose() -> None:
    issuer = {"type": "Role", "userName": "admins"}
    identity = {"type": "AssumedRole", "userName": "deploy", "sessionContext": {"sessionIssuer": issuer}}
    found = activity(event(userIdentity=identity))
    assert found is not None
    assert found.actor == "admins"


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        ("AccessDenied", True),
        ("Client.UnauthorizedOperation", True),
        ("AccessDeniedException", True),
        ("Throttling", False),
    ],
)
def test_only_a_want_of_permission_is_a_denial(error: str, denied: bool) -> None:
    found = activity(event(errorCode=error))
    assert found is not None
    assert found.denied is denied


@pytest.mark.parametrize("raw", ["", "[]", "{", None, 7])
def test_what_is_not_a_json_object_is_no_event(raw: object) -> None:
    assert activity(raw) is None


def test_fields_of_the_wrong_type_and_half_characters_do_not_break_an_event() -> None:
    raw = '{"eventID": 3, "userIdentity": "x", "requestParameters": [1], "userAgent": "\\ud800 a\\r\\nb", "errorCode": null}'
    found = activity(raw)
    assert found is not None
    assert found.agent == "? a  b"
    assert "\n" not in found.line
