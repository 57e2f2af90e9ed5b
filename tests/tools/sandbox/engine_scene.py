"""What the engine's tests share: an account, a moment, and a user with a key."""

import json
from datetime import UTC, datetime
from typing import Any

from tools.sandbox.engine import Sandbox

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-west-1"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
DENY_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


def fresh(seed: int = 7) -> Sandbox:
    return Sandbox.fresh(seed, NOW)


def user_with_key(sandbox: Sandbox, name: str = "alice", policy: Any = ALLOW_ALL) -> dict[str, str]:
    """A user with one key and an inline policy. The key is what a client wants: access_key, secret."""
    iam = sandbox.client("iam", ACCOUNT, REGION)
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def public_read(bucket: str, condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    )
