"""A closing is read again by the clock: what is open by then is said so, and is closed no second time unasked."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from case_desk import KEY
from closing_desk import TOLD, low, opened, writes_on_it
from desk import ACCOUNT, BUCKET, REGION, Desk, about
from functions import clock
from langgraph.checkpoint.memory import InMemorySaver
from moto.securityhub.models import securityhub_backends

from agent.casefile import head
from agent.receipt import Outcome
from agent.report import Report, Status
from graphs import reopened as looks
from graphs.checkpoints import serializer
from graphs.closed import summary
from graphs.export import checked, exported
from graphs.reopened import Reopened, reopened
from graphs.runs import Runs
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo
from tools.archive import FileArchive
from tools.ledger import Opened
from tools.sandbox.faults import Fail, fail_calls

READ = "securityhub:GetFindings"
MEI = {"Text": "I want to look at this.", "UpdatedBy": "mei"}
AGAIN = {"Workflow": {"Status": "NEW"}}


def closed(folder: Path) -> tuple[Desk, Report]:
    """A closing that has settled."""
    at = opened(folder)
    report = at.deliver()
    assert report.status is Status.NO_ACTION
    at.wait(minutes=20)
    at.calls.clear()
    return at, report


def kept(at: Desk, report: Report) -> Report:
    found = at.service.ledger.report(report.run_id)
    assert found is not None
    return found


def test_a_closing_that_holds_costs_the_clock_one_read_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, report = closed(tmp_path)
    answer = clock(at, tmp_path, monkeypatch)
    assert (answer["still_closed"], answer["reopened"], answer["held"]) == (1, [], 0)
    assert [call.name for call in at.calls] == [READ]
    assert kept(at, report) == report


@pytest.mark.parametrize("fields", [AGAIN, {**AGAIN, "Note": MEI}, {"Workflow": {"Status": "NOTIFIED"}}])
def test_a_finding_that_somebody_opened_again_is_said_so_once_and_left_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: Any
) -> None:
    at, report = closed(tmp_path)
    writes_on_it(at, **fields)
    there = at.hub_finding()
    assert clock(at, tmp_path, monkeypatch)["reopened"] == [f"{report.run_id} undone"]
    after = kept(at, report)
    assert (after.status, after.reason.startswith("reopened by somebody, or by Security Hub itself")) == (
        Status.UNDONE,
        True,
    ), after.reason
    (action,) = after.actions
    assert action.undone is not None
    assert (action.undone.outcome, action.undone.calls, action.undo_verdict) == (Outcome.UNDONE, [], None)
    assert (at.writes, at.hub_finding()) == ([], there)
    assert clock(at, tmp_path, monkeypatch)["reopened"] == []
    assert isinstance(undo_run(at.service, report.run_id, None, "rosa"), NothingToUndo)
    seen = summary(at.service.ledger, at.service.registry, at.sandbox.now() - timedelta(days=1))
    assert ([*seen.closed], [line.run_id for line in seen.left]) == ([], [report.run_id])


@pytest.mark.parametrize("fields", [{"Note": MEI}, {"Workflow": {"Status": "SUPPRESSED"}}])
def test_what_a_person_noted_or_suppressed_since_is_not_open(tmp_path: Path, fields: Any) -> None:
    at, report = closed(tmp_path)
    writes_on_it(at, **fields)
    seen = reopened(at.service)
    assert (seen.closed, seen.opened, kept(at, report)) == (1, [], report)


def test_what_somebody_opened_again_is_not_closed_again_without_asking(tmp_path: Path) -> None:
    at, report = closed(tmp_path)
    writes_on_it(at, **AGAIN)
    assert len(reopened(at.service).opened) == 1
    again = at.deliver()
    assert (again.run_id != report.run_id, again.status) == (True, Status.AWAITING_APPROVAL), again.reason
    (action,) = again.actions
    assert action.verdict is not None
    assert action.verdict.policies == ["close-undone-before"]
    assert at.hub_finding()["Workflow"]["Status"] != "RESOLVED"


def test_what_a_later_run_left_open_is_not_put_on_a_person(tmp_path: Path) -> None:
    at, report = closed(tmp_path)
    (finding,) = (body := low())["detail"]["findings"]
    finding["UpdatedAt"] = "2026-11-20T12:10:00.000Z"
    at.sandbox.faults.before.append(fail_calls("cloudtrail:LookupEvents", Fail("AccessDenied", 403), times=99))
    writes_on_it(at, **AGAIN)
    later = at.deliver(body)
    assert later.run_id != report.run_id
    (said,) = reopened(at.service).opened
    assert said.reason == f"open again (its workflow status is NEW), and {later.run_id} has looked at it anew"


def test_what_cannot_be_read_or_is_not_there_any_more_is_not_open(tmp_path: Path) -> None:
    at, report = closed(tmp_path)
    at.sandbox.faults.before.append(fail_calls(READ, Fail("AccessDeniedException", 403), times=99))
    seen = reopened(at.service)
    assert ([line.split(":")[0] for line in seen.unread], seen.opened) == ([f"{report.run_id} A1"], [])
    at.sandbox.faults.before.pop()
    securityhub_backends[ACCOUNT][REGION].findings.clear()
    assert reopened(at.service).gone == [f"{report.run_id} A1"]
    assert (reopened(at.service), kept(at, report)) == (Reopened(), report)


def test_a_closing_of_a_run_that_goes_on_or_is_being_taken_back_is_left_alone(tmp_path: Path) -> None:
    at, report = closed(tmp_path)
    writes_on_it(at, **AGAIN)
    ledger, now = at.service.ledger, at.sandbox.now()
    taken = ledger.open(f"undo:{report.run_id}", "v", {}, "auto", "another", now)
    assert isinstance(taken, Opened)
    assert (reopened(at.service).opened, kept(at, report)) == ([], report)


def test_a_closing_that_may_not_have_settled_is_not_read(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.deliver()
    writes_on_it(at, **AGAIN)
    assert (reopened(at.service).opened, at.calls) == ([], [])


def test_one_look_reads_some_of_them_and_the_next_look_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, first = closed(tmp_path)
    for name in ("second", "third"):
        (finding,) = (body := about(BUCKET, low()))["detail"]["findings"]
        finding["Id"] += f"-{name}"
        at.arrives(body)
        assert at.deliver(body).status is Status.NO_ACTION
    at.wait(minutes=20)
    monkeypatch.setattr(looks, "AT_ONCE", 2)
    read: list[str] = []
    for _ in range(3):
        read += [receipt.run_id for receipt in looks._next(at.service)]
        at.wait(minutes=5)
    assert (len(read), {read.count(run) for run in read}, first.run_id in read) == (6, {2}, True)


def test_the_read_that_showed_it_open_is_in_the_case_file(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.service = replace(at.service, archive=FileArchive(tmp_path / "cases"))
    at.runs = Runs(at.service, InMemorySaver(serde=serializer()))
    report = at.deliver()
    at.wait(minutes=20)
    writes_on_it(at, **AGAIN)
    (said,) = reopened(at.service).opened
    chain = at.service.archive.chains(report.run_id)["reopened.1.jsonl"]
    assert [source.chain for source in said.evidence if source.source == "reopened"] == [head(chain)]
    packed = exported(at.service, report.run_id)
    assert packed is not None
    assert checked(packed, [KEY]).faults == []
    assert TOLD not in at.writes
