"""Whom calls are signed by: a role in each account that may do everything, and the instances' own sessions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass
class _Instances:
    """Sessions of instances' roles that were asked for, by instance and role."""

    sessions: dict[tuple[str, str], Credentials] = field(default_factory=dict)


def admin(account: str, partition: str = "aws") -> Credentials:
    """Credentials of the account's admin role, made when first asked for."""
    kept = shelf(_Admin, account, partition)
    if kept.credentials is None:
        kept.credentials = _make(account, partition)
    return kept.credentials


def instance_session(account: str, role: str, instance: str, region: str = "us-east-1") -> Credentials:
    """Credentials as the metadata service gives them: of a session of the role that has the instance's id as its name."""
    from moto.utilities.utils import get_partition

    partition = get_partition(region)
    sessions = shelf(_Instances, account, partition).sessions
    if (instance, role) not in sessions:
        prepare("iam")
        prepare("sts")
        with _ids_of(f"{account} {partition} {role} {instance}"):
            sessions[instance, role] = _open_session(account, partition, role, instance)
    return sessions[instance, role]


def _make(account: str, partition: str) -> Credentials:
    """Ids and keys depend on the account alone, so that clients made with them serve every world, in any order of first use."""
    prepare("iam")
    prepare("sts")
    with _ids_of(f"{account} {partition}"):
        from moto.iam.models import iam_backends

        iam: Any = iam_backends[account][partition]
        iam.create_role(ROLE_NAME, _TRUST, "/", None, "", [], 3600, None)
        iam.put_role_policy(ROLE_NAME, "everything", _ALLOW)
        return _open_session(account, partition, ROLE_NAME, "stanch")


@contextmanager
def _ids_of(what: str) -> Iterator[None]:
    """Whatever moto makes meanwhile gets the ids that `what` says, and the world's ids to come stay as they are."""
    from moto.moto_api._internal import mock_random

    state = mock_random.getstate()
    mock_random.seed(what)
    try:
        yield
    finally:
        mock_random.setstate(state)


def _open_session(account: str, partition: str, role_name: str, session_name: str) -> Credentials:
    from moto.iam.models import iam_backends
    from moto.sts.models import AssumedRole, sts_backends

    iam: Any = iam_backends[account][partition]
    role = iam.get_role(role_name)
    key = iam.create_temp_access_key()
    key.role_arn = role.arn
    session = AssumedRole(account, _region(partition), key, session_name, role.arn, "", 3600, "")
    sts_backends[account][partition].assumed_roles.append(session)
    return Credentials(key.access_key_id, key.secret_access_key, session.session_token)


def _region(partition: str) -> str:
    return {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(partition, "us-east-1")
