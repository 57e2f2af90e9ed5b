"""Quarantine holds against groups that lie, interfaces that come and go, and calls that fail for one interface only."""

from collections.abc import Callable

import pytest
from grounds import ACCOUNT, REGION
from instance_scene import (
    APP,
    CLEAN,
    FIRST,
    INSTANCE,
    QUARANTINED_WORLD,
    SECOND,
    SSH,
    STOPPED,
    THIRD,
    WEB,
    WORLD,
    Work,
    ec2,
    groups_of,
    rules_of,
    target,
)

from agent.left_open import lines_of
from agent.plan import Inapplicable
from agent.receipt import Drifted, Executed
from tools.sandbox.faults import Fail, Lost, fail_calls

ACTION, MODIFY = "ec2_quarantine_interfaces", "ec2:ModifyNetworkInterfaceAttribute"
REFUSED = Fail("UnauthorizedOperation", 403)
VPC, OTHER_VPC, SUBNET = "vpc-0aa00000000000001", "vpc-0aa00000000000002", "subnet-0aa00000000000001"
OUT = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def _group(work: Work, name: str, *, tagged: bool = True, empty: bool = True, vpc: str = VPC) -> str:
    """A group that somebody makes."""
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "stanch:quarantine", "Value": "true"}]}]
    group = ec2(work.sandbox).create_security_group(
        GroupName=name, Description=name, VpcId=vpc, **({"TagSpecifications": tags} if tagged else {})
    )["GroupId"]
    if empty:
        ec2(work.sandbox).revoke_security_group_egress(GroupId=group, IpPermissions=OUT)
    return str(group)


def _only(work: Work, interface: str) -> str:
    (group,) = groups_of(work.sandbox, interface)
    return group


def test_every_interface_gets_the_quarantine_group_of_its_own_vpc_and_they_share_it() -> None:
    work = Work.in_world()
    work.done(work.plan(ACTION))
    first, second, third = (_only(work, one) for one in (FIRST, SECOND, THIRD))
    assert first == second != third
    assert rules_of(work.sandbox, first) == rules_of(work.sandbox, third) == []
    made = ec2(work.sandbox).describe_security_groups(GroupIds=[first, third])["SecurityGroups"]
    assert {group["VpcId"] for group in made} == {VPC, OTHER_VPC}
    assert all({"Key": "stanch:quarantine", "Value": "true"} in group["Tags"] for group in made)


def test_a_second_instance_uses_the_first_one_s_quarantine_group() -> None:
    work = Work.in_world()
    work.done(work.plan(ACTION))
    work.done(work.plan(ACTION, target(STOPPED)))
    assert _only(work, "eni-0aa00000000000041") == _only(work, FIRST)


def test_the_groups_come_back_in_the_order_in_which_they_were() -> None:
    work = Work.in_world()
    ec2(work.sandbox).modify_network_interface_attribute(NetworkInterfaceId=FIRST, Groups=[SSH, WEB])
    change = work.plan(ACTION)
    work.done(change)
    later = work.later()
    assert isinstance(later.undo(change), Executed)
    assert groups_of(later.sandbox, FIRST) == [SSH, WEB]


# One of three fails


def test_a_failing_second_interface_leaves_the_others_quarantined_says_which_and_goes_on_when_executed_again() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=1, skip=1))
    done = work.done(change)
    assert (done.outcome, done.detail) == ("partial", f"not done: {SECOND} (UnauthorizedOperation)")
    assert groups_of(work.sandbox, SECOND) == [SSH]
    assert (groups_of(work.sandbox, FIRST), groups_of(work.sandbox, THIRD)) != ([WEB, SSH], [APP])
    seen = work.verify(change)
    assert (seen.holds, SECOND in seen.detail) == (False, True)
    again = work.later()
    resumed = again.done(change)
    assert (resumed.outcome, len(resumed.calls)) == ("done", 1)
    assert again.verify(change).holds


def test_undo_of_a_partial_execution_restores_those_that_were_done() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=1, skip=1))
    work.done(change)
    undone = work.later().undo(change)
    assert isinstance(undone, Executed)
    assert (undone.outcome, len(undone.calls)) == ("done", 2)


def test_an_undo_that_fails_for_one_interface_is_partial_and_goes_on_when_undone_again() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    work.done(change)
    work.sandbox.faults.before.append(fail_calls(MODIFY, REFUSED, times=1, skip=1))
    undone = work.undo(change)
    assert isinstance(undone, Executed)
    assert (undone.outcome, SECOND in undone.detail) == ("partial", True)
    assert isinstance(work.undo(change), Executed)
    assert [groups_of(work.sandbox, one) for one in (FIRST, SECOND, THIRD)] == [[WEB, SSH], [SSH], [APP]]


