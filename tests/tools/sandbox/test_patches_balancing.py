"""What we put right in moto's Auto Scaling and load balancing, seen from outside."""

from typing import Any

import pytest
from ec2_scene import ACCOUNT, ALONE, INSTANCE, REGION, SIBLING, WORLD, ec2_of, health, made, refusal

from tools.sandbox.engine import Sandbox


def scaling(sandbox: Sandbox) -> Any:
    return sandbox.client("autoscaling", ACCOUNT, REGION)


def target_group(sandbox: Sandbox, name: str = "web") -> tuple[Any, str]:
    elbv2 = sandbox.client("elbv2", ACCOUNT, REGION)
    return elbv2, elbv2.describe_target_groups(Names=[name])["TargetGroups"][0]["TargetGroupArn"]


def group(sandbox: Sandbox) -> tuple[int, dict[str, str]]:
    """Desired capacity, and the instances with their lifecycle."""
    told = scaling(sandbox).describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
    return told["DesiredCapacity"], {one["InstanceId"]: one["LifecycleState"] for one in told["Instances"]}


def enter(sandbox: Sandbox, *instances: str, decrement: bool = True) -> Any:
    return scaling(sandbox).enter_standby(
        AutoScalingGroupName="web", InstanceIds=list(instances), ShouldDecrementDesiredCapacity=decrement
    )


def test_standby_leaves_the_target_groups_and_takes_one_off_the_desired_capacity() -> None:
    sandbox = made()
    answer = enter(sandbox, INSTANCE)
    assert "shrinking the capacity from 2 to 1" in answer["Activities"][0]["Cause"]
    assert group(sandbox) == (1, {INSTANCE: "Standby", SIBLING: "InService"})
    assert health(sandbox, "web") == [(SIBLING, 80, "healthy")]
    running = ec2_of(sandbox).describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    assert len(running["Reservations"]) == 4


def test_leaving_standby_registers_again_and_puts_one_on_the_desired_capacity() -> None:
    sandbox = made()
    enter(sandbox, INSTANCE)
    scaling(sandbox).exit_standby(AutoScalingGroupName="web", InstanceIds=[INSTANCE])
    assert group(sandbox) == (2, {INSTANCE: "InService", SIBLING: "InService"})
    assert sorted(health(sandbox, "web")) == [(INSTANCE, 80, "healthy"), (SIBLING, 80, "healthy")]


def test_standby_that_would_fall_under_the_minimum_is_refused_and_changes_nothing() -> None:
    sandbox = made(WORLD.replace("min: 1", "min: 2"))
    code = refusal(
        scaling(sandbox).enter_standby,
        AutoScalingGroupName="web",
        InstanceIds=[INSTANCE],
        ShouldDecrementDesiredCapacity=True,
    )
    assert code == "ValidationError"
    assert group(sandbox) == (2, {INSTANCE: "InService", SIBLING: "InService"})
    assert len(health(sandbox, "web")) == 3


def test_standby_that_keeps_the_desired_capacity_launches_another_instance() -> None:
    sandbox = made()
    enter(sandbox, INSTANCE, decrement=False)
    desired, lifecycle = group(sandbox)
    assert (desired, lifecycle.pop(INSTANCE), lifecycle.pop(SIBLING)) == (2, "Standby", "InService")
    assert list(lifecycle.values()) == ["InService"]


@pytest.mark.parametrize(
    ("operation", "instances"),
    [("enter_standby", [ALONE]), ("exit_standby", [INSTANCE]), ("enter_standby", [INSTANCE, ALONE])],
)
def test_only_members_in_the_right_state_enter_or_leave_standby(operation: str, instances: list[str]) -> None:
    sandbox = made()
    more = {"ShouldDecrementDesiredCapacity": True} if operation == "enter_standby" else {}
    call = getattr(scaling(sandbox), operation)
    assert refusal(call, AutoScalingGroupName="web", InstanceIds=instances, **more) == "ValidationError"
    assert group(sandbox) == (2, {INSTANCE: "InService", SIBLING: "InService"})
    assert refusal(call, AutoScalingGroupName="gone", InstanceIds=instances, **more) == "ValidationError"


