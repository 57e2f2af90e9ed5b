"""EC2 in a world: networks, instances, and the account's own addresses."""

from collections.abc import Iterator
from hashlib import sha256
from ipaddress import IPv4Address
from typing import Annotated, Any

from pydantic import Field, model_validator

from agent.record import Record
from tools.sandbox.chosen import chosen
from tools.sandbox.seeding import instances, network
from tools.sandbox.seeding.instances import Instance, InstanceProfile
from tools.sandbox.seeding.network import Group, Interface, InterfaceId, Subnet, SubnetId, Tags, Vpc
from tools.sandbox.seeding.place import Place


class Address(Record):
    """An Elastic IP address."""

    address: IPv4Address
    interface: InterfaceId | None = None
    region: str | None = None
    tags: Tags = {}


class NatGateway(Record):
    """A public NAT gateway, with an Elastic IP address of its own."""

    id: Annotated[str, Field(pattern=r"^nat-[0-9a-f]{8,17}$")]
    subnet: SubnetId
    address: IPv4Address
    private_address: IPv4Address | None = None


class Ec2Section(Record):
    """The `ec2` key of a world."""

    vpcs: list[Vpc] = []
    subnets: list[Subnet] = []
    groups: list[Group] = []
    profiles: list[InstanceProfile] = []
    instances: list[Instance] = []
    interfaces: list[Interface] = []
    """Those that no instance of the world has: of a function, an endpoint, a load balancer."""
    addresses: list[Address] = []
    nat_gateways: list[NatGateway] = []

    @model_validator(mode="after")
    def _hangs_together(self) -> "Ec2Section":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        vpcs = {vpc.id for vpc in self.vpcs}
        yield from (
            f"subnets[{n}].vpc: no VPC of this world" for n, one in enumerate(self.subnets) if one.vpc not in vpcs
        )
        yield from (
            f"groups[{n}].vpc: no VPC of this world" for n, one in enumerate(self.groups) if one.vpc not in vpcs
        )
        yield from self._wrong_rules()
        seen: set[str] = set()
        for place, interface in self.all_interfaces():
            if interface.id in seen:
                yield f"{place}.id: there are two of it"
            seen.add(interface.id)
            yield from self._wrong_with(place, interface)
        profiles = {profile.name for profile in self.profiles} | {None}
        for number, instance in enumerate(self.instances):
            if instance.profile not in profiles:
                yield f"instances[{number}].profile: no profile of this world"
        subnets = {subnet.id for subnet in self.subnets}
        for number, gateway in enumerate(self.nat_gateways):
            if gateway.subnet not in subnets:
                yield f"nat_gateways[{number}].subnet: no subnet of this world"
        for number, address in enumerate(self.addresses):
            if address.interface is not None and address.interface not in seen:
                yield f"addresses[{number}].interface: no interface of this world"

    def _wrong_rules(self) -> Iterator[str]:
        known = {group.id for group in self.groups}
        for number, group in enumerate(self.groups):
            for kind, rules in (("ingress", group.ingress), ("egress", group.egress or [])):
                for position, rule in enumerate(rules):
                    if rule.group is not None and rule.group not in known:
                        yield f"groups[{number}].{kind}[{position}].group: no group of this world"

    def _wrong_with(self, place: str, interface: Interface) -> Iterator[str]:
        subnet = next((one for one in self.subnets if one.id == interface.subnet), None)
        if subnet is None:
            yield f"{place}.subnet: no subnet of this world"
            return
        for address in (interface.address, *interface.secondary):
            if address not in subnet.cidr:
                yield f"{place}.address: {address} is not in {subnet.cidr}"
        there = {group.id for group in self.groups if group.vpc == subnet.vpc}
        for number, group in enumerate(interface.groups):
            if group not in there:
                yield f"{place}.groups[{number}]: no group of this world in {subnet.vpc}"

    def all_interfaces(self) -> Iterator[tuple[str, Interface]]:
        """Every interface with its place in the section."""
        for number, instance in enumerate(self.instances):
            for position, interface in enumerate(instance.interfaces):
                yield f"instances[{number}].interfaces[{position}]", interface
        for number, interface in enumerate(self.interfaces):
            yield f"interfaces[{number}]", interface

    def region_of(self, subnet: str) -> str | None:
        """The Region of a subnet's VPC; None is the world's own."""
        vpc = next(one.vpc for one in self.subnets if one.id == subnet)
        return next(one.region for one in self.vpcs if one.id == vpc)


