"""What one part of a world says about another: each name and id must be there."""

from collections.abc import Iterable, Iterator

from tools.sandbox.seeding.autoscaling import AutoScalingSection
from tools.sandbox.seeding.ec2 import Ec2Section
from tools.sandbox.seeding.elbv2 import Elbv2Section
from tools.sandbox.seeding.iam import IamSection
from tools.sandbox.seeding.wafv2 import Wafv2Section


def dangling(
    iam: IamSection, ec2: Ec2Section, autoscaling: AutoScalingSection, elbv2: Elbv2Section, wafv2: Wafv2Section
) -> Iterator[str]:
    """Every reference to something that the account lacks, as `elbv2.target_groups[0].vpc: no VPC of this world`."""
    instances = {instance.id for instance in ec2.instances}
    balancers = {balancer.name for balancer in elbv2.load_balancers}
    roles = {role.name for role in iam.roles}
    for number, profile in enumerate(ec2.profiles):
        if profile.role is not None:
            yield from _missing(f"ec2.profiles[{number}].role", [profile.role], roles, "role")
    for number, group in enumerate(autoscaling.groups):
        place = f"autoscaling.groups[{number}]"
        names = {one.name for one in elbv2.target_groups}
        yield from _missing(f"{place}.instances", group.instances, instances, "instance")
        yield from _missing(f"{place}.target_groups", group.target_groups, names, "target group")
    yield from _balancing(ec2, elbv2, instances, balancers)
    for number, acl in enumerate(wafv2.web_acls):
        if acl.scope == "REGIONAL":
            yield from _missing(f"wafv2.web_acls[{number}].resources", acl.resources, balancers, "load balancer")


def _balancing(ec2: Ec2Section, elbv2: Elbv2Section, instances: set[str], balancers: set[str]) -> Iterator[str]:
    subnets = {subnet.id for subnet in ec2.subnets}
    for number, balancer in enumerate(elbv2.load_balancers):
        yield from _missing(f"elbv2.load_balancers[{number}].subnets", balancer.subnets, subnets, "subnet")
    for number, group in enumerate(elbv2.target_groups):
        place = f"elbv2.target_groups[{number}]"
        yield from _missing(f"{place}.vpc", [group.vpc], {vpc.id for vpc in ec2.vpcs}, "VPC")
        yield from _missing(f"{place}.load_balancers", group.load_balancers, balancers, "load balancer")
        if group.target_type == "instance":
            yield from _missing(f"{place}.targets", [one.id for one in group.targets], instances, "instance")


def _missing(place: str, named: Iterable[str], known: set[str], what: str) -> Iterator[str]:
    return (f"{place}: no {what} {name} in this world" for name in named if name not in known)
