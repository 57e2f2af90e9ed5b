"""Standby as Auto Scaling does it: out of load balancing, and the desired capacity kept between minimum and maximum."""

from typing import Any

from tools.sandbox.mechanism import patch, prepare

_BACKEND = "moto.autoscaling.models"


@patch(
    _BACKEND,
    "AutoScalingBackend.enter_standby_instances",
    source="63fa68b9e676",
    why="moto leaves the target groups, launches and terminates at will, and knows no minimum",
)
def _enter(original: Any) -> Any:
    def enter(self: Any, group_name: str, instance_ids: list[str], should_decrement: bool) -> list[Any]:
        from moto.autoscaling.models import EnterStandbyActivity

        group = _group(self, group_name)
        states = _members(group, instance_ids, "InService")
        before = group.desired_capacity
        if should_decrement and before - len(states) < group.min_size:
            raise _refused(
                f"AutoScalingGroup {group_name} has min-size={group.min_size}, max-size={group.max_size}, and "
                f"desired-size={before}. To place into standby {len(states)} instance, please update the "
                "AutoScalingGroup sizes appropriately."
            )
        group.desired_capacity -= len(states) if should_decrement else 0
        for state in states:
            state.lifecycle_state = "Standby"
            _leave(self, group, state.instance)
        if not should_decrement:
            group.set_desired_capacity(before)
        return [EnterStandbyActivity(state.instance, before) for state in states]

    return enter


@patch(
    _BACKEND,
    "AutoScalingBackend.exit_standby_instances",
    source="38e5f0ec1837",
    why="moto takes any instance, and knows no maximum",
)
def _exit(original: Any) -> Any:
    def leave(self: Any, group_name: str, instance_ids: list[str]) -> list[Any]:
        from moto.autoscaling.models import ExitStandbyActivity

        group = _group(self, group_name)
        states = _members(group, instance_ids, "Standby")
        before = group.desired_capacity
        if before + len(states) > group.max_size:
            raise _refused(
                f"AutoScalingGroup {group_name} has min-size={group.min_size}, max-size={group.max_size}, and "
                f"desired-size={before}. To exit standby {len(states)} instance, please update the AutoScalingGroup "
                "sizes appropriately."
            )
        group.desired_capacity = before + len(states)
        for state in states:
            state.lifecycle_state = "InService"
        self.update_attached_target_groups(group.name)
        return [ExitStandbyActivity(state.instance, before) for state in states]

    return leave


@patch(
    _BACKEND,
    "AutoScalingBackend.update_attached_target_groups",
    source="bfd5f82b886a",
    why="moto registers instances in standby and those that do not run",
)
def _attached(original: Any) -> Any:
    def update(self: Any, group_name: str) -> None:
        group = self.autoscaling_groups[group_name]
        targets = [{"Id": one.instance.id} for one in group.active_instances() if one.instance.state == "running"]
        for arn in group.target_group_arns:
            if arn in self.elbv2_backend.target_groups:
                self.elbv2_backend.register_targets(arn, targets)

    return update


@patch(
    _BACKEND,
    "AutoScalingBackend.detach_instances",
    source="839975a01aec",
    why="moto leaves the target groups, and takes a standby instance off the desired capacity",
)
def _detach(original: Any) -> Any:
    def detach(self: Any, group_name: str, instance_ids: list[str], should_decrement: bool) -> list[Any]:
        group = _group(self, group_name)
        states = [state for state in group.instance_states if state.instance.id in instance_ids]
        standing_by = sum(state.lifecycle_state == "Standby" for state in states)
        for state in states:
            _leave(self, group, state.instance)
        if should_decrement:
            group.desired_capacity += standing_by
        activities: list[Any] = original(self, group_name, instance_ids, should_decrement)
        return activities

    return detach


def _group(backend: Any, name: str) -> Any:
    if name not in backend.autoscaling_groups:
        raise _refused(f"Group {name} not found")
    return backend.autoscaling_groups[name]


def _members(group: Any, instance_ids: list[str], lifecycle: str) -> list[Any]:
    """All of them, or a refusal: nothing is done to some."""
    by_id = {state.instance.id: state for state in group.instance_states}
    for identity in instance_ids:
        if identity not in by_id:
            raise _refused(f"The instance {identity} is not part of Auto Scaling group {group.name}.")
        if by_id[identity].lifecycle_state != lifecycle:
            raise _refused(f"The instance {identity} is not in {lifecycle}.")
    return [by_id[identity] for identity in instance_ids]


def _leave(backend: Any, group: Any, instance: Any) -> None:
    """Out of the group's target groups, whatever port it is registered with."""
    prepare("elbv2")
    from tools.sandbox.patches.elbv2 import forget

    for arn in group.target_group_arns:
        target_group = backend.elbv2_backend.target_groups.get(arn)
        for target in list(target_group.targets.values()) if target_group is not None else []:
            if target["Id"] == instance.id:
                forget(target_group, target)


def _refused(message: str) -> Exception:
    from moto.autoscaling.exceptions import ValidationError

    error: Exception = ValidationError(message)
    return error
