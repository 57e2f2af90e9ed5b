"""EC2 itself: what the instance is, what it serves, and what else is tied to it."""

from collections.abc import Iterable
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.tags import any_protects
from agent.target import GLOBAL, Target, TargetKind
from tools import instance_ties, interfaces, quarantine
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, Read, about, attempt, home, regional
from tools.instance_ties import INSTANCES, Machine, resolvers, serving, siblings
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
FACTS = (
    "instance.exists", "instance.state", "instance.spot", "instance.managed", "instance.node", "instance.in_group",
    "instance.group_can_shrink", "instance.target_groups", "instance.interfaces", "instance.service_interfaces",
    "instance.role", "instance.role_siblings", "instance.dns_server", "instance.forwards", "instance.scanner",
    "instance.named_scanner", "instance.quarantined", "instance.protecting_tag", "instance.snapshots",
)  # fmt: skip

SPEC = SourceSpec(
    name="ec2_state",
    tells="What the instance is, what it serves, who shares its role, and whether it is contained already.",
    facts=FACTS,
    deadline_seconds=45,
    byte_cap=50_000_000,
    attacker_writes=("tags",),
)

_PROFILES = "arn:{partition}:iam::{account}:instance-profile/*"
INTERFACES = interfaces.listing(Phase.READ)
GROUPS = quarantine.describing(Phase.READ)
SNAPSHOTS = AwsCall("ec2", "DescribeSnapshots", "ec2:DescribeSnapshots", "*", _READ)
MEMBERSHIP = AwsCall(
    "autoscaling", "DescribeAutoScalingInstances", "autoscaling:DescribeAutoScalingInstances", "*", _READ
)
SCALING = AwsCall("autoscaling", "DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingGroups", "*", _READ)
PROFILE = AwsCall("iam", "GetInstanceProfile", "iam:GetInstanceProfile", _PROFILES, _READ)
CALLS = instance_ties.CALLS | {INTERFACES, GROUPS, SNAPSHOTS, MEMBERSHIP, SCALING, PROFILE}

_NODE_TAGS = ("eks:", "aws:eks:", "kubernetes.io/cluster/", "karpenter.sh/", "k8s.io/", "alpha.eksctl.io/")
_SNAPSHOT_OF = "stanch:instance"


def wanted(finding: Finding) -> bool:
    """EC2 knows instances."""
    return bool(about(finding, TargetKind.INSTANCE))


def gather(aws: Aws, question: Question) -> Answered:
    """Read each part by itself: what one does not tell, another may."""
    gathering = Gathering(SPEC, question.now)
    for target in about(question.finding, TargetKind.INSTANCE):
        gathering.want(target, FACTS)
        here = aws.at(regional(target))
        read = _instance(gathering, here, target)
        scanners = set(question.registry.scanners)
        if read.value is None:
            _tell_unseen(gathering, target, read.gap, listed=target.id in scanners)
            continue
        machine = Machine(target, read.value)
        gathering.known("instance.scanner", target, target.id in scanners)
        gathering.known("instance.named_scanner", target, machine.tags.get("Name") in scanners)
        _tell_itself(gathering, machine)
        _tell_interfaces(gathering, here, machine)
        _tell_scaling(gathering, here, machine)
        _tell_targets(gathering, here, machine)
        _tell_role(gathering, here, machine)
        _tell_dns(gathering, here, machine)
        _tell_snapshots(gathering, here, machine)
    return gathering.answered()


def _instance(gathering: Gathering, aws: Aws, target: Target) -> Read[dict[str, Any]]:
    none = {"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"}
    read: Read[Any] = attempt(
        lambda: gathering.call(aws, INSTANCES, absent=none, InstanceIds=[target.id], IncludeManagedResources=True)
    )
    listed = [
        one
        for reservation in (read.value or {}).get("Reservations", [])
        if reservation.get("OwnerId") in (None, target.account)
        for one in reservation.get("Instances", [])
        if one.get("InstanceId") == target.id
    ]
    return Read(listed[0] if listed else None, read.gap)


def _tell_unseen(gathering: Gathering, target: Target, gap: str, *, listed: bool) -> None:
    for name in FACTS:
        if gap:
            gathering.failed(name, target, gap)
        else:
            gathering.absent(name, target, "no_instance")
    if not gap:
        gathering.known("instance.exists", target, False)
    if listed:
        gathering.known("instance.scanner", target, True)


def _tell_itself(gathering: Gathering, machine: Machine) -> None:
    target, found = machine.target, machine.found
    state = str(found.get("State", {}).get("Name", "")).replace("-", "_")
    gathering.known("instance.exists", target, True)
    gathering.settle("instance.state", target, state or None, "no_state")
    gathering.known("instance.spot", target, found.get("InstanceLifecycle") == "spot")
    gathering.known("instance.managed", target, found.get("Operator", {}).get("Managed") is True)
    gathering.known("instance.protecting_tag", target, any_protects(machine.tags))


