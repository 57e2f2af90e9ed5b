"""Leaving Auto Scaling and load balancing: never below the minimum, under the exact ports, and back as it was."""

from typing import Any

import pytest
from grounds import ACCOUNT, REGION
from instance_scene import INSTANCE, SIBLING, SPOT, STOPPED, WORLD, Work, desired, lifecycles, target, targets

from agent.plan import Inapplicable
from agent.receipt import Drifted, Executed
from tools.aws import Conflict, Rejected
from tools.sandbox.faults import Fail, fail_calls

STANDBY, DEREGISTER = "autoscaling_enter_standby", "elbv2_deregister_targets"
BUSY = Fail("ResourceContention")


def _scaling(work: Work) -> Any:
    return work.sandbox.client("autoscaling", ACCOUNT, REGION)


def _balancing(work: Work) -> Any:
    return work.sandbox.client("elbv2", ACCOUNT, REGION)


def _arn(work: Work, group: str) -> str:
    return str(_balancing(work).describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"])


# Auto Scaling


def test_a_group_that_would_fall_below_its_minimum_is_not_supported_with_the_numbers() -> None:
    planned = Work.in_world(WORLD.replace("min: 1", "min: 2")).planned(STANDBY)
    assert isinstance(planned, Inapplicable)
    assert planned.reason == "not_supported"
    assert planned.detail == "its Auto Scaling group wants 2 and may not fall below 2 instances"


def test_standby_lowers_the_desired_capacity_so_that_no_replacement_is_launched_and_undo_raises_it() -> None:
    work = Work.in_world()
    change = work.plan(STANDBY)
    work.done(change)
    assert (lifecycles(work.sandbox)[INSTANCE], desired(work.sandbox)) == ("Standby", 1)
    assert targets(work.sandbox)["web"] == [(SIBLING, 443)]
    later = work.later()
    assert isinstance(later.undo(change), Executed)
    assert (lifecycles(later.sandbox)[INSTANCE], desired(later.sandbox)) == ("InService", 2)
    assert targets(later.sandbox)["web"] == [(INSTANCE, 443), (SIBLING, 443)]


def test_an_instance_in_no_group_needs_no_change() -> None:
    change = Work.in_world().plan(STANDBY, target(SPOT))
    assert (change.needed, change.before) == (False, {"lifecycle": None})


def test_an_instance_on_standby_already_needs_no_change_and_undo_leaves_it_there() -> None:
    work = Work.in_world(WORLD.replace("max: 4,", f"max: 4, standby: [ {INSTANCE} ],"))
    change = work.plan(STANDBY)
    assert not change.needed
    assert work.undo(change) == Executed(outcome="already")
    assert lifecycles(work.sandbox)[INSTANCE] == "Standby"


def test_a_desired_capacity_that_somebody_changed_hinders_neither_the_containment_nor_the_undo() -> None:
    """AWS lowers and raises whatever it is then by one: what others want of the group is kept."""
    work = Work.in_world()
    change = work.plan(STANDBY)
    work.done(change)
    _scaling(work).set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    assert work.verify(change).holds
    assert isinstance(work.undo(change), Executed)
    assert (lifecycles(work.sandbox)[INSTANCE], desired(work.sandbox)) == ("InService", 4)


@pytest.mark.parametrize("last_first", [True, False])
def test_two_of_one_group_are_planned_at_once_and_taken_back_in_any_order(last_first: bool) -> None:
    work = Work.in_world(WORLD.replace("min: 1", "min: 0"))
    changes = [work.plan(STANDBY, target(one)) for one in (INSTANCE, SIBLING)]
    assert [work.done(change).outcome for change in changes] == ["done", "done"]
    assert (set(lifecycles(work.sandbox).values()), desired(work.sandbox)) == ({"Standby"}, 0)
    for change in changes[::-1] if last_first else changes:
        assert isinstance(work.undo(change), Executed)
    assert (set(lifecycles(work.sandbox).values()), desired(work.sandbox)) == ({"InService"}, 2)


def test_the_second_of_two_planned_at_once_does_not_take_the_group_below_its_minimum() -> None:
    work = Work.in_world()
    first, second = (work.plan(STANDBY, target(one)) for one in (INSTANCE, SIBLING))
    work.done(first)
    with pytest.raises(Rejected):
        work.execute(second)
    assert lifecycles(work.sandbox)[SIBLING] == "InService"


def test_a_busy_group_is_asked_again_and_one_that_stays_busy_is_a_conflict() -> None:
    work = Work.in_world()
    change = work.plan(STANDBY)
    work.sandbox.faults.before.append(fail_calls("autoscaling:EnterStandby", BUSY, times=2))
    assert work.done(change).outcome == "done"
    work.sandbox.faults.before.append(fail_calls("autoscaling:ExitStandby", BUSY, times=99))
    with pytest.raises(Conflict):
        work.undo(change)


# Target groups


def test_exactly_the_registered_ports_and_addresses_are_recorded() -> None:
    work = Work.in_world()
    listed: Any = work.plan(DEREGISTER).before["registered"]
    named = [(one["group"].split("/")[1], one["target"]["Id"], one["target"]["Port"]) for one in listed]
    assert sorted(named) == [
        ("admin", INSTANCE, 8080), ("admin", INSTANCE, 8081), ("by-address", "10.0.2.11", 9090), ("web", INSTANCE, 443),
    ]  # fmt: skip


def test_an_instance_in_no_target_group_needs_no_change() -> None:
    work = Work.in_world()
    change = work.plan(DEREGISTER, target(STOPPED))
    assert (change.needed, work.done(change).outcome, work.verify(change).holds) == (False, "already", True)


def test_the_address_of_another_vpc_s_machine_is_not_taken_for_ours() -> None:
    """10.0.1.12 is the sibling's in its VPC; a target group of a VPC that it is not in means somebody else's."""
    elsewhere = WORLD.replace("vpc-0aa00000000000001, target_type: ip", "vpc-0aa00000000000002, target_type: ip")
    registered = Work.in_world(elsewhere.replace("10.0.2.11, port: 9090", "10.0.1.12, port: 9090"))
    assert "by-address" not in str(registered.plan(DEREGISTER, target(SIBLING)).before)
    assert targets(registered.sandbox)["by-address"] == [("10.0.1.12", 9090)]


def test_what_standby_has_deregistered_already_is_only_completed() -> None:
    work = Work.in_world()
    deregister, standby = work.plan(DEREGISTER), work.plan(STANDBY)
    work.done(standby)
    done = work.done(deregister)
    assert (done.outcome, len(done.calls)) == ("done", 2)
    assert work.verify(deregister).holds


def test_a_refused_target_group_leaves_the_others_deregistered_says_which_and_goes_on() -> None:
    work = Work.in_world()
    change = work.plan(DEREGISTER)
    refused = fail_calls("elbv2:DeregisterTargets", Fail("AccessDenied", 403), times=1, skip=1)
    work.sandbox.faults.before.append(refused)
    done = work.done(change)
    assert (done.outcome, done.detail) == ("partial", "not done: by-address (AccessDenied)")
    later = work.later()
    assert (later.done(change).outcome, later.verify(change).holds) == ("done", True)


def test_a_target_group_deleted_meanwhile_stops_the_undo_before_anything_is_written() -> None:
    work = Work.in_world()
    change = work.plan(DEREGISTER)
    work.done(change)
    _balancing(work).delete_target_group(TargetGroupArn=_arn(work, "admin"))
    undone = work.undo(change)
    assert isinstance(undone, Drifted)
    assert undone.what.startswith("deleted meanwhile: the target group of admin port 8080")
    assert targets(work.sandbox)["web"] == [(SIBLING, 443)]


def test_an_address_that_went_to_another_instance_meanwhile_is_not_registered_again() -> None:
    work = Work.in_world()
    change = work.plan(DEREGISTER)
    work.done(change)
    give(work, "10.0.2.11", SPOT)
    undone = work.undo(change)
    assert isinstance(undone, Drifted)
    assert undone.what == "the instance has these addresses no more: 10.0.2.11 of by-address"
    assert (targets(work.sandbox)["by-address"], targets(work.sandbox)["web"]) == ([], [(SIBLING, 443)])


def give(work: Work, address: str, instance: str) -> None:
    """The interface of the address is deleted, and another instance gets a new one with it."""
    ec2 = work.sandbox.client("ec2", ACCOUNT, REGION)
    held = {"Filters": [{"Name": "addresses.private-ip-address", "Values": [address]}]}
    (old,) = ec2.describe_network_interfaces(**held)["NetworkInterfaces"]
    ec2.detach_network_interface(AttachmentId=old["Attachment"]["AttachmentId"], Force=True)
    ec2.delete_network_interface(NetworkInterfaceId=old["NetworkInterfaceId"])
    new = ec2.create_network_interface(SubnetId=old["SubnetId"], PrivateIpAddress=address)["NetworkInterface"]
    ec2.attach_network_interface(NetworkInterfaceId=new["NetworkInterfaceId"], InstanceId=instance, DeviceIndex=1)


def test_the_card_says_how_many_target_groups_are_left_without_a_healthy_target() -> None:
    effects = {effect.what: effect.count for effect in Work.in_world().plan(DEREGISTER).blast_radius}
    assert effects == {"Target groups lose this instance.": 3, "Target groups are left with no healthy target.": 1}
