"""What hangs on an instance: target groups that send to it, instances that share its role, and who asks it for names."""

from dataclasses import dataclass
from typing import Any

from agent.target import Target
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering

_READ = frozenset({Phase.READ})
_ROLES = "arn:{partition}:iam::{account}:role/*"
INSTANCES = AwsCall("ec2", "DescribeInstances", "ec2:DescribeInstances", "*", _READ)
VPCS = AwsCall("ec2", "DescribeVpcs", "ec2:DescribeVpcs", "*", _READ)
DHCP = AwsCall("ec2", "DescribeDhcpOptions", "ec2:DescribeDhcpOptions", "*", _READ)
TARGET_GROUPS = AwsCall("elbv2", "DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups", "*", _READ)
HEALTH = AwsCall("elbv2", "DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", "*", _READ)
OF_ROLE = AwsCall("iam", "ListInstanceProfilesForRole", "iam:ListInstanceProfilesForRole", _ROLES, _READ)
CALLS = frozenset({INSTANCES, VPCS, DHCP, TARGET_GROUPS, HEALTH, OF_ROLE})


@dataclass(frozen=True)
class Machine:
    """The instance as AWS describes it."""

    target: Target
    found: dict[str, Any]

    @property
    def tags(self) -> dict[str, str]:
        """Whoever may tag it wrote these."""
        return {str(tag.get("Key")): str(tag.get("Value")) for tag in self.found.get("Tags", [])}

    @property
    def addresses(self) -> set[str]:
        """Every private address of its interfaces."""
        cards = self.found.get("NetworkInterfaces", [])
        listed = [entry.get("PrivateIpAddress") for card in cards for entry in card.get("PrivateIpAddresses", [])]
        own = [self.found.get("PrivateIpAddress"), *(card.get("PrivateIpAddress") for card in cards)]
        return {str(address) for address in (*own, *listed) if address}

    @property
    def vpcs(self) -> list[str]:
        """The VPCs that its interfaces are in."""
        named = [self.found.get("VpcId"), *(card.get("VpcId") for card in self.found.get("NetworkInterfaces", []))]
        return sorted({str(vpc) for vpc in named if vpc})


def serving(gathering: Gathering, aws: Aws, machine: Machine) -> int:
    """How many target groups send to it, by its id or by one of its addresses."""
    count = 0
    for group in gathering.all(aws, TARGET_GROUPS, "TargetGroups"):
        ours = {"instance": {machine.target.id}, "ip": machine.addresses}.get(group.get("TargetType"), set())
        if group.get("VpcId") in machine.vpcs and ours:
            health: Any = gathering.call(aws, HEALTH, TargetGroupArn=group["TargetGroupArn"])
            described = health.get("TargetHealthDescriptions", [])
            count += any(one["Target"]["Id"] in ours and not _leaving(one) for one in described)
    return count


def _leaving(described: dict[str, Any]) -> bool:
    state: str = described.get("TargetHealth", {}).get("State", "")
    return state == "draining"


def siblings(gathering: Gathering, aws: Aws, iam: Aws, machine: Machine, role: str) -> int:
    """Other running instances of the Region that work under the role, by whichever profile."""
    profiles = {one["Arn"] for one in gathering.all(iam, OF_ROLE, "InstanceProfiles", RoleName=role)}
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    listed = [
        one
        for reservation in gathering.all(aws, INSTANCES, "Reservations", Filters=running)
        for one in reservation.get("Instances", [])
    ]
    sharing = [one for one in listed if one.get("IamInstanceProfile", {}).get("Arn") in profiles]
    return sum(one["InstanceId"] != machine.target.id for one in sharing)


def resolvers(gathering: Gathering, aws: Aws, vpcs: list[str]) -> set[str]:
    """The addresses that instances of these VPCs are told to resolve names at."""
    if not vpcs:
        return set()
    described = gathering.all(aws, VPCS, "Vpcs", VpcIds=vpcs)
    options = sorted({vpc["DhcpOptionsId"] for vpc in described if vpc.get("DhcpOptionsId") not in (None, "default")})
    listed = gathering.all(aws, DHCP, "DhcpOptions", DhcpOptionsIds=options) if options else []
    return {
        str(value.get("Value"))
        for option in listed
        for setting in option.get("DhcpConfigurations", [])
        if setting.get("Key") == "domain-name-servers"
        for value in setting.get("Values", [])
    }
