"""What is put in place for a time goes when the time is over: only what is ours, and not while any run needs it."""

import copy
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, REGION, Desk, desk, event, world
from instance_desk import ATTACKER, PARTNER, WEB_WORLD, blocked

from agent.receipt import Outcome
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.sweep import SWEEPER, sweep
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo

ENTRY, OTHER = f"{ATTACKER}/32", f"{PARTNER}/32"
BEFORE = {"quay": [OTHER], "edge": []}
BLOCKED = {"quay": sorted([OTHER, ENTRY]), "edge": [ENTRY]}
NEVER_SWEEPS = """
@id("never-sweeps") @outcome("deny") @why("Here a person takes blocks back.")
forbid (principal, action in Stanch::Action::"undo", resource) when { context.expired };
"""


def opened(folder: Path, text: str = WEB_WORLD, **settings: Any) -> Desk:
    return desk(folder, text, event("guardduty_web_attack"), Mode.APPROVE, **settings)


def approved(at: Desk, body: Any = None) -> Report:
    report = at.say("approve", at.deliver(body))
    assert isinstance(report, Report), report
    assert report.status is Status.CONTAINED, report.reason
    return report


def again() -> Any:
    """Another finding about the same address."""
    other = copy.deepcopy(event("guardduty_web_attack"))
    old = other["detail"]["id"]
    other["detail"]["id"] = old.replace("6", "7", 1)
    other["detail"]["arn"] = other["detail"]["arn"].replace(old, other["detail"]["id"])
    return other


def updates(at: Desk) -> int:
    return at.writes.count("wafv2:UpdateIPSet")


def test_a_block_stays_until_its_time_is_over_and_is_then_taken_back_everywhere(tmp_path: Path) -> None:
    at = opened(tmp_path)
    run = approved(at)
    assert blocked(at) == BLOCKED
    at.wait(hours=23)
    assert sweep(at.service).reports == []
    assert blocked(at) == BLOCKED
    at.wait(hours=2)
    (swept,) = sweep(at.service).reports
    assert (swept.run_id, swept.status, swept.reason) == (run.run_id, Status.UNDONE, f"taken back by {SWEEPER}")
    assert blocked(at) == BEFORE
    assert swept.actions[0].undo_verdict is not None
    assert swept.actions[0].undo_verdict.policies == ["undo-expired"]


def test_sweeping_again_writes_nothing(tmp_path: Path) -> None:
    at = opened(tmp_path)
    approved(at)
    at.wait(hours=25)
    sweep(at.service)
    written = len(at.writes)
    assert (sweep(at.service).reports, len(at.writes)) == ([], written)


def test_a_swept_address_that_attacks_again_is_blocked_again(tmp_path: Path) -> None:
    at = opened(tmp_path)
    approved(at)
    at.wait(hours=25)
    sweep(at.service)
    approved(at)
    assert blocked(at) == BLOCKED


