"""Each call of the EC2 response throttled for ever, each write denied: what the report says is so, and what is so it says (law 10)."""

from pathlib import Path

import pytest
from desk import ACCOUNT, REGION, Desk, desk, event
from instance_desk import FIRST, INSTANCE, INSTANCE_WORLD, SECOND, THIRD, acts_as_role, groups, rules
from test_partial import says_done

from agent.report import Report, Status
from tools.sandbox.faults import Fail

ENDS = {Status.CONTAINED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.ESCALATED, Status.AWAITING_APPROVAL}
FAULTS = {"throttled": Fail("Throttling", 400), "denied": Fail("UnauthorizedOperation", 403)}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path) -> Desk:
    folder.mkdir()
    return desk(folder, INSTANCE_WORLD, event("guardduty_c2"))


def is_so(at: Desk) -> dict[str, bool]:
    """Which actions' effects are really there, whole, as the public API answers."""
    ec2, scaling = at.sandbox.client("ec2", ACCOUNT, REGION), at.sandbox.client("autoscaling", ACCOUNT, REGION)
    (shield,) = [
        ec2.describe_instance_attribute(InstanceId=INSTANCE, Attribute=name)[key]["Value"]
        for name, key in (("disableApiTermination", "DisableApiTermination"),)
    ]
    volumes = {snapshot["VolumeId"] for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    (member,) = scaling.describe_auto_scaling_instances(InstanceIds=[INSTANCE])["AutoScalingInstances"]
    (held,) = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"]
    worn = {tuple(groups(at)[card]) for card in (FIRST, SECOND, THIRD)}
    shut = len(worn) == 1 and all(rules(at, group) == [] for group in next(iter(worn)))
    return {
        "ec2_protect_evidence": shield,
        "ec2_snapshot_volumes": len(volumes) == 2,
        "autoscaling_enter_standby": member["LifecycleState"] == "Standby",
        "ec2_quarantine_interfaces": shut,
        "iam_deny_instance_sessions": not acts_as_role(at, INSTANCE),
        "ec2_tag_instance": any(tag["Key"].startswith("stanch:") for tag in held["Tags"]),
    }


def untrue(report: Report, real: dict[str, bool]) -> list[str]:
    """What the report says and is not so, or is so and nobody says."""
    wrong = [] if report.status in ENDS else [f"ended {report.status}: {report.reason}"]
    said = {action.planned.change.action: says_done(action) for action in report.actions}
    for name, there in real.items():
        if said.get(name, False) and not there:
            wrong.append(f"{name} is said to be done and is not so")
        if there and not said.get(name, False) and name not in report.reason:
            wrong.append(f"{name} is so, and nobody says that it may be: {report.status}: {report.reason}")
    if any(real.values()) and report.status in (Status.ESCALATED, Status.AWAITING_APPROVAL):
        wrong.append(f"something was done, and the run ended {report.status}")
    if report.status is Status.CONTAINED and not all(real.values()):
        wrong.append("contained is said, and it is not so")
    return wrong


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_of_the_ec2_response_that_always_fails_is_never_lied_about(tmp_path: Path, fault: str) -> None:
    whole = opened(tmp_path / "whole")
    assert whole.deliver().status is Status.CONTAINED
    assert all(is_so(whole).values())
    wrong, ends = [], set()
    every = dict.fromkeys(call.name for call in whole.calls)
    for number, name in enumerate(every if fault == "throttled" else dict.fromkeys(whole.writes)):
        at = opened(tmp_path / f"{number}")
        at.sandbox.faults.before.append(lambda call, name=name: FAULTS[fault] if call.name == name else None)
        report = at.deliver()
        if report.status is Status.AWAITING_APPROVAL:
            report = at.say("approve", report)
        at.sandbox.faults.clear()
        wrong += [f"{name}: {each}" for each in untrue(report, is_so(at))]
        ends.add(report.status)
    assert wrong == []
    assert Status.PARTIALLY_CONTAINED in ends
