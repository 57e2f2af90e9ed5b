"""What the ledger keeps of later work: parked deliveries, handed-over and idle runs, and later looks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.report import Report, Status
from agent.verdict import Mode
from tools.ledger import Busy, LostLease, Opened, Parked, SqliteLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger(tmp_path / "ledger.sqlite", lambda holder: holder != "dead", durable=False)


def parked(name: str, minute: int = 0, reason: str = "not JSON") -> Parked:
    return Parked(id=name, reason=reason, body="{not json \u202e", at=NOW + timedelta(minutes=minute))


def opened(ledger: SqliteLedger, incident: str = "i", holder: str = "h", version: str = "1") -> Opened:
    run = ledger.open(incident, version, {"event": incident}, "auto", holder, NOW)
    assert isinstance(run, Opened)
    return run


def close(ledger: SqliteLedger, run: Opened, status: Status = Status.NO_ACTION) -> None:
    report = Report(
        run_id=run.run_id, status=status, reason="", mode=Mode.AUTO, sandbox=True, event_digest="", started_at=NOW,
        ended_at=NOW,
    )  # fmt: skip
    ledger.close(run.run_id, run.fence, report, NOW)


def test_what_is_parked_is_listed_oldest_first_and_kept_verbatim(ledger: SqliteLedger) -> None:
    late, early = parked("parked-b", 5), parked("parked-a", 1)
    ledger.park(late)
    ledger.park(early)
    assert ledger.parked() == [early, late]


def test_the_same_delivery_is_parked_once_with_its_last_reason(ledger: SqliteLedger) -> None:
    ledger.park(parked("parked-a"))
    again = parked("parked-a", 3, "failed 4 times")
    ledger.park(again)
    assert ledger.parked() == [again]


def test_what_is_taken_out_is_gone_and_taken_out_once(ledger: SqliteLedger) -> None:
    kept = parked("parked-a")
    ledger.park(kept)
    assert (ledger.unpark("parked-a"), ledger.unpark("parked-a"), ledger.parked()) == (kept, None, [])


def test_a_run_that_was_handed_over_is_idle_and_anybody_s_at_once(ledger: SqliteLedger) -> None:
    run = opened(ledger)
    assert ledger.idle(NOW) == []
    ledger.hand_over(run.run_id, run.fence, NOW)
    (row,) = ledger.idle(NOW)
    assert (row.run_id, row.status, row.handed_over) == (run.run_id, None, True)
    taken = ledger.reopen(run.run_id, "other", NOW)
    assert isinstance(taken, Opened)
    assert (taken.fence, ledger.idle(NOW)) == (run.fence + 1, [])
    with pytest.raises(LostLease):
        ledger.hand_over(run.run_id, run.fence, NOW)
    assert isinstance(ledger.reopen(run.run_id, "third", NOW), Busy)


STANDINGS: dict[str, tuple[Callable[[SqliteLedger, Opened], None], timedelta, int]] = {
    "worked": (lambda ledger, run: None, timedelta(), 0),
    "silent for two minutes": (lambda ledger, run: None, timedelta(minutes=2), 1),
    "ended": (close, timedelta(minutes=2), 0),
    "waiting": (lambda ledger, run: close(ledger, run, Status.AWAITING_APPROVAL), timedelta(minutes=2), 0),
}


@pytest.mark.parametrize("name", STANDINGS)
def test_idle_is_what_has_not_ended_and_nobody_alive_holds(ledger: SqliteLedger, name: str) -> None:
    bring, later, idle = STANDINGS[name]
    bring(ledger, opened(ledger))
    assert len(ledger.idle(NOW + later)) == idle


def test_a_dead_holder_s_run_is_idle_at_once(ledger: SqliteLedger) -> None:
    run = opened(ledger, holder="dead")
    assert [row.run_id for row in ledger.idle(NOW)] == [run.run_id]


def test_an_ended_run_is_renewed_once_with_its_version_so_that_its_delivery_stays_a_duplicate(
    ledger: SqliteLedger,
) -> None:
    run = opened(ledger)
    assert ledger.renew(run.run_id, {}, "h", NOW) is None, "it has not ended"
    close(ledger, run)
    later = ledger.renew(run.run_id, {"event": "i", "looks": 1}, "h", NOW)
    assert isinstance(later, Opened)
    assert (later.generation, ledger.body(later.run_id)) == (1, {"event": "i", "looks": 1})
    assert ledger.renew(run.run_id, {}, "h", NOW) is None, "it is not the latest any more"
    close(ledger, later)
    again = ledger.open("i", "1", {}, "auto", "h", NOW)
    assert not isinstance(again, Opened)
    assert again.run_id == later.run_id


def test_a_waiting_run_is_not_renewed(ledger: SqliteLedger) -> None:
    run = opened(ledger)
    close(ledger, run, Status.AWAITING_APPROVAL)
    assert ledger.renew(run.run_id, {}, "h", NOW) is None
    assert ledger.renew("run-000000000000", {}, "h", NOW) is None


def test_a_ledger_of_before_takes_the_new_tables(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "ledger.sqlite"
    SqliteLedger(path, durable=False)
    with sqlite3.connect(path) as db:
        db.executescript("DROP TABLE parked; DROP TABLE handed_over;")
    ledger = SqliteLedger(path, durable=False)
    ledger.park(parked("parked-a"))
    assert len(ledger.parked()) == 1
    assert opened(ledger).generation == 0
    assert [row.handed_over for row in ledger.runs()] == [False]
