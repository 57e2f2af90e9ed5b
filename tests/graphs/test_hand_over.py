"""A run is handed over before its first write: the function that asks the model writes nothing, the one that writes asks none."""

from pathlib import Path
from typing import Any

import pytest
from desk import BUCKET_WORLD, USER_WORLD, Desk, Says, desk, event
from functions import beside

from agent.event import Event
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.answering import Kept, keep
from graphs.came import Came, HandedOver

GUARDDUTY, ASFF, HUB = "guardduty_credential_abuse", "guardduty_credential_abuse_asff", "securityhub_s3_public"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]


def arrived(at: Desk, body: Any = None) -> Came:
    """What comes of the desk's event in the function that hands over."""
    now = at.sandbox.now()
    (came,) = beside(at, hand_over=True).arrive(Event(body=body or at.body, received_at=now, via="sqs"))
    return came


@pytest.mark.parametrize(("name", "text"), [(ASFF, USER_WORLD), (HUB, BUCKET_WORLD)])
def test_nothing_is_written_before_the_hand_over_and_no_model_is_asked_after_it(
    tmp_path: Path, name: str, text: str
) -> None:
    at = desk(tmp_path, text, event(name))
    came = arrived(at)
    assert isinstance(came, HandedOver)
    assert at.writes == []
    at.calls.clear()
    done = beside(at, speaks=False).pick_up(came.run_id)
    assert isinstance(done, Report)
    assert (done.status, done.fallback_reason) == (Status.CONTAINED, None)
    assert not [call for call in at.calls if call.service == "bedrock-runtime"]
    assert "securityhub:BatchUpdateFindings" in at.writes


def test_the_ledger_says_that_a_run_was_handed_over_and_that_nobody_works_it(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    came = arrived(at)
    (row,) = at.service.ledger.idle(at.sandbox.now())
    assert (row.run_id, row.status, row.handed_over) == (came.run_id, None, True)
    beside(at).pick_up(row.run_id)
    assert at.service.ledger.idle(at.sandbox.now()) == []
    assert at.service.ledger.run(row.run_id).handed_over


def test_a_delivery_that_finds_a_run_handed_over_hands_it_over_again_and_writes_nothing(tmp_path: Path) -> None:
    model = Says(("iam_deny_user", "T02"), ("iam_deactivate_key", "T01"))
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), model=model)
    first, again = arrived(at), arrived(at)
    assert (first, len(model.cases), at.writes) == (again, 1, [])


def test_a_run_that_asks_waits_before_it_is_handed_over_and_is_handed_over_once_it_is_answered(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    asked = arrived(at)
    assert isinstance(asked, Report)
    assert asked.status is Status.AWAITING_APPROVAL
    assert keep(at.service, asked.run_id, "approve", "rosa", None, "") == Kept(run_id=asked.run_id)
    assert arrived(at) == HandedOver(run_id=asked.run_id)
    assert at.changes == []
    done = beside(at, speaks=False).pick_up(asked.run_id)
    assert isinstance(done, Report)
    assert (done.status, at.changes) == (Status.CONTAINED, BOTH)


def test_a_run_that_writes_nothing_is_handed_over_too_as_security_hub_is_told_elsewhere(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(ASFF), Mode.OBSERVE)
    came = arrived(at)
    assert (isinstance(came, HandedOver), at.writes) == (True, [])
    done = beside(at, speaks=False).pick_up(came.run_id)
    assert (isinstance(done, Report) and done.status, at.changes) == (Status.PROPOSED, [])


def test_a_refusal_is_nobody_else_s_work(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    gone = event(GUARDDUTY)
    gone["detail"]["id"] = "0" * 32
    gone["detail"]["arn"] = gone["detail"]["arn"].rsplit("/", 1)[0] + "/" + "0" * 32
    came = arrived(at, gone)
    assert isinstance(came, Report)
    assert (came.status, came.reason.partition(":")[0]) == (Status.REFUSED, "not_found")


def test_going_on_with_a_run_that_has_ended_says_its_report_and_does_nothing(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    done = at.deliver()
    at.calls.clear()
    assert (at.runs.pick_up(done.run_id), at.calls) == (at.service.ledger.report(done.run_id), [])
    assert at.runs.pick_up("run-000000000000") is None
