"""A world made from a finding alone: the users, keys, roles, buckets and instances that it names, with its ids."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from agent.finding import Finding
from tools.sandbox.networks_for import Networks
from tools.sandbox.seeding.events import Carried, account_of, findings_in, pick, region_of
from tools.sandbox.seeding.naming import Named, named_in
from tools.sandbox.seeding.naming_instances import NamedInstance, instances_in, talks_in
from tools.sandbox.seeding.parsed import About, about, parsed
from tools.sandbox.seeding.shape import moment
from tools.sandbox.world import World

_ACCOUNT, _REGION = "123456789012", "us-east-1"
_UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
_LATER = timedelta(minutes=30)
_AGE = timedelta(days=200)
"""Of users when they were first seen to act."""
_TOUCH = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
_CANARY = {"key": "index.html", "body": "public"}


@dataclass
class _Account:
    """What is known of one account so far; the first finding to name a thing says what it is like."""

    region: str
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: Networks = field(default_factory=Networks)
    present: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def content(self, made: datetime) -> dict[str, Any]:
        """As the YAML of a world would say it, with users of that age."""
        regions = [bucket["region"] for bucket in self.buckets.values()]
        seen = [
            {"name": name, "region": region, "public": "PUBLIC" if bucket.get("public") else "NOT_PUBLIC"}
            for (name, bucket), region in zip(self.buckets.items(), regions, strict=True)
        ]
        buckets = [{key: value for key, value in bucket.items() if key != "public"} for bucket in self.buckets.values()]
        return {
            "region": self.region,
            "iam": {
                "users": [user | {"created": made.isoformat()} for user in self.users.values()],
                "roles": list(self.roles.values()),
            },
            "s3": {"buckets": buckets},
            "macie": {"buckets": seen},
            "present": list(self.present.values()),
            **self.networks.content(),
        }


def world_for(event: JsonValue) -> World:
    """The world of an event of any finding service: 30 minutes after its last finding was updated.

    In it is what the raw event tells of its resources, and whatever intake takes for a target. The registry serves the
    accounts whose findings these are. What no world can express is left out. An event that says nothing usable gives
    an empty world of account 123456789012.
    """
    carried, findings = findings_in(event), parsed(event)
    now = _now(carried, findings)
    accounts: dict[str, _Account] = {}
    served: set[str] = set()
    taken: set[str] = set()
    for one in carried:
        account, region = account_of(one, _ACCOUNT), region_of(one, _REGION)
        accounts.setdefault(account, _Account(region))
        served.add(account)
        for thing in named_in(one):
            where = accounts.setdefault(thing.account or account, _Account(region))
            _add(where, thing, region, _used(one, region), taken)
        for instance in instances_in(one):
            _host(accounts.setdefault(instance.account or account, _Account(region)), instance, one, region)
    for finding in findings:
        subject = about(finding)
        where = accounts.setdefault(finding.account, _Account(subject.region))
        served.add(finding.account)
        for thing in subject.things:
            _add(where, thing, subject.region, _last_used(subject, now), taken)
        for instance in subject.instances:
            where.networks.add(instance, subject.region)
        for there in subject.present:
            where.present.setdefault((there.kind, there.id), there.model_dump())
    made = min([now, *(one.first_seen for one in findings if one.first_seen and _plausible(one.first_seen))]) - _AGE
    first, *others = accounts or {_ACCOUNT: _Account(_REGION)}
    whole = (accounts or {first: _Account(_REGION)})[first].content(made)
    rest = [{"account": other, **accounts[other].content(made)} for other in others]
    registry = {
        "accounts": {account: {"role": "workload", "environment": "dev"} for account in sorted(served or {first})}
    }
    return World.model_validate({"now": now, "account": first, "accounts": rest, "registry": registry, **whole})


def _add(account: _Account, thing: Named, region: str, used: dict[str, Any], taken: set[str]) -> None:
    """The thing, unless it is there; a key or bucket id is one account's only."""
    if thing.id in taken:
        return
    taken |= {thing.id} if thing.kind in ("access_key", "bucket") else set()
    if thing.kind == "role":
        account.roles.setdefault(thing.id, {"name": thing.id, "path": thing.path})
    elif thing.kind == "user":
        _user(account, thing)
    elif thing.kind == "access_key" and thing.owner is not None:
        keys = _user(account, Named(kind="user", id=thing.owner))["keys"]
        if len(keys) < 2:  # IAM allows no more
            keys.append({"id": thing.id, "status": thing.status, **used})
    elif thing.kind == "bucket":
        account.buckets.setdefault(thing.id, _bucket(thing, region))


