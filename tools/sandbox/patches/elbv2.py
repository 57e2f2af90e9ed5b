"""Target groups keep each target by id, port and zone, and forget nothing that was not asked of them."""

from typing import Any

from tools.sandbox.mechanism import patch

_GROUP = "moto.elbv2.models"
Target = dict[str, Any]


def keep(group: Any, target: Target) -> None:
    """Register a target, whatever state it is in."""
    port = int(target.get("Port") or group.port)
    zone = {"AvailabilityZone": target["AvailabilityZone"]} if target.get("AvailabilityZone") else {}
    key = f"{target['Id']}:{port}"
    group.targets[key] = {"Id": target["Id"], "Port": port} | zone
    group.deregistered_targets.pop(key, None)


def forget(group: Any, target: Target) -> None:
    """Deregister a target if there is one with that id, port (the group's own when not given) and zone (if given)."""
    key = f"{target['Id']}:{int(target.get('Port') or group.port)}"
    zone = target.get("AvailabilityZone")
    if key in group.targets and zone in (None, group.targets[key].get("AvailabilityZone")):
        group.deregistered_targets[key] = group.targets.pop(key)


@patch(
    _GROUP,
    "FakeTargetGroup.register",
    source="d54f9b85f8ed",
    why="moto keeps a target by its id alone, and drops its zone",
)
def _register(original: Any) -> Any:
    def register(self: Any, targets: list[Target]) -> None:
        from moto.elbv2.exceptions import InvalidTargetError, TargetNotRunning

        for target in targets:
            instance = self.ec2_backend.get_instance_by_id(target["Id"])
            if instance is not None and instance.state != "running":
                raise TargetNotRunning(instance_id=target["Id"])
            if instance is None and self.target_type == "instance":
                raise InvalidTargetError()
        for target in targets:
            keep(self, target)

    return register


@patch(
    _GROUP,
    "FakeTargetGroup.deregister",
    source="8e6f7f5d004b",
    why="moto looks at the id alone, and refuses what is not registered",
)
def _deregister(original: Any) -> Any:
    def deregister(self: Any, targets: list[Target]) -> None:
        for target in targets:
            forget(self, target)

    return deregister


@patch(
    _GROUP,
    "FakeTargetGroup.deregister_terminated_instances",
    source="3d394fd6ec2c",
    why="it goes by the keys that we changed",
)
def _terminated(original: Any) -> Any:
    def deregister(self: Any, instance_ids: list[str]) -> None:
        for key, target in list(self.targets.items()):
            if target["Id"] in instance_ids:
                self.terminated_targets[key] = self.targets.pop(key)

    return deregister


@patch(_GROUP, "FakeTargetGroup.health_for", source="c402d5860653", why="it goes by the keys that we changed")
def _health(original: Any) -> Any:
    def health(self: Any, target: Target, ec2_backend: Any) -> Any:
        from moto.elbv2.models import FakeHealthStatus

        port = int(target.get("Port") or self.port)
        key = f"{target['Id']}:{port}"
        if key in self.targets:
            stopped = getattr(ec2_backend.get_instance_by_id(target["Id"]), "state", "running") != "running"
            said = ("unused", "Target.InvalidState", "Target is in the stopped state") if stopped else ("healthy",)
        elif key in self.terminated_targets:
            said = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        else:
            said = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
        status: Any = FakeHealthStatus(target["Id"], str(port), self.health_check_port, *said)
        status.zone = self.targets.get(key, target).get("AvailabilityZone")
        return status

    return health


@patch(_GROUP, "FakeHealthStatus.target", source="e5825f3366cd", why="moto drops a target's zone")
def _zone(original: Any) -> Any:
    def target(self: Any) -> Target:
        zone = getattr(self, "zone", None)
        return {"Id": self.instance_id, "Port": self.port} | ({"AvailabilityZone": zone} if zone else {})

    return property(target)
