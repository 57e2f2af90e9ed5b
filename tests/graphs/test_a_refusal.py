"""What a person refused is not done unattended, whatever version, mode or road the finding comes by, until one approves it."""

from pathlib import Path

import pytest
from desk import KEY, USER_WORLD, Desk, desk, event
from test_a_persons_word import in_mode, newer
from test_once import BOTH, GUARDDUTY

from agent.event import Event
from agent.report import Report, Status
from agent.verdict import Known, Mode
from graphs.entrypoints.approval_page import page
from graphs.notify import message
from graphs.ruling import rule
from graphs.state import Planned
from graphs.undo import undo_run
from tools.ledger import Unavailable

DENY, DEACTIVATE = "iam_deny_user", "iam_deactivate_key"


def asked(folder: Path) -> tuple[Desk, Report]:
    """A desk where every write asks, and the run that waits."""
    at = desk(folder, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    waiting = at.deliver()
    assert [action.planned.id for action in waiting.actions] == ["A1", "A2"]
    at.calls.clear()
    return at, waiting


def policies(report: Report) -> dict[str, list[str]]:
    """By action: those that decided."""
    return {a.planned.change.action: a.verdict.policies for a in report.actions if a.verdict is not None}


def test_a_newer_version_of_what_a_person_rejected_asks_in_auto_mode_and_quotes_them(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    assert at.say("reject", first).status is Status.REJECTED
    second = in_mode(at, Mode.AUTO).deliver(newer(at.body))
    assert (second.status, policies(second), at.changes) == (
        Status.AWAITING_APPROVAL, {DENY: ["refused-before"], DEACTIVATE: ["refused-before"]}, [],
    )  # fmt: skip
    refused = [action.verdict.refused for action in second.actions if action.verdict]
    assert [(no.by, no.reason, no.run_id) for no in refused if no] == [("rosa", "rosa says reject", first.run_id)] * 2
    request = at.service.ledger.request(second.run_id)
    assert request is not None
    assert f"rosa refused this on 2026-11-20 in {first.run_id}: rosa says reject" in message(request, second, "", None)
    assert at.say("approve", second).status is Status.CONTAINED


def test_it_goes_on_asking_for_every_later_version_until_somebody_approves_it(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    at.say("reject", first)
    auto = in_mode(at, Mode.AUTO)
    for minute in (40, 45):
        again = auto.deliver(newer(at.body, minute))
        assert again.status is Status.AWAITING_APPROVAL
        assert auto.say("reject", again, "ivo").status is Status.REJECTED
    done = auto.say("approve", auto.deliver(newer(at.body, 50)))
    assert (done.status, at.works(KEY)) == (Status.CONTAINED, False)
    assert isinstance(undo_run(at.service, done.run_id, None, "rosa"), Report)
    verdicts = [action.verdict for action in auto.deliver(newer(at.body, 55)).actions]
    assert {v.facts.refused_before for v in verdicts if v} == {Known.NO}, "the approval was the later word of the two"


def test_what_an_edit_dropped_is_final_for_the_same_event_and_asks_for_a_newer_one(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    done = at.say("approve", first, only=["A1"])
    assert (done.status, done.left_by_choice) == (Status.PARTIALLY_CONTAINED, True)
    assert "iam_deactivate_key on" in done.reason
    assert "not approved by rosa: rosa says approve" in done.reason
    at.calls.clear()
    auto = in_mode(at, Mode.AUTO)
    for again in (at, auto):
        came = again.deliver()
        assert (came.status, came.reason) == (
            Status.SKIPPED,
            f"duplicate: {first.run_id} is partially_contained (finding)",
        )
    later = auto.deliver(newer(at.body))
    assert (later.status, policies(later)) == (Status.AWAITING_APPROVAL, {DEACTIVATE: ["refused-before"]})
    assert (at.changes, at.works(KEY)) == ([], True)


def test_what_a_machine_left_undone_beside_what_a_person_dropped_is_gone_on_with(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    done = at.say("approve", first, only=["A1"])
    row = at.service.ledger.run(first.run_id)
    assert row is not None
    short = done.model_copy(update={"actions": [done.actions[0].model_copy(update={"receipt": None}), done.actions[1]]})
    assert not short.left_by_choice
    at.service.ledger.amend(short, at.sandbox.now())
    again = at.deliver()
    assert (again.status, again.run_id != first.run_id) == (Status.AWAITING_APPROVAL, True)


def test_who_took_back_what_stands_beside_a_refusal_makes_the_same_event_ask(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    at.say("approve", first, only=["A1"])
    undo_run(at.service, first.run_id, "A1", "ivo")
    assert in_mode(at, Mode.AUTO).deliver().status is Status.AWAITING_APPROVAL


def test_a_ledger_that_does_not_say_what_was_refused_makes_it_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))

    def silent(keys: object) -> object:
        raise Unavailable("no answer")

    monkeypatch.setattr(at.service.ledger, "refused", silent)
    asks = at.deliver()
    assert (asks.status, policies(asks)[DENY], at.changes) == (Status.AWAITING_APPROVAL, ["refused-before"], [])
    assert {a.verdict.facts.refused_before for a in asks.actions if a.verdict} == {Known.UNKNOWN}


def test_a_refusal_after_the_verdict_is_seen_by_the_one_before_the_write(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    state = at.state(first.run_id)
    seen = {name: getattr(state, name) for name in Planned.model_fields}
    view = Planned.model_construct(**{**seen, "request": None})
    first_verdict = rule(view.plan.actions[0], view, Mode.AUTO, at.service)
    at.say("reject", first)
    second_verdict = rule(view.plan.actions[0], view, Mode.AUTO, at.service)
    assert (first_verdict.ruling, second_verdict.ruling, second_verdict.policies) == (
        "allow",
        "ask",
        ["refused-before"],
    )


def test_a_no_to_all_that_was_asked_holds_for_another_action_too(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    state = at.state(first.run_id)
    assert state.plan is not None
    assert state.finding is not None
    at.say("reject", first)
    change = state.plan.actions[0].change
    other = state.plan.actions[0].model_copy(
        update={"change": change.model_copy(update={"action": "iam_deactivate_key"})}
    )
    seen = {name: getattr(state, name) for name in Planned.model_fields}
    view = Planned.model_construct(**{**seen, "request": None})
    plan = view.plan.model_copy(update={"actions": [other]})
    verdict = rule(other, view.model_copy(update={"plan": plan}), Mode.AUTO, at.service)
    assert verdict.facts.refused_before is Known.YES
    assert verdict.refused is not None
    assert "refused all that was asked about this finding" in verdict.refused.words


def test_after_a_partial_undo_the_reason_says_who_took_what_back(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    done = at.deliver()
    assert at.changes == BOTH
    back = undo_run(at.service, done.run_id, "A1", "rosa")
    assert isinstance(back, Report)
    assert back.reason == "A1 iam_deny_user was taken back by rosa; A2 iam_deactivate_key stands"


def asked_again(at: Desk, by: str = "ivo", name: str = "first") -> Report:
    """The desk's event as somebody delivers it on purpose."""
    (report,) = at.runs.deliver(
        Event(body=at.body, received_at=at.sandbox.now(), via="cli", asked_by=by, asked_as=name)
    )
    return report


def test_who_wants_a_rejected_finding_worked_again_gets_a_run_that_asks_and_says_who_they_are(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    at.say("reject", first)
    auto = in_mode(at, Mode.AUTO)
    assert auto.deliver().status is Status.SKIPPED
    again = asked_again(auto)
    assert (again.status, again.asked_by, again.run_id != first.run_id) == (Status.AWAITING_APPROVAL, "ivo", True)
    assert policies(again) == {DENY: ["refused-before"], DEACTIVATE: ["refused-before"]}
    assert asked_again(auto, name="second").reason == f"duplicate: {again.run_id} is awaiting_approval (finding)"
    assert auto.say("approve", again).status is Status.CONTAINED
    assert auto.deliver().status is Status.SKIPPED, "its service said nothing new"


def test_the_page_quotes_a_person_s_reason_as_data(tmp_path: Path) -> None:
    at, first = asked(tmp_path)
    at.say("reject", first)
    second = in_mode(at, Mode.AUTO).deliver(newer(at.body))
    request, verdict = at.service.ledger.request(second.run_id), second.actions[0].verdict
    assert request is not None
    assert verdict is not None
    assert verdict.refused is not None
    hostile = verdict.refused.model_copy(update={"reason": "<script>\u202eleave it</script>"})
    said = second.actions[0].model_copy(update={"verdict": verdict.model_copy(update={"refused": hostile})})
    shown = page(request, second.model_copy(update={"actions": [said]}), at.service.catalogue, None, "")
    assert "<q><bdi>&lt;script&gt;\\u{202e}leave it&lt;/script&gt;</bdi></q>" in shown
    assert "Refused before by <b>rosa</b> on 2026-11-20" in shown
