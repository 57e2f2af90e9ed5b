"""The users, keys, roles and buckets that a finding is about, read from where each shape names its resources."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError

from agent.record import Record
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.iam import KeyId, Name, Path
from tools.sandbox.seeding.s3 import BucketName

_IAM_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user|role)(/(?:.+/)?)([^/]+)")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)(?:/.*)?")
_PUBLIC_WORDS = re.compile(
    r"(?i)S3Bucket?Public|BucketPublicAccess|BucketAnonymousAccess|\bS3\.[23]\b|public-access-prohibited|public-(read|write)-prohibited"
    r"|publicly (read|writ|access)|prohibit public|s3_bucket_(policy_)?public|bucket_public_access"
)


class Named(Record):
    """One resource that a finding names."""

    kind: Literal["access_key", "user", "role", "bucket"]
    id: str
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    """Set when the finding says it with the resource."""
    path: Path = "/"
    owner: Name | None = None
    status: Literal["Active", "Inactive"] = "Active"
    public: Literal["policy", "acl"] | None = None


class _User(Named):
    id: Name


class _Key(Named):
    id: KeyId


class _Bucket(Named):
    id: BucketName


_CHECKED = {"access_key": _Key, "user": _User, "role": _User, "bucket": _Bucket}


def named_in(carried: Carried) -> list[Named]:
    """What the finding is about. Anything that is not well-formed, or a placeholder without a real id, is not in it."""
    public = _says_public(carried)
    things: list[Named] = []
    for block in blocks(carried):
        things += _identity(block)
        things += _from_arns(block, public)
        things += _bucket(block, public)
    return sorted(_first(things), key=lambda thing: thing.kind != "user")


def _first(things: list[Named]) -> Iterator[Named]:
    """Each thing once, as the finding first says it, except that a user or bucket said in more detail wins."""
    best: dict[tuple[str, str], Named] = {}
    for thing in things:
        known = best.get((thing.kind, thing.id))
        if known is None or (len(thing.model_fields_set) > len(known.model_fields_set)):
            best[thing.kind, thing.id] = thing
    yield from best.values()


def _make(kind: Literal["access_key", "user", "role", "bucket"], identity: JsonValue, **more: JsonValue) -> list[Named]:
    try:
        known = {name: value for name, value in more.items() if value is not None}
        return [_CHECKED[kind].model_validate({"kind": kind, "id": identity, **known})]
    except ValidationError:
        return []


def blocks(carried: Carried) -> Iterator[JsonValue]:
    """The parts of a finding that name its resources, and only those: an actor or an evidence list is no target."""
    body = carried.body
    for name in ("resource", "resources", "resourcesaffected"):
        found = pick(body, name)
        yield from found if isinstance(found, list) else [found]
    yield pick(body, "configurationitem")
    resource_type = pick(body, "resourcetype")
    if isinstance(resource_type, str) and not isinstance(pick(body, "resource"), dict | list):
        yield {"type": resource_type, "id": pick(body, "resource", "resourceid", "resourcearn")}
    entities = pick(body, "affectedentities")
    for entity in entities if isinstance(entities, list) else []:
        yield {"id": pick(entity, "entityvalue")}


def _identity(block: JsonValue) -> list[Named]:
    """The principal of GuardDuty's accessKeyDetails, ASFF's AwsIamAccessKey or OCSF's access key."""
    details = pick(block, "accesskeydetails") or pick(pick(block, "details"), "awsiamaccesskey") or {}
    identity = pick(details, "accesskeyid") or _tail(pick(block, "id", "uid"))
    name = pick(details, "username", "principalname")
    kind = pick(details, "usertype", "principaltype")
    if kind in ("Role", "AssumedRole"):
        issuer = pick(pick(pick(details, "sessioncontext"), "sessionissuer"), "username")
        return _make("role", issuer or name)
    if (
        kind in ("IAMUser", "User", None)
        and isinstance(name, str)
        and not (isinstance(identity, str) and identity.startswith("ASIA"))
    ):
        status = pick(details, "status")
        key = _make("access_key", identity, owner=name, status=status if status in ("Active", "Inactive") else None)
        return [*_make("user", name), *key]
    return []


def _tail(value: JsonValue) -> JsonValue:
    return value.rsplit(":", 1)[-1] if isinstance(value, str) else None


def _from_arns(block: JsonValue, public: bool) -> list[Named]:
    values = (
        [block]
        if isinstance(block, str)
        else [pick(block, name) for name in ("id", "uid", "uidalt", "arn", "resourcearn")]
    )
    things: list[Named] = []
    for value in values:
        if not isinstance(value, str):
            continue
        if (iam := _IAM_ARN.fullmatch(value)) is not None:
            things += _make("user" if iam[2] == "user" else "role", iam[4], account=iam[1], path=iam[3])
        elif (bucket := _BUCKET_ARN.fullmatch(value)) is not None:
            things += _make("bucket", bucket[1], public=_how(block, public))
    return things


def _bucket(block: JsonValue, public: bool) -> list[Named]:
    """GuardDuty's s3BucketDetails and Macie's s3Bucket, by name."""
    details = pick(block, "s3bucketdetails", "s3bucket")
    things: list[Named] = []
    for one in details if isinstance(details, list) else [details]:
        things += _make("bucket", pick(one, "name"), public=_how(one, public))
    return things


def _how(block: JsonValue, public: bool) -> str | None:
    """Whether the bucket is public, and by what: its own block decides, else what the finding is about."""
    access = pick(block, "publicaccess")
    effective = pick(access, "effectivepermission")
    if effective != "PUBLIC" and (effective is not None or not public):
        return None
    levels = pick(pick(access, "permissionconfiguration"), "bucketlevelpermissions")
    reads = {name: pick(pick(levels, name), "allowspublicreadaccess") for name in ("accesscontrollist", "bucketpolicy")}
    return "acl" if reads["accesscontrollist"] is True and reads["bucketpolicy"] is not True else "policy"


def _says_public(carried: Carried) -> bool:
    if pick(pick(carried.body, "compliance"), "status") == "PASSED":
        return False
    fields = [pick(carried.body, name) for name in ("type", "title", "generatorid", "eventcode")]
    fields += [pick(pick(carried.body, "compliance"), name) for name in ("securitycontrolid", "control")]
    fields += [pick(pick(carried.body, "findinginfo"), "title"), pick(pick(carried.body, "metadata"), "eventcode")]
    return any(isinstance(value, str) and _PUBLIC_WORDS.search(value) for value in fields)
