"""Load balancers in a world, with their target groups."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.record import Record
from tools.sandbox.patches.elbv2 import keep
from tools.sandbox.seeding.network import SubnetId, Tags, VpcId
from tools.sandbox.seeding.place import Place

BalancerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class LoadBalancer(Record):
    """An Application or Network Load Balancer. Its listeners are not of interest."""

    name: BalancerName
    subnets: Annotated[list[SubnetId], Field(min_length=1)]
    type: Literal["application", "network"] = "application"
    scheme: Literal["internet-facing", "internal"] = "internet-facing"
    region: str | None = None
    tags: Tags = {}


class Registered(Record):
    """A registered target: an instance, or for target type `ip` an address."""

    id: Annotated[str, Field(min_length=1)]
    port: Port | None = None
    """The target group's own when not given."""
    az: str | None = None
    """`all`, or a zone, for an address outside the VPC."""


class TargetGroup(Record):
    """A target group."""

    name: BalancerName
    vpc: VpcId
    port: Port = 80
    protocol: Literal["HTTP", "HTTPS", "TCP", "TLS", "UDP"] = "HTTP"
    target_type: Literal["instance", "ip"] = "instance"
    targets: list[Registered] = []
    load_balancers: list[BalancerName] = []
    region: str | None = None
    tags: Tags = {}


class Elbv2Section(Record):
    """The `elbv2` key of a world."""

    load_balancers: list[LoadBalancer] = []
    target_groups: list[TargetGroup] = []


def balancer_arn(place: Place, name: str) -> str:
    """The ARN of a load balancer of the account."""
    return str(next(one.arn for one in place.backend("elbv2").load_balancers.values() if one.name == name))


def target_group_arn(place: Place, name: str) -> str:
    """The ARN of a target group of the account."""
    return str(next(one.arn for one in place.backend("elbv2").target_groups.values() if one.name == name))


def seed(place: Place, section: Elbv2Section) -> None:
    """Put load balancers and target groups into the account. What is there already stays as it is."""
    for balancer in section.load_balancers:
        here = place.at(balancer.region)
        if not _named(here.backend("elbv2").load_balancers, balancer.name):
            here.client("elbv2").create_load_balancer(
                Name=balancer.name, Subnets=list(balancer.subnets), Type=balancer.type, Scheme=balancer.scheme,
                **_tagged(balancer.tags),
            )  # fmt: skip
    for group in section.target_groups:
        here = place.at(group.region)
        if not _named(here.backend("elbv2").target_groups, group.name):
            _create_target_group(here, group)


def _create_target_group(place: Place, group: TargetGroup) -> None:
    made = place.client("elbv2").create_target_group(
        Name=group.name, VpcId=group.vpc, Port=group.port, Protocol=group.protocol, TargetType=group.target_type,
        **_tagged(group.tags),
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    kept = place.backend("elbv2").target_groups[made]
    kept.load_balancer_arns = [balancer_arn(place, name) for name in group.load_balancers]
    for target in group.targets:
        # not by RegisterTargets, which wants instances that run
        keep(kept, {"Id": target.id, "Port": target.port} | _zone(target))


def _zone(target: Registered) -> dict[str, str]:
    return {} if target.az is None else {"AvailabilityZone": target.az}


def _named(things: dict[str, Any], name: str) -> bool:
    return any(thing.name == name for thing in things.values())


def _tagged(tags: Tags) -> dict[str, Any]:
    """The Tags of a call, which takes no empty list."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
