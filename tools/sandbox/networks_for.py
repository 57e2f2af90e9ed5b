"""The networks that the instances of a finding need: what it does not say is made up from what it does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from tools.sandbox.seeding.naming_instances import NamedInstance, NamedInterface, Talk

_OPEN: dict[str, Any] = {"protocol": "tcp", "port": 443}


@dataclass
class Networks:
    """One account's `ec2` and `flow_logs`, as the YAML of a world would say them."""

    vpcs: dict[str, dict[str, Any]] = field(default_factory=dict)
    subnets: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    flow_logs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    """Interfaces and, with their VPC, addresses."""

    def add(self, instance: NamedInstance, region: str) -> None:
        """Let the account have an instance with all that it stands in. The first finding to name it says what it is like."""
        if instance.id in self.instances:
            return
        told = instance.interfaces or [NamedInterface()]
        here = instance.region or region
        interfaces = [self._interface(instance.id, number, one, here) for number, one in enumerate(told)]
        self.instances[instance.id] = {
            "id": instance.id,
            "state": instance.state,
            "tags": instance.tags,
            "profile": instance.profile,
            "interfaces": interfaces,
        }
        if instance.profile is not None:
            self.profiles.setdefault(instance.profile, {"name": instance.profile, "role": instance.profile})

    def speak(self, instance: NamedInstance, talks: list[Talk]) -> None:
        """Let flow logs of the instance's VPC tell of connections through its first interface."""
        interface = self.instances[instance.id]["interfaces"][0]
        vpc = self.subnets[interface["subnet"]]["vpc"]
        new = {"group": f"/vpc/{vpc}", "vpc": vpc, "interface": interface["id"], "region": self.vpcs[vpc]["region"]}
        records = self.flow_logs.setdefault(interface["id"], {**new, "records": []})["records"]
        records += [_flow(talk, interface["address"]) for talk in talks]

    def content(self) -> dict[str, Any]:
        """As the YAML of a world would say it."""
        kinds = ("vpcs", "subnets", "groups", "instances", "profiles")
        ec2 = {kind: list(getattr(self, kind).values()) for kind in kinds}
        return {"ec2": ec2, "flow_logs": [log for log in self.flow_logs.values() if log["records"]]}

    def _interface(self, instance: str, number: int, told: NamedInterface, region: str) -> dict[str, Any]:
        identity = _id("eni", told.id, f"{instance} {number}")
        if identity in self._taken:
            identity = _id("eni", None, f"{instance} {number}")
        self._taken.add(identity)
        subnet = self._subnet(told, instance, region)
        return {
            "id": identity,
            "subnet": subnet["id"],
            "address": self._address(subnet, told.address),
            "public_address": None if told.public_address is None else str(told.public_address),
            "groups": list(self._groups(told, subnet["vpc"])),
        }

    def _subnet(self, told: NamedInterface, instance: str, region: str) -> dict[str, Any]:
        address = told.address if told.address is not None and told.address.is_private else IPv4Address("10.0.0.10")
        identity = _id("subnet", told.subnet, instance)
        if identity not in self.subnets:
            vpc = _id("vpc", told.vpc, instance)
            whole = IPv4Network(f"{address}/16", strict=False)
            self.vpcs.setdefault(vpc, {"id": vpc, "cidr": str(whole), "region": region})
            self.subnets[identity] = {"id": identity, "vpc": vpc, "cidr": self._room(vpc, address)}
        return self.subnets[identity]

    def _room(self, vpc: str, address: IPv4Address) -> str:
        """A network of the VPC that no other subnet has: around the address if there is room."""
        others = [IPv4Network(one["cidr"]) for one in self.subnets.values() if one["vpc"] == vpc]
        whole = IPv4Network(self.vpcs[vpc]["cidr"])
        wanted = [IPv4Network(f"{address}/{length}", strict=False) for length in (24, 28)]
        for network in (*(one for one in wanted if one.subnet_of(whole)), *whole.subnets(new_prefix=24)):
            if not any(network.overlaps(other) for other in others):
                return str(network)
        return wanted[0].compressed

    def _address(self, subnet: dict[str, Any], told: IPv4Address | None) -> str:
        network = IPv4Network(subnet["cidr"])
        free = [told] if told is not None and told in network else []
        for address in (*free, *list(network.hosts())[9:]):
            if f"{subnet['vpc']} {address}" not in self._taken:
                self._taken.add(f"{subnet['vpc']} {address}")
                return str(address)
        return str(network[10])

    def _groups(self, told: NamedInterface, vpc: str) -> Iterator[str]:
        for raw, name in told.groups:
            identity = _id("sg", raw, raw)
            names = {one["name"] for one in self.groups.values() if one["vpc"] == vpc and one["id"] != identity}
            known = self.groups.setdefault(
                identity,
                {"id": identity, "vpc": vpc, "name": identity if name in (None, *names) else name, "ingress": [_OPEN]},
            )
            if known["vpc"] == vpc:
                yield identity


def _id(prefix: str, told: str | None, otherwise: str) -> str:
    """The id itself if it is one; made from what stands in its place, or from whose it is."""
    if told is not None and re.fullmatch(rf"{prefix}-[0-9a-f]{{8,17}}", told):
        return told
    return f"{prefix}-{sha256(f'{prefix} {told or otherwise}'.encode()).hexdigest()[:17]}"


def _flow(talk: Talk, address: str) -> dict[str, Any]:
    ends = (address, str(talk.remote)) if talk.outbound else (str(talk.remote), address)
    action = "REJECT" if talk.blocked else "ACCEPT"
    return {"at": "-30m", "src": ends[0], "dst": ends[1], "dstport": talk.port, "action": action}
