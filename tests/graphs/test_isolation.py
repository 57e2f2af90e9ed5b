"""An isolated instance, told by looking and trying: what it was cut from, what its siblings keep, what undo gives back."""

from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, REGION, Desk, desk, event, world
from instance_desk import (
    BACKPLANE,
    FIRST,
    INSTANCE,
    INSTANCE_WORLD,
    ROLE,
    SECOND,
    SIBLING,
    SIBLINGS,
    STRANGERS,
    THIRD,
    WEB,
    acts_as_role,
    groups,
    health,
    rules,
)

from agent.receipt import Outcome
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.undo import undo_run
from tools.sandbox.faults import Fail, Hook, Lost, SandboxCall

OURS = {
    FIRST: [WEB],
    SECOND: [BACKPLANE],
    THIRD: [BACKPLANE, WEB],
    SIBLINGS: [WEB],
    STRANGERS: [WEB],
}
RESPONSE = [
    "ec2_protect_evidence", "ec2_snapshot_volumes", "autoscaling_enter_standby", "ec2_quarantine_interfaces",
    "iam_deny_instance_sessions", "ec2_tag_instance",
]  # fmt: skip
LEFT_BEHIND = {"snapshots", "quarantine group"}
"""What undo leaves on purpose: copies of the disks, and the empty group for the next time."""
MODIFY = "ec2:ModifyNetworkInterfaceAttribute"


def opened(folder: Path, mode: Mode = Mode.AUTO, text: str = INSTANCE_WORLD) -> Desk:
    return desk(folder, text, event("guardduty_c2"), mode)


def undone(at: Desk, report: Report) -> Report:
    done = undo_run(at.service, report.run_id, None, "rosa")
    assert isinstance(done, Report), done
    return done


def look(at: Desk) -> dict[str, Any]:
    """Everything that an action on the instance could write, as the public API answers it."""
    ec2, iam = at.sandbox.client("ec2", ACCOUNT, REGION), at.sandbox.client("iam", ACCOUNT, REGION)
    autoscaling = at.sandbox.client("autoscaling", ACCOUNT, REGION)
    (scaling,) = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    listed = ec2.describe_security_groups()["SecurityGroups"]
    marked = {one["GroupId"] for one in listed if any(tag["Key"] == "stanch:quarantine" for tag in one.get("Tags", []))}
    attributes = ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior", "blockDeviceMapping")
    return {
        "instances": [one for r in ec2.describe_instances()["Reservations"] for one in r["Instances"]],
        "attributes": {name: _attribute(ec2, name) for name in attributes},
        "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "groups": [one for one in listed if one["GroupId"] not in marked],
        "quarantine group": sorted(marked),
        "snapshots": ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"],
        "volumes": ec2.describe_volumes()["Volumes"],
        "scaling": {name: scaling[name] for name in ("DesiredCapacity", "MinSize", "MaxSize", "SuspendedProcesses")},
        "members": {one["InstanceId"]: one["LifecycleState"] for one in scaling["Instances"]},
        "health": health(at),
        "policies": iam.list_role_policies(RoleName=ROLE)["PolicyNames"],
    }


def _attribute(ec2: Any, name: str) -> Any:
    answer = ec2.describe_instance_attribute(InstanceId=INSTANCE, Attribute=name)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_the_instance_is_cut_off_and_nobody_else_is(tmp_path: Path) -> None:
    at = opened(tmp_path)
    assert (groups(at), acts_as_role(at, INSTANCE), acts_as_role(at, SIBLING)) == (OURS, True, True)
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    assert [action.planned.change.action for action in report.actions] == RESPONSE
    after = groups(at)
    ((quarantine,),) = {tuple(after[card]) for card in (FIRST, SECOND, THIRD)}
    assert rules(at, quarantine) == []
    assert {card: after[card] for card in (SIBLINGS, STRANGERS)} == {SIBLINGS: [WEB], STRANGERS: [WEB]}


def test_the_load_balancer_sends_to_the_sibling_only(tmp_path: Path) -> None:
    at = opened(tmp_path)
    assert set(health(at)) == {f"{INSTANCE}:443", f"{SIBLING}:443"}
    before = health(at)[f"{SIBLING}:443"]
    at.deliver()
    after = health(at)
    assert after.pop(f"{INSTANCE}:443", "draining") == "draining"
    assert after == {f"{SIBLING}:443": before}


def test_the_instance_loses_its_role_and_the_sibling_keeps_it(tmp_path: Path) -> None:
    at = opened(tmp_path)
    report = at.deliver()
    assert (acts_as_role(at, INSTANCE), acts_as_role(at, SIBLING)) == (False, True)
    undone(at, report)
    assert (acts_as_role(at, INSTANCE), acts_as_role(at, SIBLING)) == (True, True)


@pytest.mark.parametrize("standing", ["in a group", "placed by hand"])
def test_undo_gives_back_every_field_that_the_actions_wrote(tmp_path: Path, standing: str) -> None:
    text = (
        INSTANCE_WORLD
        if standing == "in a group"
        else world(INSTANCE_WORLD, ("autoscaling.groups.0.instances", [SIBLING]))
    )
    at = opened(tmp_path, text=text)
    before = look(at)
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    changed = {name for name, value in look(at).items() if value != before[name]}
    assert {"instances", "attributes", "interfaces", "health", "policies"} <= changed
    back = undone(at, report)
    assert {name for name, value in look(at).items() if value != before[name]} == LEFT_BEHIND
    assert {a.planned.change.action for a in back.actions if a.undone is None} == {"ec2_snapshot_volumes"}


def test_the_report_says_what_stays_open(tmp_path: Path) -> None:
    told = " ".join(opened(tmp_path).deliver().leaves_open)
    for word in ("a change of groups does not cut what is tracked", "DNS queries"):
        assert word in told
    assert "metadata service" not in told, "the credentials that it hands out are denied everything"


def second_fails() -> Hook:
    """Refuse the second change of an interface, once."""
    seen = 0

    def hook(call: SandboxCall) -> Fail | Lost | None:
        nonlocal seen
        seen += call.name == MODIFY
        return Fail("UnauthorizedOperation", 403) if call.name == MODIFY and seen == 2 else None

    return hook


def test_a_part_that_fails_is_named_and_done_when_the_finding_is_delivered_again(tmp_path: Path) -> None:
    """Interface 2 of 3 fails: the others are quarantined, the report names it, and a second run goes on from there."""
    at = opened(tmp_path)
    before = look(at)
    at.sandbox.faults.before.append(second_fails())
    first = at.deliver()
    assert first.status is Status.PARTIALLY_CONTAINED
    (receipt,) = [
        a.receipt for a in first.actions if a.receipt and a.planned.change.action == "ec2_quarantine_interfaces"
    ]
    assert receipt.outcome is Outcome.PARTIAL
    assert SECOND in receipt.detail
    assert SECOND in first.reason
    assert FIRST not in receipt.detail
    assert groups(at)[SECOND] == [BACKPLANE]
    assert groups(at)[FIRST] == groups(at)[THIRD] != OURS[FIRST]
    second = at.deliver()
    assert second.status is Status.CONTAINED, second.reason
    assert second.run_id != first.run_id
    assert groups(at)[SECOND] == groups(at)[FIRST]
    for run in (second, first):
        assert undone(at, run).status is Status.UNDONE
    assert groups(at) == OURS
    assert {name for name, value in look(at).items() if value != before[name]} == LEFT_BEHIND
