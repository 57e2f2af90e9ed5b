"""What any ledger promises of later work: parked deliveries, handed-over and idle runs, and later looks."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_scene import NOW, Database, deliver, later, noise, opened, report, waiting

from agent.report import Status
from tools.ledger import Ask, Busy, Card, Ledger, LostLease, Opened, Parked, SqliteLedger


def parked(name: str, minute: int = 0, reason: str = "not JSON", body: str = "{not json \u202e") -> Parked:
    return Parked(id=name, reason=reason, body=body, at=later(minutes=minute))


def ended(ledger: Ledger, run: Opened, status: Status = Status.NO_ACTION) -> None:
    ledger.close(run.run_id, run.fence, report(run, status), NOW)


def test_what_is_parked_is_listed_oldest_first_and_kept_verbatim(kept: Database) -> None:
    late, early, same = parked("parked-b", 5), parked("parked-c", 1), parked("parked-a", 5)
    for each in (late, early, same):
        kept.ledger().park(each)
    assert kept.ledger().parked() == [early, same, late]


def test_a_delivery_of_any_size_is_parked_whole(kept: Database) -> None:
    long = parked("parked-a", body=noise(1_000_000))
    kept.ledger().park(long)
    kept.ledger().park(parked("parked-b"))
    assert kept.ledger().parked() == [long, parked("parked-b")]
    kept.ledger().park(parked("parked-a"))
    assert kept.ledger().unpark("parked-a") == parked("parked-a")
    assert kept.ledger().parked() == [parked("parked-b")]


def test_the_same_delivery_is_parked_once_with_its_last_reason(kept: Database) -> None:
    kept.ledger().park(parked("parked-a"))
    again = parked("parked-a", 3, "failed 4 times")
    kept.ledger().park(again)
    assert kept.ledger().parked() == [again]


def test_what_is_taken_out_is_gone_and_taken_out_once(kept: Database) -> None:
    kept.ledger().park(parked("parked-a"))
    came = [kept.ledger().unpark("parked-a") for _ in range(2)]
    assert (came, kept.ledger().parked()) == ([parked("parked-a"), None], [])


def test_a_run_that_was_handed_over_is_idle_and_anybody_s_at_once_from_its_checkpoint(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    assert ledger.idle(NOW) == []
    ledger.hand_over(run.run_id, run.fence, later(seconds=1), "1f0-of-the-boundary")
    (row,) = ledger.idle(NOW)
    assert (row.run_id, row.status, row.handed_over, row.updated_at) == (run.run_id, None, True, later(seconds=1))
    assert ledger.runs() == [row]
    taken = kept.ledger().reopen(run.run_id, "other", NOW)
    assert isinstance(taken, Opened)
    assert (taken.fence, ledger.idle(NOW), ledger.waits_at(run.run_id)) == (run.fence + 1, [], "1f0-of-the-boundary")
    with pytest.raises(LostLease):
        ledger.hand_over(run.run_id, run.fence, NOW)
    assert isinstance(ledger.reopen(run.run_id, "third", NOW), Busy)
    ended(ledger, taken)
    found = ledger.run(run.run_id)
    assert found is not None
    assert (found.handed_over, ledger.runs()) == (True, [found])


STANDINGS: dict[str, tuple[Callable[[Ledger, Opened], None], timedelta, int]] = {
    "worked": (lambda ledger, run: None, timedelta(), 0),
    "silent for two minutes": (lambda ledger, run: None, timedelta(minutes=2), 1),
    "ended": (ended, timedelta(minutes=2), 0),
    "waiting": (lambda ledger, run: ended(ledger, run, Status.AWAITING_APPROVAL), timedelta(minutes=2), 0),
}


@pytest.mark.parametrize("name", STANDINGS)
def test_idle_is_what_has_not_ended_and_nobody_alive_holds(kept: Database, name: str) -> None:
    bring, after, idle = STANDINGS[name]
    bring(kept.ledger(), opened(kept.ledger()))
    assert len(kept.ledger().idle(NOW + after)) == idle


def test_a_dead_holder_s_run_is_idle_at_once(kept: Database) -> None:
    run = opened(kept.ledger(), holder="dead")
    assert [row.run_id for row in kept.ledger(lambda holder: holder != "dead").idle(NOW)] == [run.run_id]


def test_a_waiting_run_that_is_taken_and_left_is_idle(kept: Database) -> None:
    run = waiting(kept.ledger())
    kept.ledger().reopen(run.run_id, "second", NOW)
    assert [row.run_id for row in kept.ledger().idle(later(minutes=2))] == [run.run_id]


def test_an_ended_run_is_renewed_once_with_its_version_so_that_its_delivery_stays_a_duplicate(kept: Database) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    assert ledger.renew(run.run_id, {}, "h", NOW) is None, "it has not ended"
    ended(ledger, run)
    again = kept.ledger().renew(run.run_id, {"of": "incident", "looks": 1}, "h", NOW)
    assert isinstance(again, Opened)
    assert (again.generation, ledger.body(again.run_id)) == (1, {"of": "incident", "looks": 1})
    row = ledger.run(again.run_id)
    assert row is not None
    assert (row.version, row.mode) == ("1", "auto")
    assert kept.ledger().renew(run.run_id, {}, "h", NOW) is None, "it is not the latest any more"
    ended(ledger, again)
    found = deliver(ledger)
    assert not isinstance(found, Opened)
    assert found.run_id == again.run_id


def test_the_runs_of_a_case_are_listed_from_a_moment_on_the_oldest_first(kept: Database) -> None:
    made = [
        kept.ledger().open(f"incident {at}", "1", {}, "auto", "first", later(minutes=at), "user build-bot")
        for at in (30, 0, 90)
    ]
    kept.ledger().open("of another case", "1", {}, "auto", "first", NOW, "bucket exports")
    kept.ledger().open("of none", "1", {}, "auto", "first", NOW)
    half, first, last = (each.run_id for each in made)
    for since, expected in ((0, [first, half, last]), (30, [half, last]), (31, [last]), (91, [])):
        listed = kept.ledger().kin("user build-bot", later(minutes=since))
        assert [each.run_id for each in listed] == expected
    assert [each.at for each in kept.ledger().kin("user build-bot", later(minutes=31))] == [later(minutes=90)]


def test_a_further_generation_is_a_further_run_of_its_case_and_a_take_over_is_none(kept: Database) -> None:
    ledger = kept.ledger()
    run = ledger.open("incident", "1", {}, "auto", "first", NOW, "case")
    assert isinstance(run, Opened)
    assert isinstance(ledger.open("incident", "1", {}, "auto", "second", later(minutes=2), "case"), Opened)
    assert [each.run_id for each in ledger.kin("case", NOW)] == [run.run_id]
    ended(ledger, Opened(run_id=run.run_id, generation=0, fence=2, resumed=True))
    again = ledger.renew(run.run_id, {}, "h", later(minutes=3), "case")
    assert again is not None
    assert [each.run_id for each in ledger.kin("case", NOW)] == [run.run_id, again.run_id]


def test_a_card_is_kept_as_it_was_shown_and_listed_from_a_moment_on(kept: Database) -> None:
    cards = [
        Card(
            id=f"card-{at}", control="S3.8", owner="team", asks=[Ask(run_id="run-1", digest="d")], at=later(minutes=at)
        )
        for at in (30, 0, 90)
    ]
    for card in [*cards, cards[0]]:
        kept.ledger().show(card)
    assert kept.ledger().cards(NOW) == [cards[1], cards[0], cards[2]]
    assert kept.ledger().cards(later(minutes=30)) == [cards[0], cards[2]]
    assert kept.ledger().cards(later(minutes=91)) == []


def test_the_first_start_is_kept_once_for_all(kept: Database) -> None:
    assert kept.ledger().first_start(later(minutes=5)) == later(minutes=5)
    assert kept.ledger().first_start(later(minutes=9)) == kept.ledger().first_start(NOW) == later(minutes=5)


def test_a_ledger_that_had_runs_before_it_was_asked_started_with_the_first_of_them(kept: Database) -> None:
    for minutes in (30, 10, 20):
        opened(kept.ledger(), f"incident {minutes}", now=later(minutes=minutes))
    assert kept.ledger().first_start(later(minutes=60)) == later(minutes=10)


def test_a_waiting_or_unknown_run_is_not_renewed(kept: Database) -> None:
    run = waiting(kept.ledger())
    assert kept.ledger().renew(run.run_id, {}, "h", NOW) is None
    assert kept.ledger().renew("run-000000000000", {}, "h", NOW) is None


def test_a_file_of_before_takes_the_new_tables(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    SqliteLedger(path, durable=False)
    with sqlite3.connect(path) as db:
        db.executescript("DROP TABLE parked; DROP TABLE handed_over; DROP TABLE waits;")
    ledger = SqliteLedger(path, durable=False)
    ledger.park(parked("parked-a"))
    assert len(ledger.parked()) == 1
    run = opened(ledger)
    assert (run.generation, ledger.waits_at(run.run_id)) == (0, "")
    assert [row.handed_over for row in ledger.runs()] == [False]
