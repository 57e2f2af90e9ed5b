"""A person's undo is not reverted unasked, and what was only observed is worked when more than observing is asked for."""

import copy
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, KEY, REGION, USER, USER_WORLD, Desk, desk, event
from instance_desk import WEB_WORLD
from test_once import BOTH, GUARDDUTY, Killed, another_process, delivered, killed_after

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.sweep import sweep
from graphs.undo import undo_run


def undone(at: Desk, action: str | None = None) -> Report:
    """The desk's event contained unattended, and taken back by a person, whole or in part."""
    first = at.deliver()
    assert first.status is Status.CONTAINED
    back = undo_run(at.service, first.run_id, action, "rosa")
    assert isinstance(back, Report)
    at.calls.clear()
    return back


def newer(body: Any, minute: int = 50) -> Any:
    """The same finding after new activity."""
    changed = copy.deepcopy(body)
    changed["detail"]["updatedAt"] = f"2026-11-20T11:{minute}:00.000Z"
    return changed


@pytest.mark.parametrize("part", [None, "A2"])
def test_what_a_person_took_back_asks_when_the_same_event_comes_again(tmp_path: Path, part: str | None) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    undone(at, part)
    again = at.deliver()
    assert (again.status, at.changes) == (Status.AWAITING_APPROVAL, [])
    assert [action.verdict and action.verdict.policies for action in again.actions][-1:] == [["undone-before"]]
    done = at.say("approve", again)
    assert (done.status, at.works(KEY)) == (Status.CONTAINED, False)


def test_new_activity_after_a_person_s_undo_asks_too_and_goes_on_asking_after_a_no(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    undone(at)
    second = at.deliver(newer(at.body))
    assert second.status is Status.AWAITING_APPROVAL
    assert at.say("reject", second).status is Status.REJECTED
    assert at.deliver(newer(at.body, 55)).status is Status.AWAITING_APPROVAL
    assert at.changes == []


def test_an_approval_after_the_undo_is_the_later_word(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    undone(at)
    assert at.say("approve", at.deliver()).status is Status.CONTAINED
    at.sandbox.client("iam", ACCOUNT, REGION).update_access_key(UserName=USER, AccessKeyId=KEY, Status="Active")
    again = at.deliver(newer(at.body))
    assert (again.status, at.works(KEY)) == (Status.CONTAINED, False)


def test_what_was_taken_back_because_its_time_was_over_is_nobody_s_word(tmp_path: Path) -> None:
    at = desk(tmp_path, WEB_WORLD, event("guardduty_web_attack"), Mode.APPROVE)
    assert at.say("approve", at.deliver()).status is Status.CONTAINED
    at.wait(hours=25)
    (swept,) = sweep(at.service).reports
    assert swept.status is Status.UNDONE
    (action,) = at.deliver().actions
    assert action.verdict is not None
    assert (action.verdict.facts.undone_before, action.verdict.policies) == (False, ["approved-contain"])


@pytest.mark.parametrize(("mode", "status"), [(Mode.APPROVE, Status.AWAITING_APPROVAL), (Mode.AUTO, Status.CONTAINED)])
def test_what_was_only_observed_is_worked_by_a_later_delivery_that_may_do_more(
    tmp_path: Path, mode: Mode, status: Status
) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.OBSERVE)
    seen = at.deliver()
    assert seen.status is Status.PROPOSED
    again = in_mode(at, mode).deliver()
    assert (again.status, again.mode, again.run_id != seen.run_id) == (status, mode, True)
    once_more = in_mode(at, mode).deliver()
    assert (once_more.status, once_more.run_id) == (Status.SKIPPED, again.run_id)
    assert at.deliver().run_id == again.run_id, "to observe is not to work it once more"


def test_an_observation_that_died_is_ended_and_the_delivery_that_may_do_more_does_it(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.OBSERVE)
    killed_after(at, "iam:GetUser")
    with pytest.raises(Killed):
        at.deliver()
    at.sandbox.faults.after.clear()
    at.service = another_process(at, "second").service
    done = delivered(at, in_mode(at, Mode.AUTO).runs)
    assert (done.status, at.changes) == (Status.CONTAINED, BOTH)
    assert {row.status for row in at.service.ledger.runs()} == {Status.PROPOSED, Status.CONTAINED}


def in_mode(at: Desk, mode: Mode) -> Desk:
    """The same desk as a process that was started in another mode sees it."""
    settings = at.service.settings.model_copy(update={"mode": mode})
    service = at.service.__class__(**{**vars(at.service), "settings": settings})
    return Desk(at.sandbox, at.world, at.body, service, at.runs.__class__(service, at.saver))  # type: ignore[arg-type]  # a desk has one