def test_leaving_standby_above_the_maximum_is_refused() -> None:
    world = WORLD.replace("min: 1, ", f"min: 1, max: 1, standby: [{INSTANCE}], ")
    call = scaling(made(world)).exit_standby
    assert refusal(call, AutoScalingGroupName="web", InstanceIds=[INSTANCE]) == "ValidationError"


def test_detaching_an_instance_in_standby_leaves_the_desired_capacity() -> None:
    sandbox = made()
    enter(sandbox, INSTANCE)
    scaling(sandbox).detach_instances(
        AutoScalingGroupName="web", InstanceIds=[INSTANCE], ShouldDecrementDesiredCapacity=True
    )
    assert group(sandbox) == (1, {SIBLING: "InService"})


def test_an_unknown_instance_is_in_no_group() -> None:
    told = scaling(made()).describe_auto_scaling_instances(InstanceIds=["i-0123456789abcdef0"])
    assert told["AutoScalingInstances"] == []


def test_a_target_is_deregistered_by_id_and_port_and_nothing_else_is() -> None:
    sandbox = made()
    elbv2, arn = target_group(sandbox)
    for target in (
        {"Id": INSTANCE, "Port": 9999},
        {"Id": ALONE},
        {"Id": INSTANCE, "Port": 80, "AvailabilityZone": "all"},
    ):
        elbv2.deregister_targets(TargetGroupArn=arn, Targets=[target])
        assert len(health(sandbox, "web")) == 3
    elbv2.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": INSTANCE, "Port": 8080}])
    assert health(sandbox, "web") == [(INSTANCE, 80, "healthy"), (SIBLING, 80, "healthy")]
    elbv2.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": INSTANCE}])
    assert health(sandbox, "web") == [(SIBLING, 80, "healthy")]
    elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": INSTANCE, "Port": 8080}])
    assert sorted(health(sandbox, "web")) == [(INSTANCE, 8080, "healthy"), (SIBLING, 80, "healthy")]


def test_what_is_not_registered_is_unused_whether_it_was_once_or_never() -> None:
    sandbox = made()
    elbv2, arn = target_group(sandbox)
    elbv2.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": INSTANCE, "Port": 8080}])
    asked = [{"Id": INSTANCE, "Port": 8080}, {"Id": ALONE, "Port": 80}, {"Id": INSTANCE, "Port": 80}]
    assert [state for _, _, state in health(sandbox, "web", *asked)] == ["unused", "unused", "healthy"]


def test_an_address_target_keeps_its_zone() -> None:
    sandbox = made()
    elbv2, arn = target_group(sandbox, "by-address")
    told = elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    targets = [one["Target"] for one in told]
    assert targets == [{"Id": "10.0.1.10", "Port": 81}, {"Id": "192.0.2.7", "Port": 81, "AvailabilityZone": "all"}]
    elbv2.deregister_targets(TargetGroupArn=arn, Targets=targets)
    assert health(sandbox, "by-address") == []


def test_instances_that_do_not_run_or_are_not_there_are_not_registered() -> None:
    sandbox = made()
    elbv2, arn = target_group(sandbox)
    ec2_of(sandbox).stop_instances(InstanceIds=[ALONE])
    for identity in (ALONE, "i-0123456789abcdef0"):
        assert refusal(elbv2.register_targets, TargetGroupArn=arn, Targets=[{"Id": identity}]) == "InvalidTarget"


def test_stopped_and_terminated_targets_are_unused_and_draining() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    ec2.stop_instances(InstanceIds=[INSTANCE])
    assert [state for identity, _, state in health(sandbox, "web") if identity == INSTANCE] == ["unused", "unused"]
    ec2.terminate_instances(InstanceIds=[INSTANCE])
    assert health(sandbox, "web") == [(SIBLING, 80, "healthy")]
    assert health(sandbox, "web", {"Id": INSTANCE, "Port": 80}) == [(INSTANCE, 80, "draining")]
