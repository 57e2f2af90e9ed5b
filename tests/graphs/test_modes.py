"""The two situations in every mode, told by trying: what worked before, what is refused after, what works again after undo."""

from pathlib import Path
from typing import Any

import pytest
from desk import BUCKET, BUCKET_WORLD, KEY, SIBLING_KEY, SPARE, USER_WORLD, WEBSITE, Desk, about, desk, event

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.undo import undo_run

NOTHING = "NoSuchPublicAccessBlockConfiguration"
OPEN = {"key": True, "spare": True, "sibling": True}
"""Whether the key works, the user's other key may do anything, and the sibling's key works and may act."""
SHUT = {"key": False, "spare": False, "sibling": True}
PUBLIC: dict[str, Any] = {"object": 200, "block": NOTHING, "website": 200}
CLOSED: dict[str, Any] = {"object": 403, "block": "all four", "website": 200}
BUCKET_EVENTS = ["securityhub_s3_public", "macie_policy"]

# what the run ends with, whether it was contained, by mode and answer
MODES = [
    pytest.param(Mode.OBSERVE, None, Status.PROPOSED, False, id="observe"),
    pytest.param(Mode.APPROVE, None, Status.AWAITING_APPROVAL, False, id="approve-unanswered"),
    pytest.param(Mode.APPROVE, "approve", Status.CONTAINED, True, id="approve-approved"),
    pytest.param(Mode.APPROVE, "reject", Status.REJECTED, False, id="approve-rejected"),
    pytest.param(Mode.AUTO, None, Status.CONTAINED, True, id="auto"),
]


def user_state(at: Desk) -> dict[str, bool]:
    sibling = at.works(SIBLING_KEY) and at.may_act(SIBLING_KEY)
    return {"key": at.works(KEY), "spare": at.may_act(SPARE), "sibling": sibling}


def bucket_state(at: Desk) -> dict[str, Any]:
    block = at.block()
    complete = isinstance(block, dict) and len(block) == 4 and all(block.values())
    return {
        "object": at.sandbox.anonymous_get(BUCKET, "q3/report.csv"),
        "block": "all four" if complete else block,
        "website": at.sandbox.anonymous_get(WEBSITE, "index.html"),
    }


def worked(at: Desk, decision: str | None) -> Report:
    report = at.deliver()
    if decision is not None:
        report = at.say(decision, report)
        assert isinstance(report, Report), report
    return report


@pytest.mark.parametrize(("mode", "decision", "status", "contained"), MODES)
def test_an_abused_key_stops_working_and_works_again_after_undo(
    tmp_path: Path, mode: Mode, decision: str | None, status: Status, contained: bool
) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), mode)
    assert user_state(at) == OPEN
    report = worked(at, decision)
    assert (report.status, user_state(at)) == (status, SHUT if contained else OPEN)
    assert [a.planned.change.action for a in report.actions] == ["iam_deny_user", "iam_deactivate_key"]
    if contained:
        undone = undo_run(at.service, report.run_id, None, "rosa")
        assert isinstance(undone, Report)
        assert (undone.status, user_state(at)) == (Status.UNDONE, OPEN)
        assert (
            at.sandbox.client("iam", "111122223333", "us-east-1").list_user_policies(UserName="build-bot")[
                "PolicyNames"
            ]
            == []
        )


@pytest.mark.parametrize("name", BUCKET_EVENTS)
@pytest.mark.parametrize(("mode", "decision", "status", "contained"), MODES)
def test_a_public_bucket_is_closed_and_open_again_after_undo(
    tmp_path: Path, name: str, mode: Mode, decision: str | None, status: Status, contained: bool
) -> None:
    at = desk(tmp_path, BUCKET_WORLD, event(name), mode)
    assert bucket_state(at) == PUBLIC
    report = worked(at, decision)
    assert (report.status, bucket_state(at)) == (status, CLOSED if contained else PUBLIC)
    if contained:
        (action,) = report.actions
        assert action.receipt is not None
        assert action.receipt.verification is not None
        assert action.receipt.verification.how == "observed"
        undone = undo_run(at.service, report.run_id, "A1", "rosa")
        assert isinstance(undone, Report)
        assert (undone.status, bucket_state(at)) == (Status.UNDONE, PUBLIC)


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize("name", BUCKET_EVENTS)
def test_a_finding_about_a_website_asks_in_every_writing_mode(tmp_path: Path, name: str, mode: Mode) -> None:
    at = desk(tmp_path, BUCKET_WORLD, about(WEBSITE, event(name)), mode)
    report = at.deliver()
    assert report.status is Status.AWAITING_APPROVAL
    assert [a.verdict and a.verdict.ruling for a in report.actions] == ["ask"]
    assert (bucket_state(at), at.writes) == (PUBLIC, [])


@pytest.mark.parametrize(
    ("text", "name"),
    [(USER_WORLD, "guardduty_credential_abuse"), *((BUCKET_WORLD, name) for name in BUCKET_EVENTS)],
    ids=["guardduty", "securityhub", "macie"],
)
def test_observe_mode_makes_no_write_at_all_and_says_what_the_others_would_do(
    tmp_path: Path, text: str, name: str
) -> None:
    at = desk(tmp_path, text, event(name), Mode.OBSERVE)
    written: list[int] = []
    at.sandbox.on_write(lambda: written.append(1))
    report = at.deliver()
    assert (at.writes, written) == ([], [])
    would = [a.verdict.otherwise if a.verdict else None for a in report.actions]
    assert would == [{"approve": "ask", "auto": "allow"}] * len(report.actions) != []
    assert report.told is None or report.told.outcome in ("not_allowed", "not_kept_there")
