"""A finding of the newer Security Hub is told, closed and opened again there; its comment has no author, so the ledger says whose it is."""

from pathlib import Path
from typing import Any

import pytest
from closing_desk import SHUT
from desk import ACCOUNT, BUCKET_WORLD, REGION, USER_WORLD, Desk, desk, event, world
from test_closing import undone

from agent.note import REOPENED
from agent.report import Status
from agent.verdict import Mode
from graphs.own_update import COMES_BACK
from graphs.reopened import reopened
from tools.sandbox.services.securityhub_v2 import HubV2State

CHECK, THREAT = "securityhub_s3_public_ocsf", "guardduty_credential_abuse_ocsf"
TOLD = "securityhub:BatchUpdateFindingsV2"
LOW = {"severity_id": 2, "vendor_attributes": {"severity_id": 2}}


def body_of(name: str, **fields: Any) -> Any:
    body = event(name)
    body["detail"]["findings"][0] |= fields
    return body


def opened(folder: Path, name: str = THREAT, *changes: Any, mode: Mode = Mode.AUTO, **fields: Any) -> Desk:
    return desk(folder, world(USER_WORLD if name == THREAT else BUCKET_WORLD, *changes), body_of(name, **fields), mode)


def kept(at: Desk) -> dict[str, Any]:
    """The finding as the newer Security Hub keeps it now, to read or to change."""
    (found,) = at.sandbox.shelf(HubV2State, ACCOUNT, REGION).findings
    return found


def stands(at: Desk) -> tuple[int, str | None]:
    return kept(at)["status_id"], kept(at).get("comment")


def as_event(at: Desk, name: str = THREAT) -> Any:
    """What it sends when the finding changes: the finding as it is now."""
    return body_of(name, **kept(at))


def seen_again(at: Desk) -> Any:
    """The service saw it once more, now, and sends it with whatever comment is on it."""
    moment = at.sandbox.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    kept(at)["finding_info"] |= {"modified_time_dt": moment, "modified_time": int(at.sandbox.now().timestamp() * 1000)}
    return as_event(at)


@pytest.mark.parametrize(
    ("name", "status_id", "workflow"), [(CHECK, 4, "RESOLVED"), (THREAT, 2, "IN_PROGRESS")], ids=["check", "threat"]
)
def test_the_finding_says_how_the_run_ended(tmp_path: Path, name: str, status_id: int, workflow: str) -> None:
    at = opened(tmp_path, name)
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    assert report.told is not None
    assert (report.told.outcome, report.told.workflow, at.writes.count(TOLD)) == ("done", workflow, 1)
    status, comment = stands(at)
    assert (status, f"{report.run_id}: contained. " in str(comment)) == (status_id, True)
    assert "securityhub:BatchUpdateFindings" not in at.writes


def test_a_person_s_comment_stays_below_ours(tmp_path: Path) -> None:
    at = opened(tmp_path, THREAT, comment="Ben: ask finance first.")
    at.deliver()
    assert str(kept(at)["comment"]).endswith("[/stanch]\nBen: ask finance first.")


def test_a_finding_that_stays_unprocessed_is_a_failure_that_the_report_tells(tmp_path: Path) -> None:
    at = opened(tmp_path)
    findings = at.sandbox.shelf(HubV2State, ACCOUNT, REGION).findings
    at.sandbox.faults.before.append(lambda call: findings.clear() if call.name == TOLD else None)
    report = at.deliver()
    assert report.told is not None
    assert (report.status, report.told.outcome) == (Status.CONTAINED, "failed")
    assert "ResourceNotFoundException" in report.told.detail


def test_our_own_update_that_comes_back_is_skipped_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    at = opened(tmp_path)
    first = at.deliver()
    runs, calls = len(at.service.ledger.runs()), len(at.calls)
    echo = at.deliver(as_event(at))
    assert (echo.status, echo.reason.partition(":")[0]) == (Status.SKIPPED, "echo")
    assert (len(at.service.ledger.runs()), len(at.calls)) == (runs, calls)
    at.wait(seconds=COMES_BACK.total_seconds() + 60)
    late = at.deliver(as_event(at))
    assert (late.run_id, late.reason.partition(":")[0]) == (first.run_id, "duplicate")


