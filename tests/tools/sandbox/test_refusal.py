"""What the served sandbox does not have is refused in the caller's protocol, by name, and goes nowhere."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tools.sandbox.engine import Sandbox
from tools.sandbox.serving import Endpoint, serving

ACCOUNT, REGION = "111122223333", "eu-west-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    sandbox = Sandbox.fresh(3, datetime(2026, 11, 20, 12, tzinfo=UTC))
    with serving(sandbox, ACCOUNT, REGION) as served:
        yield served


# protocol: a service that is not there, or an operation that it lacks
ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "rest-json": ("detective", "list_graphs", {}),
    "json": ("fms", "list_policies", {}),
    "query": ("iam", "list_service_specific_credentials", {"UserName": "ann"}),
    "ec2": ("ec2", "describe_ipam_pools", {}),
    "rest-xml": ("cloudfront", "list_field_level_encryption_configs", {}),
}


@pytest.mark.parametrize("protocol", ASKED)
def test_what_is_not_there_is_refused_by_name_in_the_caller_s_protocol(protocol: str, endpoint: Endpoint) -> None:
    service, operation, asked = ASKED[protocol]
    keys = endpoint.credentials
    client = boto3.session.Session().client(
        service, REGION, endpoint_url=endpoint.url, aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret, aws_session_token=keys.token,
    )  # fmt: skip
    assert client.meta.service_model.resolved_protocol == protocol
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**asked)
    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["RetryAttempts"]) == ("NotImplemented", 0)
    assert "Nothing left this machine." in answer["Error"]["Message"]
