"""`stanch runs`: every run the newest first, how it stands, why and about what, whichever database keeps it."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from command import command
from desk import KEY, REGION, USER_WORLD, desk, event
from table_desk import tables

from agent.report import Status
from agent.verdict import Mode
from graphs.bootstrap import SANDBOX
from graphs.run_list import ListedRun, run_list
from tools.ledger import Ledger, Opened

FINDING = event("guardduty_credential_abuse")


def runs(ledger: Ledger, now: datetime, *statuses: str, days: int = 30, most: int | None = None) -> list[ListedRun]:
    return run_list(ledger, now, now - timedelta(days=days), statuses, most, sandbox=True).runs


@pytest.mark.parametrize("kind", ["sqlite", "dynamodb"])
def test_a_run_is_listed_with_its_status_reason_target_and_moment(kind: str, tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, FINDING, Mode.OBSERVE)
    if kind == "dynamodb":
        at = tables(tmp_path, USER_WORLD, FINDING, Mode.OBSERVE).another_process()
    report = at.deliver()
    ledger, now = at.service.ledger, at.sandbox.now()
    (one,) = runs(ledger, now)
    assert (one.run_id, one.status, one.reason) == (report.run_id, Status.PROPOSED, report.reason)
    assert (one.account, one.region, one.updated_at, KEY in one.targets) == (report.finding.account, REGION, now, True)
    assert runs(ledger, now, "proposed") == [one]
    assert runs(ledger, now, "failed") == []
    assert runs(ledger, now + timedelta(days=31)) == []


def test_a_dead_run_and_a_dead_undo_are_said_to_be_dead_and_a_live_undo_is_no_run(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, FINDING, Mode.OBSERVE, alive=lambda holder: holder != "dead")
    ledger, now = at.service.ledger, at.sandbox.now()
    for incident, holder in (("one", "dead"), ("two", "alive"), ("undo:run-1", "dead"), ("undo:run-2", "alive")):
        assert isinstance(ledger.open(incident, "1", {}, "auto", holder, now), Opened)
    told = {one.status: one.reason for one in runs(ledger, now, "dead", "working") if "undo" not in one.reason}
    assert {*told} == {"dead", "working"}
    assert told["dead"].startswith("its process is gone before it ended: stanch explain ")
    (undo,) = [one.reason for one in runs(ledger, now) if "undo" in one.reason]
    assert undo == "an undo of run-1 whose process is gone: ask for it again: stanch undo run-1"
    assert len(runs(ledger, now, most=2)) == 2


def test_a_run_that_waits_although_its_time_is_over_is_said_so(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, FINDING, Mode.APPROVE)
    at.deliver()
    ledger, now = at.service.ledger, at.sandbox.now()
    (waits,) = runs(ledger, now)
    (over,) = runs(ledger, now + timedelta(hours=2))
    assert (waits.status, "over" in waits.reason) == (Status.AWAITING_APPROVAL, False)
    assert over.reason.startswith("the time to answer was over at 2026-11-20 13:00 UTC"), over.reason


def test_the_command_lists_runs_as_json_and_names_a_status_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    report = desk(tmp_path / SANDBOX, USER_WORLD, FINDING, Mode.OBSERVE).deliver()
    code, said = command(tmp_path, "runs", "--status", "proposed", "--status", "no-action")
    assert code == 0
    assert said.startswith(f"{report.run_id} proposed 2026-11-20 12:00 UTC in the sandbox")
    (one,) = json.loads(command(tmp_path, "runs", "--json")[1])
    assert (one["run_id"], one["status"], one["severity"]) == (report.run_id, "proposed", report.finding.severity)
    code, said = command(tmp_path, "runs", "--status", "fine")
    assert (code, said.startswith("no such status: 'fine': it is one of refused, ")) == (2, True)
    assert command(tmp_path, "runs", "--status", "failed") == (0, "There is no such run.")
