"""A report tells people who said what, what an undo did, and what Security Hub holds, in words that need no source code."""

from datetime import timedelta
from pathlib import Path

import pytest
from desk import BUCKET_WORLD, USER_WORLD, desk, event

from agent.finding import Reason, Refusal
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.answering import answer
from graphs.refusing import reason_of
from graphs.undo import undo_run


def test_a_rejection_without_a_reason_names_who_and_says_so(tmp_path: Path) -> None:
    at = desk(tmp_path, BUCKET_WORLD, event("securityhub_s3_public"), Mode.APPROVE)
    report = answer(at.runs, at.deliver().run_id, "reject", "rosa", None, "")
    assert isinstance(report, Report)
    assert (report.status, report.reason) == (Status.REJECTED, "rejected by rosa: no reason given")
    (given,) = report.approvals
    assert (given.decision, given.by, given.at) == ("reject", "rosa", at.sandbox.now())
    assert "rejected by rosa" in at.hub_finding()["Note"]["Text"]


def test_an_undone_run_s_report_counts_the_undo_s_calls_and_ends_after_it(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse_asff"))
    before = at.deliver()
    at.wait(hours=3)
    after = undo_run(at.service, before.run_id, None, "rosa")
    assert isinstance(after, Report)
    assert after.ended_at - before.ended_at == timedelta(hours=3)
    assert {"iam:DeleteUserPolicy", "iam:UpdateAccessKey"} <= set(after.calls["undo"])
    assert after.calls["execute"] == before.calls["execute"]
    assert after.calls["tell"]["securityhub:BatchUpdateFindings"] == 2
    assert at.service.ledger.report(before.run_id) == after
    for action in after.actions:
        assert action.undone is not None
        assert len(action.undone.calls) == 1, "each undo's receipt holds its own calls alone"


def test_a_finding_given_by_hand_is_said_not_to_be_in_security_hub(tmp_path: Path) -> None:
    report = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse")).deliver()
    assert report.told is not None
    assert report.told.words == (
        "nothing was told there: Security Hub does not hold this finding: it was given by hand, or its service does "
        "not send it there"
    )


def test_observe_says_in_one_line_what_each_other_mode_would_do_with_which_action(tmp_path: Path) -> None:
    report = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), Mode.OBSERVE).deliver()
    assert report.reason == (
        "observe mode writes nothing; approve mode would ask about A1 and A2; auto mode would run A1 and A2"
    )
    assert [a.verdict.otherwise_by if a.verdict else None for a in report.actions] == [
        {"approve": ["mode approve"], "auto": ["auto-contain"]}
    ] * 2


def test_what_was_left_out_of_a_finding_is_in_its_report(tmp_path: Path) -> None:
    body = event("guardduty_credential_abuse")
    body["detail"]["updatedAt"] = "soon"
    report = desk(tmp_path, USER_WORLD, body).deliver()
    assert report.finding is not None
    assert report.finding.left_out == ["detail.UpdatedAt: not a date: 'soon'"], "as its service answers it"


@pytest.mark.parametrize(
    ("where", "detail", "said"),
    [
        ("detail.severity", "detail.severity: not a number", "malformed: detail.severity: not a number"),
        ("detail.findings[0]", "no account", "malformed: no account (detail.findings[0])"),
        ("$", "the event: expected an object", "malformed: the event: expected an object"),
    ],
)
def test_a_refusal_says_its_place_once(where: str, detail: str, said: str) -> None:
    assert reason_of(Refusal(reason=Reason.MALFORMED, where=where, detail=detail)) == said
