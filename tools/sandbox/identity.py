"""The identity that our own calls are made with: a role in each account that may do everything."""

import json
from dataclasses import dataclass
from typing import Any

from tools.sandbox.mechanism import prepare, shelf

ROLE_NAME = "StanchSandboxAdmin"
_ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@dataclass(frozen=True)
class Credentials:
    """What a call is signed with."""

    access_key: str
    secret: str
    token: str | None = None


@dataclass
class _Admin:
    credentials: Credentials | None = None


def admin(account: str, partition: str = "aws") -> Credentials:
    """Credentials of the account's admin role, made when first asked for."""
    kept = shelf(_Admin, account, partition)
    if kept.credentials is None:
        kept.credentials = _make(account, partition)
    return kept.credentials


def _make(account: str, partition: str) -> Credentials:
    """Ids and keys depend on the account alone, so that clients made with them serve every world, in any order of first use."""
    prepare("iam")
    prepare("sts")
    from moto.moto_api._internal import mock_random

    state = mock_random.getstate()
    mock_random.seed(f"{account} {partition}")
    try:
        return _make_role(account, partition)
    finally:
        mock_random.setstate(state)


def _make_role(account: str, partition: str) -> Credentials:
    from moto.iam.models import iam_backends
    from moto.sts.models import AssumedRole, sts_backends

    iam: Any = iam_backends[account][partition]
    role = iam.create_role(ROLE_NAME, _TRUST, "/", None, "", [], 3600, None)
    iam.put_role_policy(ROLE_NAME, "everything", _ALLOW)
    key = iam.create_temp_access_key()
    key.role_arn = role.arn
    session = AssumedRole(account, _region(partition), key, "stanch", role.arn, "", 3600, "")
    sts_backends[account][partition].assumed_roles.append(session)
    return Credentials(key.access_key_id, key.secret_access_key, session.session_token)


def _region(partition: str) -> str:
    return {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(partition, "us-east-1")
