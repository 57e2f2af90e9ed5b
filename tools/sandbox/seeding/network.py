"""Networks in a world: VPCs, subnets, security groups and network interfaces."""

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any

from pydantic import Field, IPvAnyAddress, IPvAnyNetwork

from agent.record import Record
from tools.sandbox.chosen import chosen
from tools.sandbox.seeding.place import Place

Tags = dict[str, str]
VpcId = Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$")]
SubnetId = Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]
GroupId = Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")]
InterfaceId = Annotated[str, Field(pattern=r"^eni-[0-9a-f]{8,17}$")]
_ANYWHERE = "0.0.0.0/0"


class Vpc(Record):
    """A VPC. Its default group is AWS's own."""

    id: VpcId
    cidr: IPv4Network = IPv4Network("10.0.0.0/16")
    dns_servers: Annotated[list[IPv4Address], Field(max_length=4)] = []
    """Of its DHCP options; none is AWS's own resolver."""
    region: str | None = None
    tags: Tags = {}


class Subnet(Record):
    """A subnet, in its VPC's Region."""

    id: SubnetId
    vpc: VpcId
    cidr: IPv4Network
    az: Annotated[str, Field(pattern=r"^[a-f]$")] = "a"
    """The zone's letter."""
    tags: Tags = {}


class Rule(Record):
    """A rule of a group. Without a port it is for all of them, without a group it is for `cidr`."""

    protocol: Annotated[str, Field(pattern=r"^(-1|tcp|udp|icmp|\d{1,3})$")] = "-1"
    port: Annotated[int, Field(ge=-1, le=65535)] | None = None
    to_port: Annotated[int, Field(ge=-1, le=65535)] | None = None
    """`port` when not given."""
    cidr: IPvAnyNetwork | None = None
    group: GroupId | None = None

    @property
    def ports(self) -> tuple[int, int] | tuple[None, None]:
        """First and last; of `-1` none, which is all."""
        if self.protocol == "-1":
            return (None, None)
        if self.port is None:
            return (-1, -1) if self.protocol == "icmp" else (0, 65535)
        return (self.port, self.port if self.to_port is None else self.to_port)

    @property
    def ranges(self) -> list[dict[str, str]]:
        """The addresses that it is for, as EC2 has them; none if it is for a group."""
        cidr = str(self.cidr or _ANYWHERE)
        return [] if self.group is not None else [{"CidrIpv6" if ":" in cidr else "CidrIp": cidr}]


class Group(Record):
    """A security group. Without `egress` it has AWS's own rule, which lets everything out."""

    id: GroupId
    vpc: VpcId
    name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The id when not given."""
    ingress: list[Rule] = []
    egress: list[Rule] | None = None
    tags: Tags = {}


class Interface(Record):
    """A network interface. One that an instance does not list is attached to nothing that the world shows."""

    id: InterfaceId
    subnet: SubnetId
    address: IPv4Address
    secondary: list[IPv4Address] = []
    ipv6: list[IPvAnyAddress] = []
    groups: list[GroupId] = []
    """The VPC's default group when none is given."""
    public_address: IPv4Address | None = None
    """Goes with a stop, unless it is one of `addresses`."""
    source_dest_check: bool = True
    type: str = "interface"
    """InterfaceType: interface, efa, branch, lambda, natGateway, vpc_endpoint ..."""
    managed: bool = False
    """Operator.Managed: a service's own, hidden from whoever does not ask for managed resources."""
    requester_managed: bool = False
    description: str = ""
    tags: Tags = {}


def create_vpc(place: Place, vpc: Vpc) -> None:
    """Make a VPC, with its DHCP options."""
    backend = place.backend("ec2")
    with chosen(vpc.id):
        made = backend.create_vpc(str(vpc.cidr), tags=[{"Key": key, "Value": value} for key, value in vpc.tags.items()])
    servers = [str(server) for server in vpc.dns_servers] or ["AmazonProvidedDNS"]
    backend.associate_dhcp_options(backend.create_dhcp_options(domain_name_servers=servers), made)


def create_subnet(place: Place, subnet: Subnet) -> None:
    """Make a subnet, also where another one of a world in use lies across it."""
    from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
    from moto.ec2.models.subnets import Subnet as Kept

    backend = place.backend("ec2")
    zones = RegionsAndZonesBackend.zones[place.region]
    zone = next((one for one in zones if one.name.endswith(subnet.az)), zones[0])
    made = Kept(  # type: ignore[abstract]  # moto makes it so itself
        backend, subnet.id, subnet.vpc, str(subnet.cidr), None, zone, False, False
    )
    made.add_tags(subnet.tags)
    backend.associate_default_network_acl_with_subnet(subnet.id, subnet.vpc)
    backend.subnets[zone.name][subnet.id] = made


def create_groups(place: Place, groups: list[Group]) -> None:
    """Make groups, then their rules, which may be about each other."""
    backend = place.backend("ec2")
    for group in groups:
        if group.name == "default":
            _name_default(backend, group)
            continue
        name = group.name or group.id
        with chosen(group.id):
            backend.create_security_group(name, f"{name} of the world", vpc_id=group.vpc, tags=group.tags)
    for group in groups:
        if group.egress is not None:
            backend.get_security_group_from_id(group.id).egress_rules.clear()
        _permit(backend.authorize_security_group_egress, group.id, group.egress or [])
        _permit(backend.authorize_security_group_ingress, group.id, group.ingress)


def _permit(authorize: Any, group: str, rules: list[Rule]) -> None:
    for rule in rules:
        sources = [] if rule.group is None else [{"GroupId": rule.group}]
        authorize(group, rule.protocol, *rule.ports, rule.ranges, source_groups=sources)


def _name_default(backend: Any, group: Group) -> None:
    """A VPC has its default group from the start; only its id is the world's."""
    made = backend.get_default_security_group(group.vpc)
    del backend.groups[group.vpc][made.id]
    made.arn = made.arn.replace(made.id, group.id)
    made.id = made.group_id = group.id
    for rule in (*made.ingress_rules, *made.egress_rules):
        rule.group_id = group.id
    made.add_tags(group.tags)
    backend.groups[group.vpc][group.id] = made


def create_interface(place: Place, interface: Interface) -> Any:
    """Make an interface, as moto keeps it."""
    backend = place.backend("ec2")
    addresses = [{"PrivateIpAddress": str(interface.address), "Primary": True}]
    addresses += [{"PrivateIpAddress": str(address), "Primary": False} for address in interface.secondary]
    with chosen(interface.id):
        made = backend.create_network_interface(
            backend.get_subnet(interface.subnet), str(interface.address), addresses, group_ids=list(interface.groups),
            description=interface.description, tags=interface.tags, ipv6_addresses=[str(one) for one in interface.ipv6],
        )  # fmt: skip
    made.source_dest_check = interface.source_dest_check
    made.interface_type = interface.type
    made.requester_managed = interface.requester_managed
    made.public_ip = str(interface.public_address) if interface.public_address else None
    made.public_ip_auto_assign = interface.public_address is not None
    if interface.managed:
        made.operator = {"Managed": True, "Principal": "operator.amazonaws.com"}
    return made
