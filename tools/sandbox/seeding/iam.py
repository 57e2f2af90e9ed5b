"""IAM in a world: users with their keys, roles, groups."""

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agent.record import JsonObject, Record
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.when import When, resolve

_KEYS_PER_USER = 2  # IAM's own limit
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@-]+$", max_length=128)]
KeyId = Annotated[str, Field(pattern=r"^AKIA[A-Z0-9]{12,28}$")]
Path = Annotated[str, Field(pattern=r"^/([A-Za-z0-9_+=,.@-]+/)*$", max_length=512)]


def _known(name: str) -> str:
    if name not in _aws_managed():
        raise ValueError(f"there is no AWS managed policy {name}")
    return name


Managed = Annotated[str, AfterValidator(_known)]
"""The name of an AWS managed policy, like AdministratorAccess."""


class LastUsed(Record):
    """When a key was last used, and for what."""

    at: When
    service: str = "s3"
    region: str = "us-east-1"


class AccessKey(Record):
    """A long-term key. Its secret is `secret_for(id)`."""

    id: KeyId
    status: Literal["Active", "Inactive"] = "Active"
    created: When = "-90d"
    last_used: LastUsed | None = None


class _Principal(Record):
    name: Name
    path: Path = "/"
    created: When = "-200d"
    policies: dict[Name, JsonObject] = {}
    """Inline policies: name to document."""
    managed: list[Managed] = []
    tags: dict[str, str] = {}


class User(_Principal):
    """A user."""

    keys: Annotated[list[AccessKey], Field(max_length=_KEYS_PER_USER)] = []
    groups: list[Name] = []
    console_password: bool = False
    mfa: bool = False


class Role(_Principal):
    """A role. Without a trust document, EC2 may assume it."""

    trust: JsonObject | None = None


class Group(Record):
    """A group with what it permits. A group that only a user names permits nothing."""

    name: Name
    policies: dict[Name, JsonObject] = {}
    managed: list[Managed] = []


class IamSection(Record):
    """The `iam` key of a world."""

    users: list[User] = []
    roles: list[Role] = []
    groups: list[Group] = []


def secret_for(key_id: str) -> str:
    """The secret of a seeded key, 40 characters, always the same: a sandbox holds nothing that it could open."""
    return b64encode(sha256(f"stanch sandbox key {key_id}".encode()).digest(), altchars=b"st").decode()[:40]


def principal_id(prefix: str, name: str) -> str:
    """The unique id of a user (AIDA) or role (AROA), the same in IAM and in CloudTrail's records."""
    return prefix + sha256(f"{prefix} {name}".encode()).hexdigest()[:17].upper()


def seed(place: Place, section: IamSection) -> None:
    """Put users, roles and groups into the account. What is there already stays as it is; a user may get more keys."""
    iam = place.client("iam")
    backend = place.global_backend("iam")
    for group in section.groups:
        if group.name not in backend.groups:
            iam.create_group(GroupName=group.name)
            _permit(place, backend.get_group(group.name), group)
    known = {role.name for role in backend.roles.values()}
    for role in section.roles:
        if role.name not in known:
            _create_role(place, iam, role)
    for user in section.users:
        if user.name not in backend.users:
            _create_user(place, iam, user)
        for key in user.keys:
            if key.id not in backend.access_keys and len(backend.get_user(user.name).access_keys) < _KEYS_PER_USER:
                _create_key(place, backend, user.name, key)


def take_ids(place: Place, ids: Mapping[tuple[str, str], str]) -> None:
    """Give users the unique ids that a finding knows them by, by account and name, where nobody has said theirs yet."""
    for name, user in place.global_backend("iam").users.items():
        if user.id == principal_id("AIDA", name):
            user.id = ids.get((place.account, name), user.id)


def _create_user(place: Place, iam: Any, user: User) -> None:
    iam.create_user(UserName=user.name, Path=user.path, Tags=_tags(user.tags))
    backend = place.global_backend("iam")
    made = backend.get_user(user.name)
    made.id = principal_id("AIDA", user.name)
    made.create_date = _naive(place, user.created)
    _permit(place, made, user)
    for group in user.groups:
        if group not in backend.groups:
            iam.create_group(GroupName=group)
        iam.add_user_to_group(GroupName=group, UserName=user.name)
    if user.console_password:
        iam.create_login_profile(UserName=user.name, Password=secret_for(user.name))
    if user.mfa:
        serial = f"arn:{place.partition}:iam::{place.account}:mfa/{user.name}"
        iam.enable_mfa_device(
            UserName=user.name, SerialNumber=serial, AuthenticationCode1="000000", AuthenticationCode2="000001"
        )


def _create_role(place: Place, iam: Any, role: Role) -> None:
    trust = role.trust or {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    iam.create_role(
        RoleName=role.name, Path=role.path, AssumeRolePolicyDocument=json.dumps(trust), Tags=_tags(role.tags)
    )
    backend = place.global_backend("iam")
    made = backend.get_role(role.name)
    del backend.roles[made.id]
    made.id = principal_id("AROA", role.name)
    backend.roles[made.id] = made
    made.create_date = _naive(place, role.created)
    _permit(place, made, role)


def _create_key(place: Place, backend: Any, user: str, key: AccessKey) -> None:
    """IAM chooses key ids, secrets and dates itself, so these are set behind its back."""
    made = backend.create_access_key(user, status=key.status)
    del backend.access_keys[made.access_key_id]
    made.access_key_id, made.secret_access_key = key.id, secret_for(key.id)
    made.create_date = _naive(place, key.created)
    backend.access_keys[key.id] = made
    if key.last_used is not None:
        from moto.iam.models import AccessKeyLastUsed

        at = _naive(place, key.last_used.at)
        made.last_used = AccessKeyLastUsed(timestamp=at, service=key.last_used.service, region=key.last_used.region)


def _permit(place: Place, made: Any, principal: User | Role | Group) -> None:
    """Inline and managed policies; moto loads AWS's own only all at once (a second), so the named ones are added here."""
    for name, document in principal.policies.items():
        made.put_policy(name, json.dumps(document))
    backend = place.global_backend("iam")
    for name in principal.managed:
        from moto.iam.models import AWSManagedPolicy

        policy = AWSManagedPolicy.from_data(name, place.account, place.region, _aws_managed()[name])
        backend.managed_policies.setdefault(policy.arn, policy).attach_to(made)


@cache
def _aws_managed() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    data: dict[str, Any] = json.loads(aws_managed_policies_data)
    return data


def _naive(place: Place, when: str) -> Any:
    return resolve(when, place.now).replace(tzinfo=None)


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