def test_a_finding_that_its_service_changed_after_our_comment_is_no_echo(tmp_path: Path) -> None:
    at = opened(tmp_path)
    first = at.deliver()
    at.wait(minutes=5)
    again = at.deliver(seen_again(at))
    assert (again.run_id != first.run_id, again.status is Status.SKIPPED) == (True, False), again.reason


@pytest.mark.parametrize("ours", [False, True], ids=["in_other_words", "to_the_letter_in_another_ledger"])
def test_a_comment_that_only_looks_like_ours_silences_nothing(tmp_path: Path, ours: bool) -> None:
    at = opened(tmp_path)
    at.deliver()
    comment = kept(at)["comment"] if ours else "[stanch] Contained. [/stanch]"
    (tmp_path / "other").mkdir()
    other = opened(tmp_path / "other", comment=comment)
    report = other.deliver()
    assert report.status is Status.CONTAINED, report.reason


def test_what_evidence_shows_benign_is_closed_and_opened_again(tmp_path: Path) -> None:
    at = opened(tmp_path, CHECK, *SHUT, **LOW)
    report = at.deliver()
    assert (report.status, report.reason.startswith("closed as benign: ")) == (Status.NO_ACTION, True), report.reason
    assert (at.writes, kept(at)["status_id"]) == ([TOLD], 4)
    assert f"stanch undo {report.run_id}" in kept(at)["comment"]
    back = undone(at, report)
    assert (back.status, stands(at)) == (Status.UNDONE, (1, REOPENED))
    at.wait(seconds=20)
    echo = at.deliver(as_event(at, CHECK))
    assert echo.reason.partition(":")[0] == "echo", "who reopened it would be asked at once to close it again"


@pytest.mark.parametrize(
    "fields",
    [
        {"comment": "Mine."},
        {"comment": "[stanch] Stanch r0: escalated. [/stanch]\nMine."},
        {"status_id": 2, "status": "In Progress"},
        {"severity_id": 2, "vendor_attributes": {"severity_id": 4}},
    ],
    ids=["somebody's words", "somebody's words below ours", "somebody works on it", "severe by its product's word"],
)
def test_what_is_somebody_s_stays_open(tmp_path: Path, fields: dict[str, Any]) -> None:
    at = opened(tmp_path, CHECK, *SHUT, **{**LOW, **fields})
    before = kept(at)["status_id"]
    report = at.deliver()
    assert (report.status, kept(at)["status_id"]) == (Status.NO_ACTION, before), report.reason
    assert "closed as benign" not in report.reason


@pytest.mark.parametrize(
    ("comment", "worked"),
    [(None, True), ("[stanch] Closed as benign. [/stanch]", False), ("Ours, Ben.", False)],
    ids=["ours", "like_ours", "a_person_s"],
)
def test_a_threat_resolved_under_a_comment_of_ours_is_worked_when_it_is_seen_again(
    tmp_path: Path, comment: str | None, worked: bool
) -> None:
    at = opened(tmp_path)
    at.deliver()
    kept(at).update({"status_id": 4, "status": "Resolved"} | ({"comment": comment} if comment else {}))
    at.wait(hours=1)
    again = at.deliver(seen_again(at))
    assert again.reason.startswith("resolved") != worked, again.reason
    assert (again.status is not Status.SKIPPED) == worked


@pytest.mark.parametrize(("status_id", "is_open"), [(1, True), (2, True), (3, False)], ids=["new", "begun", "hidden"])
def test_a_closing_that_somebody_took_back_there_is_said_so(tmp_path: Path, status_id: int, is_open: bool) -> None:
    at = opened(tmp_path, CHECK, *SHUT, **LOW)
    assert at.deliver().status is Status.NO_ACTION
    at.wait(minutes=20)
    assert reopened(at.service).closed == 1
    kept(at)["status_id"] = status_id
    seen = reopened(at.service)
    assert ([report.status for report in seen.opened], seen.closed) == (([Status.UNDONE], 0) if is_open else ([], 1))
