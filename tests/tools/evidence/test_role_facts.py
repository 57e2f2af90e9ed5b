"""What IAM says of a role, fact by fact: one change of the world changes exactly this."""

from typing import Any

import pytest
from asking import ACCOUNT, KEYLESS, OF_ROLE, OTHER_ACCOUNT, ROLE_TARGET, ask, built, changed, gather, values

from tools.sandbox.faults import Fail, fail_calls

EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
LAST_SEEN = "2026-03-01T11:20:00Z"
"""When the finding saw the last of it: a session that did it may have been issued in that very second."""
BEFORE = {
    "role.exists": True, "role.last_used_days": "absent: never_used", "role.admin": False,
    "role.trusts_outside": False, "role.trusts_federated": False, "role.protecting_tag": False, "role.sessions_cut": False,
}  # fmt: skip


def trusting(**principal: Any) -> dict[str, Any]:
    return {"trust": {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}}


def cut(moment: str, **more: Any) -> dict[str, Any]:
    older = {"DateLessThan": {"aws:TokenIssueTime": moment}, **more}
    deny = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": older}
    return {"policies": {"AWSRevokeOlderSessions": {"Statement": [deny]}}}


def made_at(moment: str) -> dict[str, Any]:
    """The call's session was made then."""
    return {"raw": {"userIdentity": {"sessionContext": {"attributes": {"creationDate": moment}}}}}


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"managed": ["AdministratorAccess"]}, {"role.admin": True}),
    ({"policies": {"all": EVERYTHING}}, {"role.admin": True}),
    (trusting(AWS=f"arn:aws:iam::{ACCOUNT}:root"), {}),
    (trusting(AWS=f"arn:aws:iam::{OTHER_ACCOUNT}:root"), {"role.trusts_outside": True}),
    (trusting(AWS=[ACCOUNT, OTHER_ACCOUNT]), {"role.trusts_outside": True}),
    (trusting(AWS="*"), {"role.trusts_outside": True}),
    (trusting(Federated="accounts.google.com"), {"role.trusts_federated": True}),
    ({"tags": {"do-not-touch": "true"}}, {"role.protecting_tag": True}),
    ({"tags": {"team": "quay"}}, {}),
    (cut("2026-03-01T11:20:01Z"), {"role.sessions_cut": True}),
    (cut(LAST_SEEN), {}),
    (cut("2026-03-01T11:20:01Z", StringLike={"aws:userid": "*:one"}), {}),
    (cut("soon"), {}),
]


@pytest.mark.parametrize(("more", "changes"), CHANGES)
def test_a_role_is_told_as_it_is(more: dict[str, Any], changes: dict[str, Any]) -> None:
    told = values(ask("role_state", changed("iam.roles", [{"name": "worker", **more}], OF_ROLE)))
    assert told == {f"{name} worker": value for name, value in (BEFORE | changes).items()}


CUT = "2026-03-01T11:25:00Z"
NEWER: dict[str, tuple[dict[str, Any], Any]] = {
    "a call since": ({}, False),
    "one that failed for other reasons": ({"error": "NoSuchEntityException"}, False),
    "one that was denied": ({"error": "AccessDenied"}, True),
    "one before": ({"at": "-50m"}, True),
    "one of a session made since": (made_at("2026-03-01T11:26:00Z"), False),
    "one of a session made before, while the policy was on its way": (made_at("2026-03-01T11:24:59Z"), True),
    "a namesake's in another role": ({"role": "other"}, True),
    "another session's": ({"user": "nightly"}, True),
}


@pytest.mark.parametrize("what", NEWER)
def test_a_cut_that_a_newer_session_of_the_same_name_goes_on_after_is_none(what: str) -> None:
    more, expected = NEWER[what]
    call = {"at": "-30m", "name": "CreateUser", "role": "worker", "user": "stolen", "region": "us-east-2", **more}
    world = changed("iam.roles", [{"name": "worker", **cut(CUT)}], changed("cloudtrail.events", [call], OF_ROLE))
    assert values(ask("role_state", world))["role.sessions_cut worker"] is expected


def test_whether_a_cut_holds_is_not_said_where_not_all_regions_were_read_or_no_session_is_named() -> None:
    world = changed("iam.roles", [{"name": "worker", **cut(CUT)}], OF_ROLE)
    sandbox, parsed = built(world)
    sandbox.faults.before.append(fail_calls("ec2:DescribeRegions", Fail("UnauthorizedOperation", 403), 9))
    told = values(gather("role_state", sandbox, parsed))
    assert told["role.sessions_cut worker"] == "failed: UnauthorizedOperation"
    role_alone = KEYLESS.model_copy(update={"targets": [ROLE_TARGET]})
    assert values(ask("role_state", world, role_alone))["role.sessions_cut worker"] == "absent: no_session_named"


def test_a_role_that_is_gone_is_known_not_to_exist_and_the_rest_is_absent() -> None:
    told = values(ask("role_state", changed("iam.roles", [], OF_ROLE)))
    assert told == {f"{name} worker": False if name == "role.exists" else "absent: no_role" for name in BEFORE}


def test_a_role_whose_policies_were_not_all_read_is_not_said_to_be_harmless() -> None:
    sandbox, world = built(OF_ROLE)
    sandbox.faults.before.append(fail_calls("iam:ListRolePolicies", Fail("AccessDenied", 403), 9))
    told = values(gather("role_state", sandbox, world))
    assert (told["role.admin worker"], told["role.exists worker"]) == ("failed: AccessDenied", True)
