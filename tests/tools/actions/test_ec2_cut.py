"""Cutting connections opens for seconds and always ends closed: when a call fails, when the process dies, when it is resumed."""

import pytest
from instance_scene import (
    CLEAN,
    FIRST,
    INSTANCE,
    LEFT_OPEN_WORLD,
    QUARANTINED_WORLD,
    SECOND,
    THIRD,
    WEB,
    Work,
    ec2,
    groups_of,
    reachable,
)

from agent.receipt import Drifted, Executed
from tools.action import actions
from tools.actions import ec2_cut_connections
from tools.aws import NotPermitted, Phase
from tools.sandbox.faults import Fail, fail_calls

ACTION, MODIFY = "ec2_cut_connections", "ec2:ModifyNetworkInterfaceAttribute"
ALL = (FIRST, SECOND, THIRD)
REFUSED = Fail("UnauthorizedOperation", 403)


def _leftovers(work: Work) -> list[str]:
    groups = ec2(work.sandbox).describe_security_groups(Filters=[{"Name": "tag-key", "Values": ["stanch:untracked"]}])
    return [group["GroupId"] for group in groups["SecurityGroups"]]


def _tag(work: Work) -> list[str]:
    filters = [{"Name": "resource-id", "Values": [INSTANCE]}, {"Name": "key", "Values": ["stanch:cut"]}]
    return [tag["Value"] for tag in ec2(work.sandbox).describe_tags(Filters=filters)["Tags"]]


def test_every_interface_is_opened_then_waited_for_then_closed_and_nothing_open_is_left() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    seen: list[tuple[float, list[bool]]] = []

    def watch(seconds: float) -> None:
        seen.append((seconds, [reachable(work.sandbox, one) for one in ALL]))

    aws = work.aws(ACTION, Phase.EXECUTE)
    object.__setattr__(aws, "sleep", watch)  # the record is frozen; its wait is what we look into
    done = actions()[ACTION].execute(aws, change)
    assert isinstance(done, Executed)
    assert seen == [(ec2_cut_connections.OPEN_SECONDS, [True, True, True])]
    assert ec2_cut_connections.OPEN_SECONDS < 10
    assert [groups_of(work.sandbox, one) for one in ALL] == [[CLEAN], [CLEAN], ["sg-0aa000000000000bb"]]
    assert (_leftovers(work), _tag(work), done.detail) == ([], ["r1"], "")


def test_what_is_not_in_quarantine_is_not_opened() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    done = work.execute(change)
    assert isinstance(done, Drifted)
    assert done.what == f"not in quarantine: {FIRST}, {SECOND}, {THIRD}"
    assert (_leftovers(work), _tag(work)) == ([], [])


def test_one_interface_out_of_quarantine_keeps_all_from_being_opened() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    ec2(work.sandbox).modify_network_interface_attribute(NetworkInterfaceId=SECOND, Groups=[WEB])
    assert isinstance(work.execute(change), Drifted)
    assert not reachable(work.sandbox, FIRST)


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_an_interface_that_cannot_be_opened_leaves_all_closed(skip: int) -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=1, skip=skip))
    with pytest.raises(NotPermitted):
        work.execute(change)
    assert not reachable(work.sandbox, *ALL)
    assert _tag(work) == []
    assert work.later().done(change).outcome == "done"


def test_an_interface_that_cannot_be_closed_is_said_loudly_and_closed_first_when_executed_again() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=99, skip=3))
    done = work.done(change)
    assert (done.outcome, done.detail.startswith("STILL OPEN TO EVERYBODY")) == ("partial", True)
    assert all(one in done.detail for one in ALL)
    assert (_tag(work), work.verify(change).holds) == ([], False)
    work.sandbox.faults.clear()
    again = work.later()
    assert again.done(change).outcome == "done"
    assert not reachable(again.sandbox, *ALL)
    assert (again.verify(change).holds, _leftovers(again)) == (True, [])


def test_a_call_that_fails_once_while_closing_is_made_again() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=2, skip=3))
    assert work.done(change).outcome == "done"
    assert not reachable(work.sandbox, *ALL)


def test_killed_after_any_write_it_ends_closed_when_resumed_and_never_with_the_groups_before_quarantine() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    for writes, again in enumerate(work.deaths(change), start=1):
        assert again.done(change).outcome in ("done", "already"), writes
        assert not reachable(again.sandbox, *ALL), writes
        assert again.verify(change).holds, writes
        assert (_leftovers(again), _tag(again)) == ([], ["r1"]), writes


def test_what_a_dead_run_left_open_is_closed_by_any_later_run() -> None:
    work = Work.in_world(LEFT_OPEN_WORLD)
    assert reachable(work.sandbox, *ALL)
    change = work.plan(ACTION, run_id="r2")
    assert work.done(change).outcome == "done"
    assert not reachable(work.sandbox, *ALL)
    assert _leftovers(work) == []


def test_a_production_group_with_our_tag_is_never_opened() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    client = ec2(work.sandbox)
    client.create_tags(Resources=[WEB], Tags=[{"Key": "stanch:untracked", "Value": "true"}])
    before = client.describe_security_groups(GroupIds=[WEB])["SecurityGroups"]
    work.done(work.plan(ACTION))
    assert client.describe_security_groups(GroupIds=[WEB])["SecurityGroups"] == before


def test_a_group_of_our_name_and_tag_that_others_use_is_neither_opened_nor_used() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    client = ec2(work.sandbox)
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "stanch:untracked", "Value": "true"}]}]
    trap = client.create_security_group(
        GroupName="stanch-untracked-trap", Description="x", VpcId="vpc-0aa00000000000001", TagSpecifications=tags
    )["GroupId"]
    client.modify_network_interface_attribute(NetworkInterfaceId="eni-0aa00000000000021", Groups=[trap])
    before = client.describe_security_groups(GroupIds=[trap])["SecurityGroups"]
    done = work.done(work.plan(ACTION))
    assert (done.outcome, client.describe_security_groups(GroupIds=[trap])["SecurityGroups"]) == ("done", before)
    assert f"the open group {trap} could not be deleted" in done.detail


def test_the_open_group_that_cannot_be_deleted_is_said() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls("ec2:DeleteSecurityGroup", REFUSED, times=99))
    done = work.done(change)
    assert (done.outcome, "could not be deleted (UnauthorizedOperation)" in done.detail) == ("done", True)


def test_it_asks_for_what_cannot_be_taken_back_and_says_what_goes_on() -> None:
    change = Work.in_world(QUARANTINED_WORLD).plan(ACTION)
    assert any("always tracked" in line for line in change.leaves_open)
    assert any("every port" in line for line in change.leaves_open)
    assert actions()[ACTION].SPEC.follows == ["ec2_quarantine_interfaces"]