def _host(account: _Account, instance: NamedInstance, carried: Carried, region: str) -> None:
    account.networks.add(instance, region)
    account.networks.speak(instance, talks_in(carried))
    if instance.profile is not None:
        account.roles.setdefault(instance.profile, {"name": instance.profile, "policies": {"touch": _TOUCH}})


def _user(account: _Account, thing: Named) -> dict[str, Any]:
    new = {"name": thing.id, "path": thing.path, "policies": {"touch": _TOUCH}, "keys": []}
    return account.users.setdefault(thing.id, new)


def _used(carried: Carried, region: str) -> dict[str, Any]:
    """When the key was last used, and for which service, where the finding tells of a call."""
    service = pick(carried.body, "service")
    told = [
        pick(pick(pick(where, "action"), "awsapicallaction"), "servicename", "api") for where in (service, carried.body)
    ]
    fields, evidences = pick(carried.body, "productfields"), pick(carried.body, "evidences")
    api = pick(evidences[0] if isinstance(evidences, list) and evidences else None, "api")
    told += [pick(pick(api, "service"), "name"), pick(api, "operation")]
    told.append(pick(fields, "awsguarddutyserviceactionawsapicallactionapi"))
    called = next((one for one in told if isinstance(one, str)), None)
    seen = [pick(service, "eventlastseen"), pick(carried.body, "lastobservedat")]
    seen.append(pick(pick(carried.body, "findinginfo"), "lastseentimedt"))
    at = next((found for value in seen if (found := moment(value)) is not None), None) or _updated(carried)
    if called is None or at is None or not _plausible(at):
        return {}
    name = called.partition(".amazonaws.com")[0] if ".amazonaws.com" in called else "N/A"
    return {"last_used": {"at": min(at, _updated(carried) or at).isoformat(), "service": name[:64], "region": region}}


def _last_used(subject: About, now: datetime) -> dict[str, Any]:
    """Of a key whose call is the finding itself. IAM says N/A where it did not record the service."""
    at = subject.called_at
    if at is None or not _plausible(at):
        return {}
    return {"last_used": {"at": min(at, now).isoformat(), "service": "N/A", "region": subject.region}}


def _bucket(thing: Named, region: str) -> dict[str, Any]:
    bucket: dict[str, Any] = {"name": thing.id, "region": region, "objects": [_CANARY]}
    if thing.public == "policy":
        bucket |= {"policy": "public_read", "public": True}
    elif thing.public is not None:
        acl = "public-read" if thing.public == "acl" else "public-read-write"
        bucket |= {"acl": acl, "objects": [_CANARY | {"acl": "public-read"}], "public": True}
    return bucket


def _now(carried: list[Carried], findings: list[Finding]) -> datetime:
    moments = [at for one in carried if (at := _updated(one)) is not None]
    moments = moments or [one.last_seen for one in findings if one.last_seen and _plausible(one.last_seen)]
    return max(moments, default=_UNDATED) + _LATER


def _updated(carried: Carried) -> datetime | None:
    info = pick(carried.body, "findinginfo")
    for value in (
        pick(carried.body, "updatedat", "lastobservedat"),
        pick(info, "modifiedtimedt", "modifiedtime", "lastseentimedt", "createdtimedt"),
        pick(carried.body, "findinginfomodifiedtimedt", "timedt", "time", "createdat", "notificationcreationtime"),
        pick(carried.envelope, "time"),
    ):
        if (at := moment(value)) is not None and _plausible(at):
            return at
    return None


def _plausible(at: datetime) -> bool:
    """Whether AWS can have written it."""
    return 2006 < at.year < 2100
