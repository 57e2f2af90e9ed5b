"""A change planned anew goes on from the state before our own writes, field by field, and from nobody else's."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from agent.plan import Change
from agent.receipt import Outcome, Receipt
from agent.record import JsonObject
from agent.report import Report, Status
from agent.target import Target, TargetKind
from agent.verdict import Mode
from graphs.taking_over import going_on
from tools.ledger import Ledger, Opened, SqliteLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANCE = Target(kind=TargetKind.INSTANCE, id="i-0abc1234def567890", account="111122223333", region="eu-west-1")
STATES = ["partial", "open", "lapsed", "standing", "undone"]


def change(before: JsonObject, after: JsonObject, params: JsonObject | None = None) -> Change:
    return Change(action="ec2_quarantine_interfaces", target=INSTANCE, params=params or {}, before=before, after=after)


def left(folder: Path, made: Change, state: str = "partial", *, sent: bool = True, ended: bool = True) -> Ledger:
    """A ledger in which an earlier run came so far with the change."""
    ledger = SqliteLedger(folder / "ledger.sqlite", durable=False)
    run = ledger.open("incident", "1", {}, "auto", "first", NOW)
    assert isinstance(run, Opened)
    ledger.claim(run.run_id, run.fence, made, NOW)
    if sent:
        ledger.sending(run.run_id, run.fence, made, NOW)
    outcome = {"open": Outcome.FAILED, "partial": Outcome.PARTIAL}.get(state, Outcome.DONE)
    receipt = Receipt(run_id=run.run_id, action_id="A1", change=made, outcome=outcome, at=NOW)
    ledger.record(receipt, run.fence)
    fallen: dict[str, Literal["undone", "lapsed"]] = {"undone": "undone", "lapsed": "lapsed"}
    if state in fallen:
        ledger.undone(run.run_id, receipt, fallen[state])
    if ended:
        ledger.close(run.run_id, run.fence, report(run), NOW)
    return ledger


def report(run: Opened) -> Report:
    return Report(
        run_id=run.run_id, status=Status.PARTIALLY_CONTAINED, reason="so it is", mode=Mode.AUTO, sandbox=False,
        event_digest="0" * 64, started_at=NOW, ended_at=NOW,
    )  # fmt: skip


SHUT: JsonObject = {"a": "shut", "b": "shut"}
FIRST = change({"a": "one", "b": "two"}, SHUT, {"groups": {"a": ["sg-1"], "b": ["sg-2"]}, "name": "first"})
HALF = change({"a": "shut", "b": "three"}, SHUT, {"groups": {"a": ["sg-q"], "b": ["sg-3"]}, "name": "second"})
JOINED = change({"a": "one", "b": "three"}, SHUT, {"groups": {"a": ["sg-1"], "b": ["sg-3"]}, "name": "second"})


@pytest.mark.parametrize("state", STATES)
def test_what_was_left_is_gone_on_with_field_by_field_and_what_was_taken_back_is_not(
    tmp_path: Path, state: str
) -> None:
    expected = HALF if state == "undone" else JOINED
    assert going_on(HALF, left(tmp_path, FIRST, state)) == expected


@pytest.mark.parametrize("state", STATES)
def test_what_reads_as_wanted_everywhere_is_ours_unless_it_stands_or_was_taken_back(tmp_path: Path, state: str) -> None:
    found = change(SHUT, SHUT)
    before = found.before if state in ("standing", "undone") else FIRST.before
    assert going_on(found, left(tmp_path, FIRST, state)).before == before


def test_of_a_list_what_the_earlier_run_took_out_comes_first_and_nothing_twice(tmp_path: Path) -> None:
    made, now = change({"in": ["a", "b", "c"]}, {"in": []}), change({"in": ["c", "d"]}, {"in": []})
    assert going_on(now, left(tmp_path, made)).before == {"in": ["a", "b", "c", "d"]}


def test_what_a_run_is_making_now_or_never_sent_is_not_gone_on_with(tmp_path: Path) -> None:
    for name, known in {"making": {"ended": False}, "unsent": {"sent": False}}.items():
        (tmp_path / name).mkdir()
        assert going_on(HALF, left(tmp_path / name, FIRST, **known)) == HALF


def test_another_effect_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    other = change({"a": "shut"}, {"a": "shut"})
    assert going_on(other, left(tmp_path, FIRST)) == other
