"""The users, keys, roles and buckets that a finding is about, read from where each shape names its resources."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError

from agent.record import Record
from tools.sandbox.seeding.events import Carried, pick, plain
from tools.sandbox.seeding.iam import KeyId, Name, Path
from tools.sandbox.seeding.s3 import BucketName

_IAM_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(user|role)(/(?:.+/)?)([^/]+)")
_BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)(?:/.*)?")
_PUBLIC_WORDS = re.compile(
    r"(?i)S3Bucket?Public|BucketPublicAccess|BucketAnonymousAccess|\bS3\.[238]\b|public-access-prohibited|public-(read|write)-prohibited"
    r"|publicly (read|writ|access)|prohibit public|s3_bucket_(policy_)?public|bucket_public_access"
)
_WRITE_WORDS = re.compile(r"(?i)\bS3\.3\b|public-write-prohibited|public(ly)? (write|writable)")
"""Of those, what is about writing."""


Public = Literal["policy", "acl", "write"] | None


class Named(Record):
    """One resource that a finding names."""

    kind: Literal["access_key", "user", "role", "bucket"]
    id: str
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    """Set when the finding says it with the resource."""
    path: Path = "/"
    owner: Name | None = None
    status: Literal["Active", "Inactive"] = "Active"
    public: Public = None
    """What makes a bucket public; `write` is an ACL that lets everybody write as well."""


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
    for actor in _listed(_sequence(carried), "actors"):
        things += _actor(pick(actor, "user"))
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


def named(kind: Literal["access_key", "user", "role", "bucket"], identity: JsonValue, **more: JsonValue) -> list[Named]:
    """The one thing of that kind, if its id is well-formed and no placeholder."""
    try:
        known = {name: value for name, value in more.items() if value is not None}
        return [_CHECKED[kind].model_validate({"kind": kind, "id": identity, **known})]
    except ValidationError:
        return []


def blocks(carried: Carried) -> Iterator[JsonValue]:
    """The parts of a finding that name its resources, and only those: an actor or an evidence list is no target."""
    body = carried.body
    yield from _listed(_sequence(carried), "resources")
    for name in ("resource", "resources", "resourcesaffected"):
        found = pick(body, name)
        yield from found if isinstance(found, list) else [found]
    yield pick(body, "configurationitem")
    resource_type = pick(body, "resourcetype")
    if isinstance(resource_type, str) and not isinstance(pick(body, "resource"), dict | list):
        yield {"type": resource_type, "id": pick(body, "resource", "resourceid", "resourcearn")}
    for entity in _listed(body, "affectedentities"):
        yield {"id": pick(entity, "entityvalue")}


def _listed(value: JsonValue, name: str) -> list[JsonValue]:
    found = pick(value, name)
    return found if isinstance(found, list) else []


def _sequence(carried: Carried) -> JsonValue:
    """The attack sequence of a GuardDuty finding, in which its actors and resources stand."""
    return pick(pick(pick(carried.body, "service"), "detection"), "sequence")


def _actor(user: JsonValue) -> list[Named]:
    """Whoever acted in an attack sequence, in the account that is said with it."""
    name, account = pick(user, "name"), pick(pick(user, "account"), "uid")
    if pick(user, "type") in ("Role", "AssumedRole"):
        return named("role", name, account=account)
    if pick(user, "type") != "IAMUser":
        return []
    return [
        *named("user", name, account=account),
        *named("access_key", pick(user, "credentialuid"), owner=name, account=account),
    ]


def _identity(block: JsonValue) -> list[Named]:
    """The principal of GuardDuty's accessKeyDetails, of its sequences' accessKey, of ASFF's AwsIamAccessKey or of OCSF's."""
    data, kind = pick(block, "data"), pick(block, "type")
    details = (
        pick(block, "accesskeydetails") or pick(pick(block, "details"), "awsiamaccesskey") or pick(data, "accesskey")
    )
    details = details or (data if isinstance(kind, str) and plain(kind) == "awsiamaccesskey" else None) or {}
    identity = pick(details, "accesskeyid") or _tail(pick(block, "id", "uid"))
    name = pick(details, "username", "principalname")
    kind = pick(details, "usertype", "principaltype")
    if kind in ("Role", "AssumedRole"):
        issuer = pick(pick(pick(details, "sessioncontext"), "sessionissuer"), "username")
        return named("role", issuer or name)
    if (
        kind in ("IAMUser", "User", None)
        and isinstance(name, str)
        and not (isinstance(identity, str) and identity.startswith("ASIA"))
    ):
        status = pick(details, "status")
        key = named("access_key", identity, owner=name, status=status if status in ("Active", "Inactive") else None)
        return [*named("user", name), *key]
    return []


def _tail(value: JsonValue) -> JsonValue:
    return value.rsplit(":", 1)[-1] if isinstance(value, str) else None


def _from_arns(block: JsonValue, public: Public) -> list[Named]:
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
            things += named("user" if iam[2] == "user" else "role", iam[4], account=iam[1], path=iam[3])
        elif (bucket := _BUCKET_ARN.fullmatch(value)) is not None:
            things += named("bucket", bucket[1], public=_how(block, public))
    return things


def _bucket(block: JsonValue, public: Public) -> list[Named]:
    """GuardDuty's s3BucketDetails and Macie's s3Bucket, by name; a resource whose type says that its name is a bucket's."""
    details = pick(block, "s3bucketdetails", "s3bucket")
    things: list[Named] = []
    for one in details if isinstance(details, list) else [details]:
        things += named("bucket", pick(one, "name"), public=_how(one, public))
    kind = pick(block, "type", "resourcetype")
    if isinstance(kind, str) and plain(kind) in ("awss3bucket", "s3bucket"):
        things += named("bucket", pick(block, "name", "id"), public=_how(block, public))
    return things


def _how(block: JsonValue, public: Public) -> Public:
    """Whether the bucket is public, and by what: its own block decides, else what the finding is about."""
    access = pick(block, "publicaccess")
    effective = pick(access, "effectivepermission")
    if effective != "PUBLIC":
        return None if effective is not None else public
    levels = pick(pick(access, "permissionconfiguration"), "bucketlevelpermissions")
    reads = {name: pick(pick(levels, name), "allowspublicreadaccess") for name in ("accesscontrollist", "bucketpolicy")}
    return "acl" if reads["accesscontrollist"] is True and reads["bucketpolicy"] is not True else "policy"


def _says_public(carried: Carried) -> Public:
    """What the finding is about: nothing public, a bucket that everybody can read, or one that everybody can write."""
    body, check = carried.body, pick(carried.body, "compliance")
    met = (pick(check, "status"), pick(pick(body, "newevaluationresult"), "compliancetype"))
    if met[0] in ("PASSED", "Pass") or met[1] == "COMPLIANT":
        return None
    if pick(body, "ispublic") is True:
        return "policy"
    info = pick(body, "findinginfo")
    fields = [pick(body, name) for name in ("type", "title", "generatorid", "eventcode", "configrulename")]
    fields += [pick(check, name) for name in ("securitycontrolid", "control")]
    fields += [pick(info, "title"), pick(pick(body, "metadata"), "eventcode")]
    fields += [*_listed(body, "types"), *_listed(pick(body, "findingproviderfields"), "types"), *_listed(info, "types")]
    words = [value for value in fields if isinstance(value, str) and _PUBLIC_WORDS.search(value)]
    if not words:
        return None
    return "write" if any(_WRITE_WORDS.search(value) for value in words) else "policy"