def seed(place: Place, section: Ec2Section) -> None:
    """Put networks, profiles, instances and addresses into the account. What is there already stays as it is."""
    _seed_networks(place, section)
    for profile in section.profiles:
        instances.create_profile(place, profile)
    for instance in section.instances:
        if not has(place, section, instance):
            instances.create_instance(place.at(section.region_of(instance.interfaces[0].subnet)), instance)
    for interface in section.interfaces:
        here = place.at(section.region_of(interface.subnet))
        if interface.id not in here.backend("ec2").enis:
            network.create_interface(here, interface)
    _seed_addresses(place, section)


def has(place: Place, section: Ec2Section, instance: Instance) -> bool:
    """Whether the account has an instance of that id where the section puts it."""
    here = place.at(section.region_of(instance.interfaces[0].subnet))
    return here.backend("ec2").get_instance_by_id(instance.id) is not None


def _seed_networks(place: Place, section: Ec2Section) -> None:
    regions = {vpc.id: vpc.region for vpc in section.vpcs}
    for vpc in section.vpcs:
        if vpc.id not in place.at(vpc.region).backend("ec2").vpcs:
            network.create_vpc(place.at(vpc.region), vpc)
    for subnet in section.subnets:
        here = place.at(regions[subnet.vpc])
        if not any(subnet.id in zone for zone in here.backend("ec2").subnets.values()):
            network.create_subnet(here, subnet)
    for region in dict.fromkeys(regions.values()):
        here = place.at(region)
        groups = [group for group in section.groups if regions[group.vpc] == region]
        network.create_groups(here, [one for one in groups if not _has_group(here, one)])


def _has_group(place: Place, group: Group) -> bool:
    return place.backend("ec2").get_security_group_from_id(group.id) is not None


def _seed_addresses(place: Place, section: Ec2Section) -> None:
    for address in section.addresses:
        here = place.at(address.region)
        if not _has_address(here, address.address):
            eip = _allocate(here, address.address, address.tags)
            if address.interface is not None:
                eni = here.backend("ec2").get_network_interface(address.interface)
                eni.public_ip_auto_assign = False
                here.backend("ec2").associate_address(eni.instance, eni, allocation_id=eip.allocation_id)
    for gateway in section.nat_gateways:
        here = place.at(section.region_of(gateway.subnet))
        if gateway.id not in here.backend("ec2").nat_gateways:
            _create_gateway(here, gateway)


def _create_gateway(place: Place, gateway: NatGateway) -> None:
    eip = _allocate(place, gateway.address, {})
    with chosen(gateway.id, f"eni-{sha256(gateway.id.encode()).hexdigest()[:17]}"):
        made = place.backend("ec2").create_nat_gateway(gateway.subnet, eip.allocation_id)
    interface = made._eni
    interface.interface_type, interface.requester_managed = "natGateway", True
    interface.description = f"Interface for NAT Gateway {gateway.id}"
    if gateway.private_address is not None:
        address = str(gateway.private_address)
        interface.private_ip_address = made.address_set[0]["privateIp"] = address
        interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]


def _has_address(place: Place, address: IPv4Address) -> bool:
    return bool(place.backend("ec2").address_by_ip([str(address)], fail_if_not_found=False))


def _allocate(place: Place, address: IPv4Address, tags: Tags) -> Any:
    with chosen(f"eipalloc-{sha256(str(address).encode()).hexdigest()[:17]}"):
        return place.backend("ec2").allocate_address("vpc", str(address), tags)