def test_a_block_stays_as_long_as_another_incident_needs_it_and_goes_with_the_last(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.arrives(again())
    first = approved(at)
    at.wait(hours=12)
    second = approved(at, again())
    assert (second.actions[0].receipt and second.actions[0].receipt.outcome, updates(at)) == (Outcome.ALREADY, 2)
    at.wait(hours=13)
    swept = sweep(at.service)
    assert swept.reports == []
    (kept,) = swept.kept
    assert kept.startswith(first.run_id)
    assert second.run_id in kept
    assert blocked(at) == BLOCKED
    at.wait(hours=12)
    (gone,) = sweep(at.service).reports
    assert (gone.run_id, gone.status, blocked(at)) == (first.run_id, Status.UNDONE, BEFORE)


def test_a_person_cannot_take_back_what_another_incident_needs(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.arrives(again())
    first = approved(at)
    second = approved(at, again())
    refused = undo_run(at.service, first.run_id, None, "rosa")
    assert isinstance(refused, NothingToUndo)
    assert second.run_id in refused.detail
    assert blocked(at) == BLOCKED


def test_a_person_may_take_a_block_back_before_its_time(tmp_path: Path) -> None:
    at = opened(tmp_path)
    undone = undo_run(at.service, approved(at).run_id, None, "rosa")
    assert isinstance(undone, Report)
    assert (undone.status, blocked(at)) == (Status.UNDONE, BEFORE)
    at.wait(hours=25)
    assert sweep(at.service).reports == []


@pytest.mark.parametrize(
    ("held", "after"),
    [
        ([OTHER, ENTRY], {"quay": sorted([OTHER, ENTRY]), "edge": []}),
        ([OTHER, "192.0.2.64/30"], {"quay": sorted([OTHER, "192.0.2.64/30"]), "edge": []}),
    ],
    ids=["the address itself", "a network around it"],
)
def test_an_entry_that_was_there_before_stays(tmp_path: Path, held: list[str], after: dict[str, list[str]]) -> None:
    at = opened(tmp_path, world(WEB_WORLD, ("wafv2.ip_sets.0.addresses", held)))
    approved(at)
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert (swept.status, blocked(at)) == (Status.UNDONE, after)


def test_a_block_that_was_in_every_set_before_is_nobody_s_to_take_back(tmp_path: Path) -> None:
    sets = (("wafv2.ip_sets.0.addresses", [OTHER, ENTRY]), ("wafv2.ip_sets.1.addresses", [ENTRY]))
    at = opened(tmp_path, world(WEB_WORLD, *sets))
    approved(at)
    at.wait(hours=25)
    swept = sweep(at.service)
    assert (swept.reports, swept.kept, updates(at), blocked(at)) == ([], [], 0, BLOCKED)


def test_a_set_that_somebody_else_changed_meanwhile_loses_nothing_but_our_entry(tmp_path: Path) -> None:
    at = opened(tmp_path)
    approved(at)
    client = at.sandbox.client("wafv2", ACCOUNT, REGION)
    (one,) = client.list_ip_sets(Scope="REGIONAL")["IPSets"]
    held = client.get_ip_set(Name="quay", Scope="REGIONAL", Id=one["Id"])
    theirs = [*held["IPSet"]["Addresses"], "198.51.100.9/32"]
    client.update_ip_set(
        Name="quay", Scope="REGIONAL", Id=one["Id"], Addresses=theirs, LockToken=held["LockToken"], Description="Ours."
    )
    at.wait(hours=25)
    sweep(at.service)
    assert blocked(at) == {"quay": sorted([OTHER, "198.51.100.9/32"]), "edge": []}


def test_a_set_that_is_marked_as_ours_no_more_is_left_alone_and_the_others_are_not(tmp_path: Path) -> None:
    at = opened(tmp_path)
    approved(at)
    client = at.sandbox.client("wafv2", ACCOUNT, REGION)
    (one,) = client.list_ip_sets(Scope="REGIONAL")["IPSets"]
    client.untag_resource(ResourceARN=one["ARN"], TagKeys=["stanch:purpose"])
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert swept.status is Status.PARTIALLY_CONTAINED
    assert "wafv2_block_address stands: not marked as ours any more, and left alone: quay" in swept.reason
    assert blocked(at) == {"quay": BLOCKED["quay"], "edge": []}
    client.tag_resource(ResourceARN=one["ARN"], Tags=[{"Key": "stanch:purpose", "Value": "block"}])
    assert [report.status for report in sweep(at.service).reports] == [Status.UNDONE]
    assert blocked(at) == BEFORE


def test_an_entry_that_was_there_before_and_that_somebody_takes_out_hinders_nothing(tmp_path: Path) -> None:
    at = opened(tmp_path, world(WEB_WORLD, ("wafv2.ip_sets.0.addresses", [OTHER, ENTRY])))
    approved(at)
    client = at.sandbox.client("wafv2", ACCOUNT, REGION)
    (one,) = client.list_ip_sets(Scope="REGIONAL")["IPSets"]
    held = client.get_ip_set(Name="quay", Scope="REGIONAL", Id=one["Id"])
    client.update_ip_set(
        Name="quay", Scope="REGIONAL", Id=one["Id"], Addresses=[OTHER], LockToken=held["LockToken"]
    )  # fmt: skip
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert (swept.status, blocked(at)) == (Status.UNDONE, BEFORE)


def test_policy_decides_whether_a_time_that_is_over_is_enough(tmp_path: Path) -> None:
    at = opened(tmp_path, also=NEVER_SWEEPS)
    approved(at)
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert "never-sweeps" in swept.reason
    assert blocked(at) == BLOCKED


def test_a_run_in_observe_mode_has_nothing_taken_back(tmp_path: Path) -> None:
    at = opened(tmp_path)
    run = approved(at)
    at.service.ledger.amend(run.model_copy(update={"mode": Mode.OBSERVE}), at.sandbox.now())
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert "observe-never-writes" in swept.reason
    assert blocked(at) == BLOCKED
