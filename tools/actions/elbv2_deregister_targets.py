"""Take an instance out of every target group that it is registered in, by id or by its private addresses."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Phase
from tools.instances import describing, find, subject
from tools.transition import Part, Read, in_parts, read_back

SPEC = ActionSpec(
    id="elbv2_deregister_targets",
    target=TargetKind.INSTANCE,
    order=130,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_RESOURCE,
    summary="Take the instance out of the target groups that it is registered in.",
    disrupts="Those whom the load balancers send to this instance: the group's other targets serve them, if there are any.",
    leaves_open=[
        "Requests in flight go on until the target group's draining time is over.",
        "Classic load balancers, and target groups of other VPCs that know the instance by an address.",
    ],
    opens_again="load balancers send requests to the instance {target} again.",
)

_TARGET_GROUPS = "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/*/*"
_ALL = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO)
DESCRIBE = describing(*_ALL)
GROUPS = AwsCall("elbv2", "DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups", "*", frozenset(_ALL))
HEALTH = AwsCall("elbv2", "DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth", "*", frozenset(_ALL))
DEREGISTER = AwsCall(
    "elbv2", "DeregisterTargets", "elasticloadbalancing:DeregisterTargets", _TARGET_GROUPS,
    frozenset({Phase.EXECUTE}), writes=True,
)  # fmt: skip
REGISTER = AwsCall(
    "elbv2", "RegisterTargets", "elasticloadbalancing:RegisterTargets", _TARGET_GROUPS,
    frozenset({Phase.UNDO}), writes=True,
)  # fmt: skip
CALLS = frozenset({DESCRIBE, GROUPS, HEALTH, DEREGISTER, REGISTER})

Registration = dict[str, Any]
"""`{"group": ARN, "target": {"Id", "Port", …}}`: the target exactly as it is registered, since another port is another target."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"registered": [registration, …]}`; after, none. Draining targets do not count as registered."""
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    scanned = _scan(aws, instance)
    before = _registered(scanned, instance)
    return Change(
        action=SPEC.id,
        target=target,
        before={"registered": cast(list[Any], before)},
        after={"registered": []},
        blast_radius=_blast_radius(scanned, before),
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Deregister what is still registered. A registration that was not there before is drift."""
    before = cast(list[Registration], change.before["registered"])

    def todo(found: JsonObject) -> list[Part] | Drifted:
        present = cast(list[Registration], found["registered"])
        new = [one for one in present if one not in before]
        if new:
            return Drifted(what=f"registered meanwhile: {_named(new)}", found=found)
        return _parts(present, partial(_write, aws, DEREGISTER))

    return in_parts(aws, _read(aws, change.target), todo, expected=change.before)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: no target group of the instance's VPCs lists it, unless as draining."""
    detail = "DescribeTargetHealth lists it in no target group, or as draining, twice"
    return read_back(aws, _read(aws, change.target), change.after, detail)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Register it again, with the same ids, ports and zones.

    Stops if a target group is gone or has a new registration, or if an address is no more the instance's: by now it may be
    somebody else's.
    """
    before = cast(list[Registration], change.before["registered"])

    def todo(found: JsonObject) -> list[Part] | Drifted:
        present = cast(list[Registration], found["registered"])
        new = [one for one in present if one not in before]
        if new:
            return Drifted(what=f"registered meanwhile: {_named(new)}", found=found)
        missing = [one for one in before if one not in present]
        there = {group["TargetGroupArn"] for group in _groups(aws)} if missing else set()
        gone = [one for one in missing if one["group"] not in there]
        if gone:
            return Drifted(what=f"deleted meanwhile: the target group of {_named(gone)}", found=found)
        own = _own(find(aws, DESCRIBE, change.target.id)) if missing else set()
        lost = [one for one in missing if one["target"]["Id"] not in own]
        if lost:
            addresses = ", ".join(f"{one['target']['Id']} of {_name(one['group'])}" for one in lost)
            return Drifted(what=f"the instance has these addresses no more: {addresses}", found=found)
        return _parts(missing, partial(_write, aws, REGISTER))

    return in_parts(aws, _read(aws, change.target), todo, expected=change.after)


def _write(aws: Aws, call: AwsCall, group: str, targets: list[Any]) -> None:
    aws.need(call, TargetGroupArn=group, Targets=targets)


def _parts(registrations: list[Registration], write: Callable[[str, list[Any]], None]) -> list[Part]:
    """One call for each target group."""
    by_group: dict[str, list[Any]] = {}
    for one in registrations:
        by_group.setdefault(one["group"], []).append(one["target"])
    return [Part(_name(group), partial(write, group, targets)) for group, targets in by_group.items()]


def _name(group: str) -> str:
    return group.split("/")[1]


def _named(registrations: list[Registration]) -> str:
    return ", ".join(f"{_name(one['group'])} port {one['target'].get('Port')}" for one in registrations)


def _read(aws: Aws, target: Target) -> Read:
    def read() -> JsonObject:
        instance = find(aws, DESCRIBE, target.id)
        return {"registered": cast(list[Any], _registered(_scan(aws, instance), instance))}

    return read


def _groups(aws: Aws) -> list[dict[str, Any]]:
    return [one for page in aws.pages(GROUPS) for one in cast(list[dict[str, Any]], page.get("TargetGroups", []))]


def _scan(aws: Aws, instance: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every target of every group that could have the instance: AWS does not say in which groups an instance is."""
    vpcs = {one["VpcId"] for one in instance.get("NetworkInterfaces", [])} | {instance.get("VpcId")}
    could = [one for one in _groups(aws) if one.get("TargetType") in ("instance", "ip") and one.get("VpcId") in vpcs]
    scanned = {}
    for group in could:
        arn = group["TargetGroupArn"]
        answer = aws.call(HEALTH, absent={"TargetGroupNotFound"}, TargetGroupArn=arn)
        scanned[arn] = cast(list[dict[str, Any]], (answer or {}).get("TargetHealthDescriptions", []))
    return scanned


def _registered(scanned: dict[str, list[dict[str, Any]]], instance: dict[str, Any]) -> list[Registration]:
    """Its registrations, in one order. A private address is its own only in its own VPC."""
    own = _own(instance)
    found = [
        {"group": group, "target": one["Target"]}
        for group, targets in scanned.items()
        for one in targets
        if one["Target"]["Id"] in own and one["TargetHealth"]["State"] != "draining"
    ]
    return sorted(found, key=lambda one: json.dumps(one, sort_keys=True))


def _own(instance: dict[str, Any]) -> set[Any]:
    """What a target group may know the instance by: its id and its addresses."""
    interfaces = instance.get("NetworkInterfaces", [])
    listed = [address["PrivateIpAddress"] for one in interfaces for address in one.get("PrivateIpAddresses", [])]
    listed += [address["Ipv6Address"] for one in interfaces for address in one.get("Ipv6Addresses", [])]
    return {instance["InstanceId"], instance.get("PrivateIpAddress"), *listed}


def _blast_radius(scanned: dict[str, list[dict[str, Any]]], registrations: list[Registration]) -> list[Effect]:
    groups = {one["group"] for one in registrations}
    alone = [group for group in groups if not _others_healthy(scanned[group], registrations)]
    return [
        Effect(what="Target groups lose this instance.", count=len(groups)),
        Effect(what="Target groups are left with no healthy target.", count=len(alone)),
    ]


def _others_healthy(targets: list[dict[str, Any]], registrations: list[Registration]) -> bool:
    ours = [one["target"] for one in registrations]
    return any(one["Target"] not in ours and one["TargetHealth"]["State"] == "healthy" for one in targets)
