"""Evidence is protected as far as the instance can be, snapshot once for each run, and tags of others come back."""

from typing import Any

import pytest
from instance_scene import DATA, INSTANCE, ROOT, SPOT, STOPPED, WORLD, Work, ec2, target

from agent.plan import Inapplicable
from agent.receipt import Executed
from tools.sandbox.faults import Fail, Lost, fail_calls

PROTECT, SNAPSHOT, TAG = "ec2_protect_evidence", "ec2_snapshot_volumes", "ec2_tag_instance"


def _snapshots(work: Work) -> list[dict[str, Any]]:
    return list(ec2(work.sandbox).describe_snapshots(OwnerIds=["self"])["Snapshots"])


# Protection


def test_what_has_no_protection_gets_all_of_it_and_what_is_kept_already_is_not_written() -> None:
    change = Work.in_world().plan(PROTECT)
    assert change.before == {
        "termination_protection": False,
        "stop_protection": False,
        "shutdown": "terminate",
        f"volume {ROOT}": {"device": "/dev/xvda", "delete_on_termination": True},
        f"volume {DATA}": {"device": "/dev/sdf", "delete_on_termination": False},
    }
    assert change.after == {
        "termination_protection": True,
        "stop_protection": True,
        "shutdown": "stop",
        f"volume {ROOT}": {"device": "/dev/xvda", "delete_on_termination": False},
        f"volume {DATA}": {"device": "/dev/sdf", "delete_on_termination": False},
    }


def test_a_protected_instance_can_neither_be_terminated_nor_stopped_until_it_is_undone() -> None:
    work = Work.in_world()
    change = work.plan(PROTECT)
    work.done(change)
    client = ec2(work.sandbox)
    with pytest.raises(client.exceptions.ClientError, match="may not be"):
        client.terminate_instances(InstanceIds=[INSTANCE])
    with pytest.raises(client.exceptions.ClientError, match="may not be"):
        client.stop_instances(InstanceIds=[INSTANCE])
    work.undo(change)
    assert client.terminate_instances(InstanceIds=[INSTANCE])["TerminatingInstances"]


def test_of_a_spot_instance_only_the_volumes_are_kept_and_that_is_said() -> None:
    change = Work.in_world().plan(PROTECT, target(SPOT))
    assert list(change.before) == ["volume vol-0aa00000000000031"]
    assert change.leaves_open[0].startswith("A Spot instance cannot be protected")


def test_an_instance_that_a_service_runs_is_not_supported() -> None:
    planned = Work.in_world(WORLD.replace("state: stopped", "managed: true")).planned(PROTECT, target(STOPPED))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, "operator.amazonaws.com" in planned.detail) == ("not_supported", True)


def test_one_refused_attribute_leaves_the_others_protected_and_says_which() -> None:
    work = Work.in_world()
    change = work.plan(PROTECT)
    refused = fail_calls("ec2:ModifyInstanceAttribute", Fail("OperationNotPermitted"), times=1, skip=1)
    work.sandbox.faults.before.append(refused)
    done = work.done(change)
    assert (done.outcome, done.detail) == ("partial", "not done: stop_protection (OperationNotPermitted)")
    assert not work.verify(change).holds
    assert work.later().done(change).outcome == "done"


# Snapshots


def test_every_volume_is_snapshot_in_one_call_with_the_tags_of_the_run() -> None:
    work = Work.in_world()
    done = work.done(work.plan(SNAPSHOT))
    assert [call.operation for call in done.calls] == ["ec2:CreateSnapshots"]
    assert {one["VolumeId"] for one in _snapshots(work)} == {ROOT, DATA}
    wanted = [{"Key": "stanch:instance", "Value": INSTANCE}, {"Key": "stanch:run", "Value": "r1"}]
    assert all(sorted(one["Tags"], key=lambda tag: tag["Key"]) == wanted for one in _snapshots(work))
    assert all(one["SnapshotId"] in done.detail for one in _snapshots(work))


@pytest.mark.parametrize("fault", [Lost.READ_TIMEOUT, Fail("InternalError", 500)])
def test_a_retry_after_a_lost_answer_doubles_no_snapshot(fault: Lost | Fail) -> None:
    work = Work.in_world()
    change = work.plan(SNAPSHOT)
    work.sandbox.faults.after.append(fail_calls("ec2:CreateSnapshots", fault, times=3))
    work.execute(change)
    work.sandbox.faults.clear()
    later = work.later()
    assert later.done(change).outcome == "already"
    assert {one["VolumeId"] for one in _snapshots(later)} == {ROOT, DATA}


def test_only_the_volume_that_has_none_is_snapshot_when_one_snapshot_is_there() -> None:
    work = Work.in_world()
    change = work.plan(SNAPSHOT)
    tags = [{"Key": "stanch:run", "Value": "r1"}, {"Key": "stanch:instance", "Value": INSTANCE}]
    specified = [{"ResourceType": "snapshot", "Tags": tags}]
    ec2(work.sandbox).create_snapshot(VolumeId=ROOT, TagSpecifications=specified)
    assert work.done(change).outcome == "done"
    assert sorted(one["VolumeId"] for one in _snapshots(work)) == [ROOT, DATA]


def test_another_run_takes_its_own_snapshots_and_is_another_effect() -> None:
    work = Work.in_world()
    first = work.plan(SNAPSHOT)
    work.done(first)
    second = work.plan(SNAPSHOT, run_id="r2")
    assert (second.needed, second.key == first.key) == (True, False)
    work.done(second)
    assert len(_snapshots(work)) == 4


def test_undo_keeps_the_snapshots() -> None:
    work = Work.in_world()
    change = work.plan(SNAPSHOT)
    work.done(change)
    undone = work.undo(change)
    assert isinstance(undone, Executed)
    assert (undone.calls, len(_snapshots(work))) == ([], 2)


# The tag


def _tags(work: Work, instance: str) -> dict[str, str]:
    found = ec2(work.sandbox).describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_a_value_that_was_there_comes_back_and_other_tags_stay() -> None:
    work = Work.in_world()
    change = work.plan(TAG, target(STOPPED))
    assert change.before == {"tag": "r0"}
    work.done(change)
    assert _tags(work, STOPPED) == {"Name": "stopped", "stanch:contained": "r1"}
    later = work.later()
    assert isinstance(later.undo(change), Executed)
    assert _tags(later, STOPPED) == {"Name": "stopped", "stanch:contained": "r0"}


def test_an_instance_with_fifty_tags_has_no_room_for_ours() -> None:
    tags = ", ".join(f"t{number}: x" for number in range(50))
    planned = Work.in_world(WORLD.replace("Name: batch", tags)).planned(TAG, target(SPOT))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, planned.detail) == ("not_supported", "the instance has 50 tags, and cannot have more")
