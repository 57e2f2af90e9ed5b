"""The EC2 instances that a finding is about, with what it says of their networks, and whom they spoke with."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from typing import Literal

from pydantic import JsonValue

from agent.record import Record
from tools.sandbox.seeding.events import Carried, is_region, pick
from tools.sandbox.seeding.naming import blocks

_INSTANCE_ARN = re.compile(r"arn:aws[a-z-]*:ec2:([a-z0-9-]+):(\d{12}):instance/(i-[0-9a-f]{8,17})")
_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
_PROFILE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:instance-profile/(?:.+/)?([\w+=,.@-]{1,128})")
_STATES = ("pending", "running", "stopping", "stopped", "shutting-down", "terminated")
_KINDS = ("awsec2instance", "awsec2instancedetails")


class NamedInterface(Record):
    """An interface as a finding tells of it; ids may be placeholders, and missing ones are None."""

    id: str | None = None
    subnet: str | None = None
    vpc: str | None = None
    address: IPv4Address | None = None
    public_address: IPv4Address | None = None
    groups: list[tuple[str, str | None]] = []
    """Ids with names."""


class NamedInstance(Record):
    """An instance as a finding tells of it."""

    id: str
    account: str | None = None
    region: str | None = None
    state: str = "running"
    profile: str | None = None
    tags: dict[str, str] = {}
    interfaces: list[NamedInterface] = []


class Talk(Record):
    """A connection that a finding tells of."""

    remote: IPv4Address
    outbound: bool
    port: int
    """The server's side."""
    blocked: bool = False


def instances_in(carried: Carried) -> list[NamedInstance]:
    """Every instance that the finding is about, once. Ids that no instance can have are left out."""
    best: dict[str, NamedInstance] = {}
    for block in blocks(carried):
        found = _instance(block)
        if found is not None and len(found.model_dump_json()) > len(_said(best.get(found.id))):
            best[found.id] = found
    return list(best.values())


def _said(instance: NamedInstance | None) -> str:
    return "" if instance is None else instance.model_dump_json()


def _instance(block: JsonValue) -> NamedInstance | None:
    details = pick(block, "instancedetails") or pick(pick(block, "details"), *_KINDS) or {}
    values = [block] if isinstance(block, str) else [pick(block, name) for name in ("id", "uid", "uidalt", "arn")]
    arn = next(
        (found for value in values if isinstance(value, str) and (found := _INSTANCE_ARN.fullmatch(value))), None
    )
    named = [pick(details, "instanceid"), arn[3] if arn else None, pick(pick(block, "data"), "instanceid"), *values]
    identity = next((one for one in named if isinstance(one, str) and _INSTANCE.fullmatch(one)), None)
    if identity is None:
        return None
    state = pick(details, "instancestate")
    return NamedInstance(
        id=identity,
        account=arn[2] if arn else None,
        region=arn[1] if arn and is_region(arn[1]) else None,
        state=state if isinstance(state, str) and state in _STATES else "running",
        profile=_profile(details),
        tags=_tags(pick(details, "tags") or pick(block, "tags") or pick(pick(block, "data"), "tags")),
        interfaces=list(_interfaces(details)),
    )


def _profile(details: JsonValue) -> str | None:
    arn = pick(pick(details, "iaminstanceprofile"), "arn") or pick(details, "iaminstanceprofilearn")
    found = _PROFILE_ARN.fullmatch(arn) if isinstance(arn, str) else None
    return found[1] if found else None


def _tags(tags: JsonValue) -> dict[str, str]:
    if isinstance(tags, dict):
        return {key: str(value) for key, value in tags.items() if value is not None}
    pairs = [(pick(tag, "key", "name"), pick(tag, "value")) for tag in (tags if isinstance(tags, list) else [])]
    return {key: str(value) for key, value in pairs if isinstance(key, str) and value is not None}


def _interfaces(details: JsonValue) -> Iterator[NamedInterface]:
    """Those that are listed. ASFF tells the addresses and the network of the instance, not of each interface."""
    listed = pick(details, "networkinterfaces")
    for number, item in enumerate(listed if isinstance(listed, list) else []):
        whole = item if number else {**_plain(details), **_plain(item)}
        yield NamedInterface(
            id=_text(pick(whole, "networkinterfaceid")),
            subnet=_text(pick(whole, "subnetid")),
            vpc=_text(pick(whole, "vpcid")),
            address=_address(pick(whole, "privateipaddress")) or _among(pick(whole, "ipv4addresses"), private=True),
            public_address=_address(pick(whole, "publicip")) or _among(pick(whole, "ipv4addresses"), private=False),
            groups=list(_groups(pick(whole, "securitygroups"))),
        )


def _plain(value: JsonValue) -> dict[str, JsonValue]:
    return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else {}


def _groups(groups: JsonValue) -> Iterator[tuple[str, str | None]]:
    for group in groups if isinstance(groups, list) else []:
        identity = pick(group, "groupid")
        if isinstance(identity, str):
            yield identity, _text(pick(group, "groupname"))


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def _address(value: JsonValue) -> IPv4Address | None:
    try:
        address = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None


def _among(values: JsonValue, *, private: bool) -> IPv4Address | None:
    found = [_address(value) for value in (values if isinstance(values, list) else [])]
    return next((one for one in found if one is not None and one.is_private is private), None)


def talks_in(carried: Carried) -> list[Talk]:
    """The connections of a network finding of GuardDuty, from the instance's side."""
    action = pick(pick(carried.body, "service"), "action")
    connection = pick(action, "networkconnectionaction")
    probe = pick(action, "portprobeaction")
    probes = pick(probe, "portprobedetails")
    found = [_talk(connection, pick(connection, "connectiondirection"))]
    for one in probes if isinstance(probes, list) else []:
        found.append(_talk({**_plain(one), "blocked": pick(probe, "blocked")}, "INBOUND"))
    return [talk for talk in found if talk is not None]


def _talk(details: JsonValue, direction: JsonValue | Literal["INBOUND"]) -> Talk | None:
    remote = _address(pick(pick(details, "remoteipdetails"), "ipaddressv4"))
    if remote is None or direction not in ("INBOUND", "OUTBOUND"):
        return None
    outbound = direction == "OUTBOUND"
    port = pick(pick(details, "remoteportdetails" if outbound else "localportdetails"), "port")
    known = port if isinstance(port, int) and 0 <= port <= 65535 else 443
    return Talk(remote=remote, outbound=outbound, port=known, blocked=pick(details, "blocked") is True)
