"""Security Hub is told how it ended: after verification, beside a person's words, and never in our own echo."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, KEY, OFFICE, REGION, USER, USER_WORLD, Desk, desk, event, world

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.reverify import reverify
from graphs.undo import undo_run
from tools.sandbox.faults import Fail, Lost, SandboxCall, fail_calls

HUB, ASFF = "securityhub_s3_public", "guardduty_credential_abuse_asff"
TOLD = "securityhub:BatchUpdateFindings"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path, name: str = HUB, mode: Mode = Mode.AUTO, body: Any = None, *changes: Any) -> Desk:
    text = world(BUCKET_WORLD if name == HUB else USER_WORLD, *changes)
    return desk(folder, text, body or event(name), mode)


def rejected(at: Desk) -> Report:
    report: Report = at.say("reject", at.deliver())
    return report


def expired(at: Desk) -> Report:
    run = at.deliver()
    at.wait(hours=2)
    at.say("approve", run)
    report = at.service.ledger.report(run.run_id)
    assert report is not None
    return report


OFFICE_ONLY = [{"at": "-2h", "name": "ListUsers", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1"}]
# how the run ends, and what the finding's workflow status is then
ENDS = [
    pytest.param(HUB, Mode.AUTO, [], Desk.deliver, Status.CONTAINED, "RESOLVED", id="a-failed-check-is-closed"),
    pytest.param(ASFF, Mode.AUTO, [], Desk.deliver, Status.CONTAINED, "NOTIFIED", id="a-threat-is-contained"),
    pytest.param(HUB, Mode.APPROVE, [], rejected, Status.REJECTED, "NOTIFIED", id="rejected"),
    pytest.param(HUB, Mode.APPROVE, [], expired, Status.EXPIRED, "NOTIFIED", id="expired"),
    pytest.param(
        ASFF, Mode.AUTO, [("registry.break_glass", [USER])], Desk.deliver, Status.DENIED, "NOTIFIED", id="denied"
    ),
    pytest.param(
        ASFF,
        Mode.AUTO,
        [("cloudtrail.events", OFFICE_ONLY), ("registry.trusted_networks", ["203.0.113.0/24", "198.51.100.0/24"])],
        Desk.deliver,
        Status.NO_ACTION,
        "NEW",
        id="benign",
    ),
]


@pytest.mark.parametrize(("name", "mode", "changes", "end", "status", "workflow"), ENDS)
def test_the_finding_says_how_the_run_ended(
    tmp_path: Path,
    name: str,
    mode: Mode,
    changes: list[Any],
    end: Callable[[Desk], Report],
    status: Status,
    workflow: str,
) -> None:
    at = opened(tmp_path, name, mode, None, *changes)
    report = end(at)
    found = at.hub_finding()
    assert (report.status, found["Workflow"]["Status"]) == (status, workflow)
    assert found["Note"]["UpdatedBy"] == "stanch"
    assert f"{report.run_id}: {status.replace('_', ' ')}. " in found["Note"]["Text"]
    assert report.told is not None
    assert (report.told.outcome, report.told.workflow, at.writes.count(TOLD)) == ("done", workflow, 1)


def test_it_is_told_after_containment_was_read_back(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.deliver()
    names = [call.name for call in at.calls]
    put = names.index("s3:PutPublicAccessBlock")
    assert "s3:HeadObject" in names[put : names.index(TOLD)], "a stranger's try comes in between"


def test_a_run_that_waits_has_nothing_to_say_yet(tmp_path: Path) -> None:
    at = opened(tmp_path, mode=Mode.APPROVE)
    assert at.deliver().told is None
    assert "Note" not in at.hub_finding()


@pytest.mark.parametrize("name", [HUB, ASFF])
def test_in_observe_mode_nothing_is_told_and_the_report_says_why(tmp_path: Path, name: str) -> None:
    at = opened(tmp_path, name, Mode.OBSERVE)
    report = at.deliver()
    assert report.told is not None
    assert (report.told.outcome, report.told.detail) == ("not_allowed", "observe-never-writes")
    assert (at.writes, at.hub_finding().get("Note"), at.hub_finding()["Workflow"]) == ([], None, {"Status": "NEW"})


def forgotten(at: Desk) -> None:
    """Security Hub has archived the finding away: the update answers 200, and the finding is among the unprocessed."""
    from moto.securityhub.models import securityhub_backends

    securityhub_backends[ACCOUNT][REGION].findings.clear()


def test_an_unprocessed_finding_is_a_failure_that_the_report_tells(tmp_path: Path) -> None:
    at = opened(tmp_path)
    at.sandbox.faults.before.append(lambda call: forgotten(at) if call.name == TOLD else None)
    report = at.deliver()
    assert report.status is Status.CONTAINED, "the bucket is closed all the same"
    assert report.told is not None
    assert report.told.outcome == "failed"
    assert "FindingNotFound" in report.told.detail


# what becomes of the update, and what the report says of it
@pytest.mark.parametrize(
    ("fault", "times", "after", "outcome"),
    [
        pytest.param(Fail("AccessDeniedException", 403), 9, False, "failed", id="denied"),
        pytest.param(Fail("InternalException", 500), 99, False, "failed", id="broken"),
        pytest.param(Lost.READ_TIMEOUT, 1, True, "done", id="one-answer-lost"),
        pytest.param(Lost.READ_TIMEOUT, 99, True, "done", id="every-answer-lost-after-it-took-effect"),
        pytest.param(Lost.CONNECT_TIMEOUT, 99, False, "failed", id="never-sent"),
    ],
)
def test_an_update_that_fails_is_said_to_have_failed(
    tmp_path: Path, fault: Fail | Lost, times: int, after: bool, outcome: str
) -> None:
    at = opened(tmp_path)
    hooks = at.sandbox.faults.after if after else at.sandbox.faults.before
    hooks.append(fail_calls(TOLD, fault, times=times))
    report = at.deliver()
    assert report.told is not None
    assert (report.status, report.told.outcome) == (Status.CONTAINED, outcome)
    assert ("Note" in at.hub_finding()) == (outcome == "done")


def with_note(text: str, name: str = HUB) -> Any:
    body = event(name)
    body["detail"]["findings"][0]["Note"] = {
        "Text": text,
        "UpdatedBy": "ben",
        "UpdatedAt": "2026-11-20T09:59:00.000Z",
    }
    return body


def test_a_person_s_note_stays_below_ours_word_for_word(tmp_path: Path) -> None:
    at = opened(tmp_path, HUB, Mode.AUTO, with_note("Ben: ask finance first.\nTicket 4711."))
    at.deliver()
    text = at.hub_finding()["Note"]["Text"]
    assert text.startswith("[stanch] ")
    assert text.endswith("[/stanch]\nBen: ask finance first.\nTicket 4711.")


def test_a_note_without_room_is_left_alone(tmp_path: Path) -> None:
    long = "x" * 500
    at = opened(tmp_path, HUB, Mode.AUTO, with_note(long))
    at.deliver()
    assert (at.hub_finding()["Note"]["Text"], at.hub_finding()["Workflow"]["Status"]) == (long, "RESOLVED")


def ben_meanwhile(at: Desk, at_call: int, **fields: Any) -> None:
    """Ben writes on the finding just before our given look at it."""
    seen: list[str] = []

    def hook(call: SandboxCall) -> None:
        if call.name != "securityhub:GetFindings":
            return
        seen.append(call.name)
        if len(seen) == at_call:
            found = at.hub_finding()
            at.sandbox.client("securityhub", ACCOUNT, REGION).batch_update_findings(
                FindingIdentifiers=[{"Id": found["Id"], "ProductArn": found["ProductArn"]}], **fields
            )

    at.sandbox.faults.before.append(hook)


def test_a_note_that_a_person_writes_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    """Between our plan, the third look, and our write, the fourth; one look was for related findings."""
    at = opened(tmp_path)
    ben_meanwhile(at, 4, Note={"Text": "mine", "UpdatedBy": "ben"})
    report = at.deliver()
    assert report.told is not None
    assert (report.told.outcome, at.hub_finding()["Note"]["Text"]) == ("drifted", "mine")


def test_a_finding_that_a_person_suppresses_meanwhile_stays_suppressed(tmp_path: Path) -> None:
    at = opened(tmp_path)
    ben_meanwhile(at, 3, Workflow={"Status": "SUPPRESSED"})
    report = at.deliver()
    assert report.told is not None
    assert (report.told.outcome, report.told.workflow) == ("done", "SUPPRESSED")
    assert at.hub_finding()["Workflow"]["Status"] == "SUPPRESSED"


def as_event(at: Desk) -> Any:
    """What Security Hub sends when the finding changes: the finding as it is now."""
    body = event(HUB)
    body["detail"]["findings"] = [at.hub_finding()]
    return body


@pytest.mark.parametrize(("name", "reason"), [(ASFF, "echo"), (HUB, "resolved")])
def test_our_own_update_that_comes_back_as_an_event_is_skipped(tmp_path: Path, name: str, reason: str) -> None:
    at = opened(tmp_path, name)
    at.deliver()
    update, runs, calls = as_event(at), len(at.service.ledger.runs()), len(at.calls)
    echo = at.deliver(update)
    assert (echo.status, echo.reason.partition(":")[0]) == (Status.SKIPPED, reason)
    assert (len(at.service.ledger.runs()), len(at.calls)) == (runs, calls)


def test_an_echo_that_another_ledger_sees_is_skipped_too(tmp_path: Path) -> None:
    at = opened(tmp_path, ASFF)
    at.deliver()
    echo = as_event(at)
    (tmp_path / "other").mkdir()
    other = desk(tmp_path / "other", USER_WORLD, echo, Mode.AUTO)
    report = other.deliver()
    assert (report.status, report.reason.partition(":")[0], other.calls) == (Status.SKIPPED, "echo", [])


def taken_back(at: Desk) -> Report:
    """A run whose containment a person took back, which Security Hub was told."""
    first = at.deliver()
    undone = undo_run(at.service, first.run_id, None, "rosa")
    assert isinstance(undone, Report), undone
    assert "undone" in at.hub_finding()["Note"]["Text"]
    return first


def lapsed(at: Desk) -> Report:
    """A run whose containment somebody took back unasked, which Security Hub was told."""
    first = at.deliver()
    at.sandbox.client("iam", ACCOUNT, REGION).update_access_key(UserName=USER, AccessKeyId=KEY, Status="Active")
    assert [report.status for report in reverify(at.service).lapsed] == [Status.LAPSED]
    return first


@pytest.mark.parametrize("end", [taken_back, lapsed])
@pytest.mark.parametrize("noted", [False, True], ids=["as_it_came_first", "with_our_note_and_later"])
def test_a_finding_whose_containment_no_longer_stands_is_worked_when_it_is_delivered_again(
    tmp_path: Path, end: Callable[[Desk], Report], noted: bool
) -> None:
    at = opened(tmp_path, ASFF)
    first = end(at)
    if noted:
        at.wait(minutes=20)
    again = at.deliver(as_event(at) if noted else None)
    assert (again.run_id != first.run_id, again.status is Status.SKIPPED) == (True, False), again.reason


@pytest.mark.parametrize("end", [taken_back, lapsed])
def test_what_we_say_of_a_containment_that_no_longer_stands_is_an_echo_when_it_comes_back(
    tmp_path: Path, end: Callable[[Desk], Report]
) -> None:
    at = opened(tmp_path, ASFF)
    end(at)
    runs = len(at.service.ledger.runs())
    at.wait(minutes=5)
    echo = at.deliver(as_event(at))
    assert (echo.status, echo.reason.partition(":")[0]) == (Status.SKIPPED, "echo")
    assert len(at.service.ledger.runs()) == runs


def test_a_note_in_our_name_that_we_did_not_write_silences_no_finding_that_we_know(tmp_path: Path) -> None:
    at = opened(tmp_path, ASFF, Mode.OBSERVE)
    at.deliver()
    update = as_event(at)
    update["detail"]["findings"][0]["Note"] = {
        "Text": "[stanch] Contained. [/stanch]", "UpdatedBy": "stanch", "UpdatedAt": "2026-11-20T23:00:00.000Z",
    }  # fmt: skip
    said = at.deliver(update)
    assert said.reason.partition(":")[0] == "duplicate", "as without the note"


def test_a_note_in_our_name_that_overtakes_its_finding_does_not_silence_it(tmp_path: Path) -> None:
    """Whoever may update findings can be faster than a queue: the event came without a note."""
    at = opened(tmp_path, ASFF, Mode.OBSERVE)
    named = {name: at.hub_finding()[name] for name in ("Id", "ProductArn")}
    at.sandbox.client("securityhub", ACCOUNT, REGION).batch_update_findings(
        FindingIdentifiers=[named], Note={"Text": "[stanch] Contained. [/stanch]", "UpdatedBy": "stanch"}
    )
    report = at.deliver()
    assert report.status is Status.PROPOSED, report.reason


def test_a_finding_that_its_service_changed_after_our_note_is_no_echo(tmp_path: Path) -> None:
    at = opened(tmp_path, ASFF)
    first = at.deliver()
    at.wait(hours=1)
    update = as_event(at)
    update["detail"]["findings"][0]["UpdatedAt"] = "2026-11-20T12:30:00.000Z"
    from moto.securityhub.models import securityhub_backends

    securityhub_backends[ACCOUNT][REGION].findings[0].data.update(update["detail"]["findings"][0])
    again = at.deliver(update)
    assert again.run_id != first.run_id
    assert again.status is not Status.SKIPPED
