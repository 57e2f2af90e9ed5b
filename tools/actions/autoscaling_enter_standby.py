"""Take an instance out of service in its Auto Scaling group, so that the group neither serves from it nor replaces it."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Conflict, Gone, Phase
from tools.instances import describing, find, subject
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="autoscaling_enter_standby",
    target=TargetKind.INSTANCE,
    order=120,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_RESOURCE,
    summary="Put the instance on standby in its Auto Scaling group, with one instance less desired.",
    disrupts="The group serves with one instance less; its target groups lose this one.",
    leaves_open=[
        "The group starts no replacement, and may start one by its own scaling rules.",
        "Whatever let the attacker in may be in the group's other instances.",
    ],
    opens_again="the instance {target} is in service in its Auto Scaling group again.",
)

IN_SERVICE, STANDBY, ENTERING = "InService", "Standby", "EnteringStandby"
_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds. A group is busy for seconds; draining before standby can take minutes, and is not waited for."""

_GROUPS = "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/*"
_ALL = (Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO)
DESCRIBE = describing(*_ALL)
MEMBER = AwsCall(
    "autoscaling", "DescribeAutoScalingInstances", "autoscaling:DescribeAutoScalingInstances", "*", frozenset(_ALL)
)  # fmt: skip
GROUP = AwsCall(
    "autoscaling", "DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingGroups", "*", frozenset({Phase.PLAN})
)
ENTER = AwsCall(
    "autoscaling", "EnterStandby", "autoscaling:EnterStandby", _GROUPS, frozenset({Phase.EXECUTE}), writes=True
)  # fmt: skip
EXIT = AwsCall("autoscaling", "ExitStandby", "autoscaling:ExitStandby", _GROUPS, frozenset({Phase.UNDO}), writes=True)
CALLS = frozenset({DESCRIBE, MEMBER, GROUP, ENTER, EXIT})


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    group: str | None
    """The Auto Scaling group. None: the instance is in none, and there is nothing to do."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"lifecycle": state}` of the instance in its group; null both times without a group.

    The desired capacity is no part of it. Standby lowers it by one and leaving raises it by one, whatever it is then, so that
    several instances of one group can be planned at once and taken back in any order; AWS keeps the minimum.
    """
    no = partial(Inapplicable, action=SPEC.id, target=target, reason="not_supported")
    instance = subject(aws, DESCRIBE, target, SPEC.id)
    if isinstance(instance, Inapplicable):
        return instance
    member = _member(aws, target)
    if member is None:
        return _change(target, None, before=None, after=None)
    lifecycle, name = member["LifecycleState"], member["AutoScalingGroupName"]
    group = _group(aws, name)
    desired, smallest = int(group["DesiredCapacity"]), int(group["MinSize"])
    if lifecycle in (STANDBY, ENTERING):
        return _change(target, name, before=STANDBY, after=STANDBY)
    no = partial(no, found={"lifecycle": lifecycle})
    if lifecycle != IN_SERVICE:
        return no(detail=f"its Auto Scaling group has it as {lifecycle}: only {IN_SERVICE} can go on standby")
    if desired - 1 < smallest:
        return no(detail=f"its Auto Scaling group wants {desired} and may not fall below {smallest} instances")
    serving = len(group.get("TargetGroupARNs", []))
    return _change(
        target, name, before=IN_SERVICE, after=STANDBY,
        effects=[
            Effect(what="Instances are left in the Auto Scaling group.", count=desired - 1),
            Effect(what="Target groups lose this instance.", count=serving),
        ],
    )  # fmt: skip


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Enter standby with one instance less desired, if the lifecycle is still that before. AWS refuses below the minimum."""
    group = Params.model_validate(change.params).group

    def write() -> None:
        _patiently(aws, ENTER, change.target, group, ShouldDecrementDesiredCapacity=True)

    return step(aws, _read(aws, change), write, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: the instance is on standby, or on its way there. What the group wants meanwhile is its own matter."""
    entering = False

    def read() -> JsonObject:
        nonlocal entering
        member = _of_group(aws, change)
        entering = member is not None and member["LifecycleState"] == ENTERING
        return {"lifecycle": _settled(member)}

    wanted = change.after["lifecycle"]
    detail = f"DescribeAutoScalingInstances reads {wanted or 'no group'}, twice"
    seen = read_back(aws, read, {"lifecycle": wanted}, detail)
    if seen.holds and entering:
        return seen.model_copy(update={"detail": f"{seen.detail}: on its way, connections are being drained"})
    return seen


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Leave standby, which raises the desired capacity by one, if the lifecycle is still that after. Waits for InService."""
    group = Params.model_validate(change.params).group

    def write() -> None:
        _await(aws, change, lambda state: state != ENTERING)
        _patiently(aws, EXIT, change.target, group)

    done = step(aws, _read(aws, change), write, expected=change.after, wanted=change.before)
    if isinstance(done, Executed) and change.needed and not _await(aws, change, lambda state: state == IN_SERVICE):
        return done.model_copy(
            update={"outcome": "partial", "detail": f"it has left standby, and is not {IN_SERVICE} yet"}
        )
    return done


def _change(
    target: Target, group: str | None, *, before: str | None, after: str | None, effects: list[Effect] | None = None
) -> Change:
    params = Params(group=group).model_dump(mode="json")
    return Change(
        action=SPEC.id, target=target, params=params, before={"lifecycle": before}, after={"lifecycle": after},
        blast_radius=effects or [],
        leaves_open=SPEC.leaves_open if group else [],
    )  # fmt: skip


def _member(aws: Aws, target: Target) -> dict[str, Any] | None:
    """The instance as its group has it. An empty answer means no group: the instance itself is known to exist."""
    answer = aws.need(MEMBER, InstanceIds=[target.id])
    listed = cast(list[dict[str, Any]], answer.get("AutoScalingInstances", []))
    return next((one for one in listed if one["InstanceId"] == target.id), None)


def _group(aws: Aws, name: str) -> dict[str, Any]:
    answer = aws.need(GROUP, AutoScalingGroupNames=[name])
    for found in cast(list[dict[str, Any]], answer.get("AutoScalingGroups", [])):
        if found["AutoScalingGroupName"] == name:
            return found
    raise Gone(GROUP.name, "NoSuchAutoScalingGroup")


def _of_group(aws: Aws, change: Change) -> dict[str, Any] | None:
    """As `_member`; being in another group than when the change was planned counts as in none."""
    find(aws, DESCRIBE, change.target.id)
    member, name = _member(aws, change.target), Params.model_validate(change.params).group
    return member if member is None or name is None or member["AutoScalingGroupName"] == name else None


def _settled(member: dict[str, Any] | None) -> str | None:
    """The state that the instance is in or, once asked, goes to by itself."""
    state = None if member is None else str(member["LifecycleState"])
    if state == ENTERING:
        return STANDBY
    return IN_SERVICE if state in ("Pending", "Pending:Wait", "Pending:Proceed") else state


def _read(aws: Aws, change: Change) -> Read:
    def read() -> JsonObject:
        return {"lifecycle": _settled(_of_group(aws, change))}

    return read


def _await(aws: Aws, change: Change, reached: Callable[[str], bool]) -> bool:
    for wait in (*_WAITS, None):
        member = _of_group(aws, change)
        if member is not None and reached(str(member["LifecycleState"])):
            return True
        if wait is not None:
            aws.sleep(wait)
    return False


def _patiently(aws: Aws, call: AwsCall, target: Target, group: str | None, **more: Any) -> None:
    """Call, and again while the group is busy with something else. Raises Conflict if it stays so."""
    for wait in _WAITS[:3]:
        try:
            aws.need(call, InstanceIds=[target.id], AutoScalingGroupName=group, **more)
        except Conflict:
            aws.sleep(wait)
        else:
            return
    aws.need(call, InstanceIds=[target.id], AutoScalingGroupName=group, **more)