# Groups that lie


def _open(work: Work) -> str:
    return _group(work, "stanch-quarantine", empty=False)


def _open_and_used(work: Work) -> str:
    group = _open(work)
    ec2(work.sandbox).modify_network_interface_attribute(NetworkInterfaceId="eni-0aa00000000000021", Groups=[group])
    return group


def _named_in_a_rule(work: Work) -> str:
    group = _group(work, "stanch-quarantine")
    pairs = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": group}]}]
    ec2(work.sandbox).authorize_security_group_ingress(GroupId=SSH, IpPermissions=pairs)
    return group


def _let_in(work: Work) -> str:
    group = _group(work, "stanch-quarantine")
    ec2(work.sandbox).authorize_security_group_ingress(GroupId=group, IpPermissions=OUT)
    return group


def _a_whole_copy(work: Work) -> str:
    return _group(work, "stanch-quarantine-0123456789ab")


@pytest.mark.parametrize(
    "forge",
    [
        _a_whole_copy, _open,
        lambda work: _group(work, "stanch-quarantine", tagged=False),
        lambda work: _group(work, "other-name", empty=False),
        _open_and_used, _named_in_a_rule, _let_in,
    ],
    ids=[
        "a_whole_copy", "a_copy_that_is_open_still", "without_the_tag", "another_name_and_open", "open_and_used",
        "named_in_another_s_rule", "lets_in",
    ],
)  # fmt: skip
def test_a_group_that_only_looks_like_ours_is_not_used_and_not_touched(forge: Callable[[Work], str]) -> None:
    work = Work.in_world()
    forged = forge(work)
    rules = rules_of(work.sandbox, forged)
    change = work.plan(ACTION)
    assert work.done(change).outcome == "done"
    assert forged not in {_only(work, FIRST), _only(work, SECOND)}
    assert any(forged in line for line in lines_of(change)) == _is_tagged(work, forged)
    assert rules_of(work.sandbox, forged) == rules
    assert work.verify(change).holds


def _is_tagged(work: Work, group: str) -> bool:
    (found,) = ec2(work.sandbox).describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return any(tag["Key"] == "stanch:quarantine" for tag in found.get("Tags", []))


def test_an_instance_in_a_copy_is_not_in_quarantine_and_gets_into_ours() -> None:
    work = Work.in_world()
    copy = _a_whole_copy(work)
    ec2(work.sandbox).modify_network_interface_attribute(NetworkInterfaceId=FIRST, Groups=[copy])
    change = work.plan(ACTION)
    assert change.before[FIRST] == [copy]
    work.done(change)
    assert _only(work, FIRST) == _only(work, SECOND) != copy
    ec2(work.sandbox).modify_network_interface_attribute(NetworkInterfaceId=FIRST, Groups=[copy])
    seen = work.later().verify(change)
    assert (seen.holds, FIRST in seen.detail) == (False, True)


def test_a_group_whose_maker_died_before_the_ledger_had_its_id_is_known_by_its_name_and_used() -> None:
    change = Work.in_world().plan(ACTION)
    for work in Work.in_world().deaths(change):
        work.done(change)
        assert work.verify(change).holds
        filters = [{"Name": "tag-key", "Values": ["stanch:quarantine"]}]
        groups = ec2(work.sandbox).describe_security_groups(Filters=filters)["SecurityGroups"]
        assert sorted(group["VpcId"] for group in groups) == [VPC, OTHER_VPC]


def test_the_name_of_a_group_that_the_ledger_has_by_its_id_is_anybody_s_to_bear() -> None:
    work = Work.in_world()
    left = _open(work)
    (group,) = ec2(work.sandbox).describe_security_groups(GroupIds=[left])["SecurityGroups"]
    name = f"{VPC}/{group['GroupName']}"
    for kept in (name, f"{name} made"):
        work.made.keep_made(f"{ACCOUNT}:{REGION}", kept)
    work.done(work.plan(ACTION))
    assert _only(work, FIRST) != left


def test_a_group_that_a_dead_run_did_not_live_to_empty_is_emptied_and_used() -> None:
    work = Work.in_world()
    left = _open(work)
    work.made.keep_made(f"{ACCOUNT}:{REGION}", left)
    work.done(work.plan(ACTION))
    assert _only(work, FIRST) == left
    assert rules_of(work.sandbox, left) == []