def _tell_interfaces(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    """All interfaces there are now; the finding only names those that it saw."""
    target = machine.target
    read = gathering.counted(aws, lambda: interfaces.of_instance(aws, INTERFACES, target))
    listed = read.value or []
    own = [one for one in listed if not one.service]
    for one in own:
        gathering.target(
            Target(
                kind=TargetKind.INTERFACE, id=one.id, account=target.account, region=target.region,
                partition=target.partition,
            )
        )  # fmt: skip
    gathering.settle("instance.interfaces", target, None if read.gap else len(listed), read.gap)
    gathering.settle("instance.service_interfaces", target, None if read.gap else len(listed) - len(own), read.gap)
    gathering.holds("instance.forwards", target, any(one.forwards for one in own), read.gap)
    look = quarantine.Look(GROUPS, INTERFACES, target.account)
    states = gathering.counted(aws, lambda: quarantine.states(aws, look, own))
    inside = bool(own) and all(state == quarantine.IN_QUARANTINE for state in (states.value or {"": ""}).values())
    gap = read.gap or states.gap
    gathering.settle("instance.quarantined", target, None if gap else inside, gap)


def _tell_scaling(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    target = machine.target
    read: Read[Any] = attempt(lambda: gathering.call(aws, MEMBERSHIP, InstanceIds=[target.id]))
    member = next(iter((read.value or {}).get("AutoScalingInstances", [])), None)
    gathering.settle("instance.in_group", target, None if read.gap else member is not None, read.gap)
    group: Read[Any] = Read({})
    if member is not None:
        named = [member["AutoScalingGroupName"]]
        group = attempt(lambda: gathering.call(aws, SCALING, AutoScalingGroupNames=named))
    of_group: dict[str, Any] = next(iter((group.value or {}).get("AutoScalingGroups", [])), {})
    group_tags = {str(tag.get("Key")) for tag in of_group.get("Tags", [])}
    gathering.holds("instance.node", target, _is_node({*machine.tags, *group_tags}), read.gap or group.gap)
    if read.gap or group.gap:
        gathering.failed("instance.group_can_shrink", target, read.gap or group.gap)
    elif member is None or not of_group:
        gathering.absent("instance.group_can_shrink", target, "not_in_group")
    else:
        # in standby it does not count any more
        spare = member["LifecycleState"] == "Standby" or of_group["DesiredCapacity"] > of_group["MinSize"]
        gathering.known("instance.group_can_shrink", target, spare)


def _is_node(keys: Iterable[str]) -> bool:
    return any(key.startswith(_NODE_TAGS) for key in keys)


def _tell_targets(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    """There is no way to ask which target groups an instance is in: all of its VPCs are looked through."""
    read = attempt(lambda: serving(gathering, aws, machine))
    gathering.settle("instance.target_groups", machine.target, read.value, read.gap)


def _tell_role(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    target, profile = machine.target, str(machine.found.get("IamInstanceProfile", {}).get("Arn", ""))
    iam = aws.at(home(aws.partition))
    read: Read[Any] = Read(None)
    if profile:
        named = profile.rsplit("/", 1)[-1]
        read = attempt(lambda: gathering.call(iam, PROFILE, absent={"NoSuchEntity"}, InstanceProfileName=named))
    role = next(iter((read.value or {}).get("InstanceProfile", {}).get("Roles", [])), None)
    gathering.settle("instance.role", target, None if read.gap else role is not None, read.gap)
    if role is None:
        gathering.settle("instance.role_siblings", target, None if read.gap else 0, read.gap)
        return
    name = str(role["RoleName"])
    # what the registry says of the role holds for the instance, whoever named it
    gathering.target(Target.model_validate({**target.model_dump(), "owner": name}))
    gathering.target(
        Target(kind=TargetKind.ROLE, id=name, account=target.account, region=GLOBAL, partition=target.partition)
    )
    sharing = attempt(lambda: siblings(gathering, aws, iam, machine, name))
    gathering.settle("instance.role_siblings", target, sharing.value, sharing.gap)


def _tell_dns(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    read = attempt(lambda: resolvers(gathering, aws, machine.vpcs))
    found = bool(machine.addresses & (read.value or set()))
    gathering.holds("instance.dns_server", machine.target, found, read.gap)


def _tell_snapshots(gathering: Gathering, aws: Aws, machine: Machine) -> None:
    """Snapshots that an earlier run took of this instance."""
    filters = [{"Name": f"tag:{_SNAPSHOT_OF}", "Values": [machine.target.id]}]
    read = attempt(lambda: gathering.all(aws, SNAPSHOTS, "Snapshots", OwnerIds=["self"], Filters=filters))
    gathering.settle("instance.snapshots", machine.target, None if read.value is None else len(read.value), read.gap)
