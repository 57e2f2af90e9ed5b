"""An isolation that was left half done, or that only looks done, is finished; and nothing goes before what must come first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, REGION, USER, USER_WORLD, Desk, desk, event
from instance_desk import (
    FIRST,
    INSTANCE,
    INSTANCE_WORLD,
    SECOND,
    THIRD,
    WEB,
    acts_as_role,
    groups,
    health,
    rules,
)
from moto.autoscaling.models import autoscaling_backends

from agent.receipt import Outcome
from agent.report import Report, Status
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Mode
from graphs.undo import undo_run
from tools.policy_names import names_for
from tools.sandbox.faults import Fail, Lost

STANDBY, QUARANTINE, SESSIONS = "autoscaling_enter_standby", "ec2_quarantine_interfaces", "iam_deny_instance_sessions"
SNAPSHOTS = "ec2_snapshot_volumes"
TAKEN_FIRST = "ec2:CreateSnapshots"
THE_USER = Target(kind=TargetKind.USER, id=USER, account=ACCOUNT, region=GLOBAL)
THEIRS = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path, mode: Mode = Mode.AUTO) -> Desk:
    return desk(folder, INSTANCE_WORLD, event("guardduty_c2"), mode)


def failing(at: Desk, *names: str, code: str = "AccessDenied") -> None:
    at.sandbox.faults.before.append(lambda call: Fail(code, 403) if call.name in names else None)


def newer(minute: int) -> Any:
    """The finding, which GuardDuty has updated since."""
    body = event("guardduty_c2")
    body["detail"]["updatedAt"] = f"2026-11-20T10:{minute}:00.000Z"
    return body


def isolated(at: Desk) -> dict[str, bool]:
    """What makes an isolation, each looked at where it shows."""
    worn = {tuple(groups(at)[card]) for card in (FIRST, SECOND, THIRD)}
    return {
        "out of service": health(at).get(f"{INSTANCE}:443", "draining") == "draining",
        "cut off": len(worn) == 1 and rules(at, next(iter(worn))[0]) == [],
        "without its role": not acts_as_role(at, INSTANCE),
    }


def snapshots(at: Desk) -> set[str]:
    found = at.sandbox.client("ec2", ACCOUNT, REGION).describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return {snapshot["SnapshotId"] for snapshot in found}


def outcomes(report: Report) -> dict[str, Outcome]:
    return {a.planned.change.action: a.receipt.outcome for a in report.actions if a.receipt is not None}


def test_what_an_earlier_run_could_not_do_is_done_when_the_finding_is_delivered_again(tmp_path: Path) -> None:
    at = opened(tmp_path)
    failing(at, "autoscaling:EnterStandby", "iam:PutRolePolicy")
    first = at.say("approve", at.deliver())
    assert first.status is Status.PARTIALLY_CONTAINED, first.reason
    assert isolated(at) == {"out of service": False, "cut off": True, "without its role": False}
    at.sandbox.faults.clear()
    taken = snapshots(at)
    second = at.deliver()
    assert second.status is Status.CONTAINED, second.reason
    assert all(isolated(at).values())
    assert {STANDBY, SESSIONS} <= outcomes(second).keys()
    assert not {QUARANTINE, SNAPSHOTS} & outcomes(second).keys()
    (kept,) = [dropped for dropped in second.dropped if dropped.action == SNAPSHOTS]
    assert (kept.reason, all(snapshot in kept.detail for snapshot in taken)) == ("already_so", True)
    assert (snapshots(at), len(taken)) == (taken, 2)


def _deleted(at: Desk) -> Any:
    at.sandbox.client("ec2", ACCOUNT, REGION).delete_snapshot(SnapshotId=min(snapshots(at)))


def _forged(at: Desk) -> Any:
    """Somebody puts another snapshot in the place of one of ours, with its tags."""
    ec2 = at.sandbox.client("ec2", ACCOUNT, REGION)
    (ours,) = ec2.describe_snapshots(SnapshotIds=[min(snapshots(at))])["Snapshots"]
    ec2.delete_snapshot(SnapshotId=ours["SnapshotId"])
    tags = [{"ResourceType": "snapshot", "Tags": ours["Tags"]}]
    ec2.create_snapshot(VolumeId=ours["VolumeId"], TagSpecifications=tags)


def _newer(at: Desk) -> Any:
    at.arrives(newer(25))
    return newer(25)


@pytest.mark.parametrize("meanwhile", [_deleted, _forged, _newer])
def test_snapshots_are_taken_anew_where_the_earlier_ones_are_gone_or_the_finding_is_newer(
    tmp_path: Path, meanwhile: Callable[[Desk], Any]
) -> None:
    at = opened(tmp_path)
    failing(at, "iam:PutRolePolicy")
    assert at.deliver().status is Status.PARTIALLY_CONTAINED
    at.sandbox.faults.clear()
    body = meanwhile(at)
    before = snapshots(at)
    second = at.deliver(body)
    assert second.status is Status.CONTAINED, second.reason
    assert outcomes(second)[SNAPSHOTS] is Outcome.DONE
    assert len(snapshots(at) - before) == 2


def test_an_isolation_that_is_whole_is_left_as_it_is(tmp_path: Path) -> None:
    """Nothing is written, no second set of snapshots is taken, and each part was read from AWS."""
    at = opened(tmp_path)
    assert at.deliver().status is Status.CONTAINED
    at.arrives(newer(25))
    again = at.deliver(newer(25))
    assert (again.status, at.changes) == (Status.NO_ACTION, []), again.reason
    assert again.reason.startswith("already as it should be")
    assert {STANDBY, QUARANTINE, SESSIONS} <= {dropped.action for dropped in again.dropped}


def test_a_group_with_our_tag_that_somebody_else_made_does_not_stand_for_an_isolation(tmp_path: Path) -> None:
    at = opened(tmp_path)
    copy = _wears_a_copy(at)
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    assert all(isolated(at).values())
    assert [copy] not in groups(at).values()
    assert any(line.startswith(f"{copy}: our tag is on it") for line in report.leaves_open)
    assert {STANDBY, SESSIONS} <= outcomes(report).keys()


def _wears_a_copy(at: Desk) -> str:
    """Whoever has the instance puts it into an empty group of its own, with our tag and our name."""
    ec2 = at.sandbox.client("ec2", ACCOUNT, REGION)
    vpc = ec2.describe_network_interfaces()["NetworkInterfaces"][0]["VpcId"]
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "stanch:quarantine", "Value": "true"}]}]
    group: str = ec2.create_security_group(
        GroupName="stanch-quarantine", Description="x", VpcId=vpc, TagSpecifications=tags
    )["GroupId"]
    listed = [rule["SecurityGroupRuleId"] for rule in rules(at, group)]
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=listed)
    for card in (FIRST, SECOND, THIRD):
        ec2.modify_network_interface_attribute(NetworkInterfaceId=card, Groups=[group])
    at.calls.clear()
    return group


def test_an_instance_that_could_not_leave_its_group_is_not_quarantined_unasked(tmp_path: Path) -> None:
    at = opened(tmp_path)
    failing(at, "autoscaling:EnterStandby", code="ResourceContention")
    asked = at.deliver()
    assert asked.status is Status.AWAITING_APPROVAL, asked.reason
    assert groups(at)[FIRST] == [WEB]
    assert isolated(at)["without its role"]
    (quarantine,) = [a for a in asked.actions if a.planned.change.action == QUARANTINE]
    assert quarantine.verdict is not None
    assert quarantine.verdict.asked_by[0] == "predecessor-failed"
    assert "Auto Scaling group" in " ".join(quarantine.verdict.why)
    ended = at.say("approve", asked)
    assert ended.status is Status.PARTIALLY_CONTAINED
    assert STANDBY in ended.reason
    assert f"{INSTANCE}: its Auto Scaling group still counts on it" in ended.reason
    assert isolated(at) == {"out of service": False, "cut off": True, "without its role": True}


def _at_minimum(at: Desk) -> None:
    scaling = at.sandbox.client("autoscaling", ACCOUNT, REGION)
    scaling.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=2)


def _as(lifecycle: str) -> Callable[[Desk], None]:
    """The group has the instance in another state; moto knows few by itself."""

    def become(at: Desk) -> None:
        states = autoscaling_backends[ACCOUNT][REGION].autoscaling_groups["web"].instance_states
        next(one for one in states if one.instance.id == INSTANCE).lifecycle_state = lifecycle

    return become


@pytest.mark.parametrize(
    ("stands", "counted_on"),
    [(_at_minimum, True), (_as("Terminating:Wait"), False), (_as("Detaching"), False), (_as("Pending:Wait"), False)],
    ids=["at_its_minimum", "terminating", "detaching", "pending"],
)
def test_a_group_is_said_to_count_on_an_instance_only_if_it_has_it_in_service(
    tmp_path: Path, stands: Callable[[Desk], None], counted_on: bool
) -> None:
    at = opened(tmp_path)
    stands(at)
    ended = at.say("approve", at.deliver())
    assert ended.status is Status.PARTIALLY_CONTAINED, ended.reason
    assert isolated(at)["cut off"]
    assert (f"{STANDBY}: not done" in ended.reason, "still counts on it" in ended.reason) == (True, counted_on)


def test_a_group_that_lets_go_of_the_instance_meanwhile_is_not_said_to_count_on_it(tmp_path: Path) -> None:
    at = opened(tmp_path, Mode.APPROVE)
    asked = at.deliver()
    at.sandbox.faults.before.append(lambda call: _as("Terminating")(at) if call.name == TAKEN_FIRST else None)
    ended = at.say("approve", asked)
    if ended.status is Status.AWAITING_APPROVAL:
        ended = at.say("approve", ended)
    assert ended.status is Status.PARTIALLY_CONTAINED, ended.reason
    assert (isolated(at)["cut off"], "counts on it" in ended.reason) == (True, False)


def test_a_quarantine_that_a_person_refuses_then_is_not_made(tmp_path: Path) -> None:
    at = opened(tmp_path)
    failing(at, "autoscaling:EnterStandby", code="ResourceContention")
    ended = at.say("reject", at.deliver())
    assert (ended.status, groups(at)[FIRST]) == (Status.PARTIALLY_CONTAINED, [WEB])
    assert "counts on it" not in ended.reason
    assert f"{QUARANTINE} on {INSTANCE}: not approved" in ended.reason


def test_who_approved_the_whole_is_asked_again_when_its_first_part_fails(tmp_path: Path) -> None:
    """The word was given for an instance that has left its group."""
    at = opened(tmp_path, Mode.APPROVE)
    whole = at.deliver()
    failing(at, "autoscaling:EnterStandby", code="ResourceContention")
    asked = at.say("approve", whole)
    assert asked.status is Status.AWAITING_APPROVAL, asked.reason
    assert (outcomes(asked)[STANDBY], groups(at)[FIRST]) == (Outcome.FAILED, [WEB])
    ended = at.say("approve", asked)
    assert outcomes(ended)[QUARANTINE] is Outcome.DONE
    assert isolated(at) == {"out of service": False, "cut off": True, "without its role": True}


@pytest.mark.parametrize("lost", [False, True])
def test_a_user_who_took_all_our_names_for_policies_is_denied_once(tmp_path: Path, lost: bool) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse_asff"))
    iam = at.sandbox.client("iam", ACCOUNT, REGION)
    taken = names_for(THE_USER)
    for name in taken:
        iam.put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=THEIRS)
    if lost:
        answers = iter([Lost.READ_TIMEOUT] * 9)
        at.sandbox.faults.after.append(lambda call: next(answers, None) if call.name == "iam:PutUserPolicy" else None)
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    (ours,) = set(iam.list_user_policies(UserName=USER)["PolicyNames"]) - set(taken)
    assert not ours.endswith(tuple(f"-{number}" for number in range(10)))
    undo_run(at.service, report.run_id, None, "rosa")
    assert set(iam.list_user_policies(UserName=USER)["PolicyNames"]) == set(taken)