@pytest.mark.parametrize("call", ["ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress"])
def test_a_lost_answer_makes_no_second_group(call: str) -> None:
    work = Work.in_world()
    work.sandbox.faults.after.append(fail_calls(call, Lost.READ_TIMEOUT, times=1))
    assert work.done(work.plan(ACTION)).outcome == "done"
    filters = [{"Name": "tag-key", "Values": ["stanch:quarantine"]}]
    groups = ec2(work.sandbox).describe_security_groups(Filters=filters)["SecurityGroups"]
    assert sorted(group["VpcId"] for group in groups) == [VPC, OTHER_VPC]


def test_a_quarantine_group_that_gets_a_rule_is_no_quarantine_any_more() -> None:
    work = Work.in_world(QUARANTINED_WORLD)
    assert not work.plan(ACTION).needed
    change = work.plan(ACTION, target(STOPPED))
    work.done(change)
    ec2(work.sandbox).authorize_security_group_egress(GroupId=CLEAN, IpPermissions=OUT)
    assert not work.verify(change).holds
    assert isinstance(work.undo(change), Drifted)
    again = work.plan(ACTION)
    assert (again.needed, again.before[FIRST], again.before[THIRD]) == (True, [CLEAN], "quarantine")
    assert work.done(again).outcome == "done"
    assert _only(work, FIRST) != CLEAN


# Interfaces that come and go, and that are not ours


def test_an_interface_attached_meanwhile_is_said_and_nothing_is_verified() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    client = ec2(work.sandbox)
    new = client.create_network_interface(SubnetId=SUBNET, Groups=[WEB])["NetworkInterface"]["NetworkInterfaceId"]
    client.attach_network_interface(NetworkInterfaceId=new, InstanceId=INSTANCE, DeviceIndex=5)
    done = work.done(change)
    assert (done.outcome, len(done.calls) >= 3) == ("partial", True)
    assert done.detail == f"{new} was attached meanwhile, and is not quarantined"
    assert not work.verify(change).holds
    replanned = work.plan(ACTION)
    assert {one for one in replanned.before if replanned.before[one] != "quarantine"} == {new}


def test_an_interface_detached_meanwhile_does_not_keep_the_others_from_quarantine() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    client = ec2(work.sandbox)
    attachment = client.describe_network_interfaces(NetworkInterfaceIds=[SECOND])["NetworkInterfaces"][0]["Attachment"]
    client.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    done = work.done(change)
    assert (done.outcome, done.detail) == ("partial", f"{SECOND} was detached meanwhile")
    assert _only(work, FIRST) not in (WEB, SSH)
    assert isinstance(work.undo(change), Drifted)


@pytest.mark.parametrize(
    ("service", "mark"),
    [
        ("operator.amazonaws.com", "managed: true"), ("branch", "type: branch"), ("lambda", "type: lambda"),
        ("a service", "requester_managed: true"),
    ],
)  # fmt: skip
def test_an_interface_of_a_service_is_left_as_it_is_and_said(service: str, mark: str) -> None:
    work = Work.in_world(WORLD.replace("address: 10.0.2.11,", f"address: 10.0.2.11, {mark},"))
    change = work.plan(ACTION)
    assert sorted(change.before) == [FIRST, THIRD]
    assert lines_of(change)[0].startswith(f"{SECOND} belongs to ")
    assert service in lines_of(change)[0] or service == "a service"
    work.done(change)
    assert groups_of(work.sandbox, SECOND) == [SSH]
    assert work.verify(change).holds


def test_an_instance_that_has_a_service_s_interfaces_only_is_not_supported() -> None:
    work = Work.in_world(WORLD.replace("address: 10.0.1.14,", "address: 10.0.1.14, managed: true,"))
    planned = work.planned(ACTION, target(STOPPED))
    assert isinstance(planned, Inapplicable)
    assert planned.reason == "not_supported"


def test_a_group_deleted_meanwhile_stops_the_undo_before_anything_is_written() -> None:
    work = Work.in_world()
    change = work.plan(ACTION)
    work.done(change)
    ec2(work.sandbox).delete_security_group(GroupId=APP)
    undone = work.undo(change)
    assert isinstance(undone, Drifted)
    assert undone.what == f"deleted meanwhile: {APP}"
    assert _only(work, FIRST) not in (WEB, SSH)


def test_the_card_says_what_stays_open_and_who_is_cut_off() -> None:
    change = Work.in_world().plan(ACTION)
    told = " ".join(lines_of(change))
    assert all(word in told for word in ("tracked", "DNS", "metadata service"))
    assert {effect.what: effect.count for effect in change.blast_radius} == {
        "Interfaces take and make no new connections.": 3,
        "Public addresses stop answering.": 1,
    }
