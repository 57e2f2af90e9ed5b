"""What any ledger promises of runs, their leases and their reports (law 8), whichever database keeps it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from ledger_scene import (
    NOW,
    Database,
    approval,
    change,
    contained,
    deliver,
    later,
    no,
    noise,
    opened,
    receipt,
    report,
    request,
    waiting,
)

from agent.report import ReportedAction, Status
from tools.ledger import Busy, Claim, Duplicate, Ledger, LostLease, Opened, run_id_for

FINAL = [status for status in Status if status is not Status.AWAITING_APPROVAL]
GOES_ON = {Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.UNDONE, Status.LAPSED}


def test_a_first_delivery_opens_the_run_and_keeps_its_event(kept: Database) -> None:
    run = opened(kept.ledger())
    assert run == Opened(run_id=run_id_for("incident", 0), generation=0, fence=1, resumed=False)
    row = kept.ledger().run(run.run_id)
    assert row is not None
    assert (row.incident, row.version, row.mode, row.status, row.opened_at) == ("incident", "1", "auto", None, NOW)
    assert kept.ledger().body(run.run_id) == {"of": "incident"}


@pytest.mark.parametrize("amended", [False, True])
def test_a_delivery_of_what_is_contained_in_part_by_choice_is_a_duplicate_unless_it_is_newer(
    kept: Database, amended: bool
) -> None:
    ledger, run = kept.ledger(), opened(kept.ledger())
    asked = request(run).actions[0]
    chosen = report(run, Status.PARTIALLY_CONTAINED).model_copy(
        update={"actions": [ReportedAction(planned=asked, summary="", refused=no())]}
    )
    ledger.close(run.run_id, run.fence, report(run, Status.UNVERIFIED) if amended else chosen, NOW)
    if amended:
        ledger.amend(chosen, NOW)
    assert deliver(kept.ledger()) == Duplicate(run_id=run.run_id, status=Status.PARTIALLY_CONTAINED)
    assert isinstance(deliver(kept.ledger(), "2"), Opened)


def test_what_was_never_opened_is_not_there(kept: Database) -> None:
    ledger = kept.ledger()
    assert (ledger.run("run-0"), ledger.body("run-0"), ledger.report("run-0"), ledger.request("run-0")) == (None,) * 4
    assert (ledger.receipts("run-0"), ledger.answers("run-0", "digest"), ledger.runs(), ledger.standing()) == ([],) * 4
    assert (ledger.reopen("run-0", "first", NOW), ledger.waits_at("run-0")) == (None, "")
    ledger.amend(report("run-0"), NOW)
    assert ledger.run("run-0") is None


@pytest.mark.parametrize("status", FINAL)
def test_a_final_run_makes_its_delivery_a_duplicate_unless_it_did_not_wholly_succeed(
    kept: Database, status: Status
) -> None:
    run = opened(kept.ledger())
    kept.ledger().close(run.run_id, run.fence, report(run, status), NOW)
    again = deliver(kept.ledger())
    if status in GOES_ON:
        assert again == Opened(run_id=run_id_for("incident", 1), generation=1, fence=1, resumed=False)
    else:
        assert again == Duplicate(run_id=run.run_id, status=status)


def test_a_new_version_opens_a_new_generation_with_its_own_event(kept: Database) -> None:
    first = contained(kept.ledger())
    second = deliver(kept.ledger(), "2")
    assert isinstance(second, Opened)
    assert (second.generation, second.run_id) == (1, run_id_for("incident", 1))
    assert kept.ledger().body(second.run_id) == {"again": "2"}
    assert kept.ledger().body(first.run_id) == {"of": "incident"}
    assert deliver(kept.ledger(), "2", "third") == Busy(run_id=second.run_id, holder="second")


def test_a_version_that_was_worked_before_is_new_when_it_comes_after_another(kept: Database) -> None:
    contained(kept.ledger())
    second = deliver(kept.ledger(), "2")
    assert isinstance(second, Opened)
    kept.ledger().close(second.run_id, second.fence, report(second), NOW)
    assert isinstance(deliver(kept.ledger(), "2"), Duplicate)
    third = deliver(kept.ledger(), "1")
    assert isinstance(third, Opened)
    assert (third.generation, sorted(row.generation for row in kept.ledger().runs())) == (2, [0, 1, 2])


def test_a_run_that_only_observed_is_worked_again_where_more_may_be_done(kept: Database) -> None:
    seen = deliver(kept.ledger())
    assert isinstance(seen, Opened)
    kept.ledger().close(seen.run_id, seen.fence, report(seen, Status.PROPOSED), NOW)
    assert deliver(kept.ledger()) == Duplicate(run_id=seen.run_id, status=Status.PROPOSED)
    again = opened(kept.ledger())
    assert again.generation == 1
    kept.ledger().close(again.run_id, again.fence, report(again), NOW)
    assert deliver(kept.ledger()) == Duplicate(run_id=again.run_id, status=Status.CONTAINED)


# the version that waits, the one that is delivered, and whether it says something new
VERSIONS = [
    ("1", "1", False),
    ("1", "2", True),
    ("2026-11-20T11:00:00.000Z", "2026-11-20T11:50:00.000Z", True),
    ("2026-11-20T11:00:00.000Z", "2026-11-20T10:00:00.000Z", False),
    ("2026-11-20T11:00:00.000Z", "2026-11-20T11:00:00Z", False),
]


@pytest.mark.parametrize(("waits", "comes", "newer"), VERSIONS)
def test_a_waiting_run_stays_a_duplicate_that_says_whether_a_later_version_came(
    kept: Database, waits: str, comes: str, newer: bool
) -> None:
    run = kept.ledger().open("incident", waits, {}, "auto", "first", NOW)
    assert isinstance(run, Opened)
    kept.ledger().ask(request(run), NOW)
    kept.ledger().close(run.run_id, run.fence, report(run, Status.AWAITING_APPROVAL), NOW)
    kept.ledger().answer(approval(run))
    assert deliver(kept.ledger(), comes) == Duplicate(
        run_id=run.run_id, status=Status.AWAITING_APPROVAL, request=request(run), answers=[approval(run)], newer=newer
    )


def test_a_lease_is_the_holder_s_until_it_is_silent_for_a_minute(kept: Database) -> None:
    run = opened(kept.ledger())
    assert deliver(kept.ledger(), after=59) == Busy(run_id=run.run_id, holder="first")
    kept.ledger().heartbeat(run.run_id, run.fence, later(seconds=59))
    assert deliver(kept.ledger(), after=118) == Busy(run_id=run.run_id, holder="first")
    assert kept.ledger().reopen(run.run_id, "second", later(seconds=118)) == Busy(run_id=run.run_id, holder="first")
    taken = deliver(kept.ledger(), after=119)
    assert taken == Opened(run_id=run.run_id, generation=0, fence=2, resumed=True)


def test_a_holder_that_is_known_to_be_dead_is_taken_over_at_once(kept: Database) -> None:
    run = opened(kept.ledger())
    taken = deliver(kept.ledger(lambda holder: holder != "first"))
    assert taken == Opened(run_id=run.run_id, generation=0, fence=2, resumed=True)


def test_a_holder_may_take_its_own_run_again(kept: Database) -> None:
    run = opened(kept.ledger())
    again = kept.ledger().reopen(run.run_id, "first", later(seconds=1))
    assert again == Opened(run_id=run.run_id, generation=0, fence=2, resumed=True)


def test_a_run_that_waits_is_leased_to_one_and_is_being_worked_then(kept: Database) -> None:
    run = waiting(kept.ledger(), checkpoint="1f0-of-the-interrupt")
    taken = kept.ledger().reopen(run.run_id, "second", later(days=3))
    assert taken == Opened(run_id=run.run_id, generation=0, fence=2, resumed=True)
    row = kept.ledger().run(run.run_id)
    assert (row is not None and row.status, kept.ledger().waits_at(run.run_id)) == (None, "1f0-of-the-interrupt")
    assert kept.ledger().reopen(run.run_id, "third", later(days=3)) == Busy(run_id=run.run_id, holder="second")


FENCED: dict[str, Callable[[Ledger, str, int], object]] = {
    "heartbeat": lambda ledger, run_id, fence: ledger.heartbeat(run_id, fence, NOW),
    "close": lambda ledger, run_id, fence: ledger.close(run_id, fence, report(run_id), NOW),
    "claim": lambda ledger, run_id, fence: ledger.claim(run_id, fence, change("user-9"), NOW),
    "claim of its own": lambda ledger, run_id, fence: ledger.claim(run_id, fence, change(), NOW),
    "hand over": lambda ledger, run_id, fence: ledger.hand_over(run_id, fence, NOW),
    "sending": lambda ledger, run_id, fence: ledger.sending(run_id, fence, change(), NOW),
    "record": lambda ledger, run_id, fence: ledger.record(
        receipt(Opened(run_id=run_id, generation=0, fence=fence, resumed=False), change()), fence
    ),
}


@pytest.mark.parametrize("method", FENCED)
def test_an_old_fence_and_an_unknown_run_write_nothing(kept: Database, method: str) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.claim(run.run_id, run.fence, change(), NOW)
    taken = ledger.reopen(run.run_id, "second", later(minutes=2))
    assert isinstance(taken, Opened)
    for run_id, fence in ((run.run_id, run.fence), ("run-0", 1)):
        with pytest.raises(LostLease):
            FENCED[method](kept.ledger(), run_id, fence)
    row = ledger.run(run.run_id)
    assert (row is not None and row.status, ledger.report(run.run_id), ledger.receipts(run.run_id)) == (None, None, [])
    assert ledger.claim(run.run_id, taken.fence, change(), NOW) == Claim(first=False, sent=False)
    other = opened(ledger, "another")
    assert ledger.claim(other.run_id, other.fence, change("user-9"), NOW) == Claim(first=True)


def test_a_report_is_kept_whole_and_replaced_only_where_nobody_works(kept: Database) -> None:
    ledger = kept.ledger()
    run = contained(ledger)
    ledger.amend(report(run, Status.UNDONE, "taken back"), later(hours=1))
    row = ledger.run(run.run_id)
    assert row is not None
    assert (row.status, row.updated_at, row.opened_at) == (Status.UNDONE, later(hours=1), NOW)
    assert ledger.report(run.run_id) == report(run, Status.UNDONE, "taken back")
    taken = ledger.reopen(run.run_id, "second", later(hours=2))
    ledger.amend(report(run, Status.LAPSED), later(hours=2))
    found = ledger.report(run.run_id)
    assert (isinstance(taken, Opened), found and found.status) == (True, Status.UNDONE)


def test_runs_are_listed_with_the_newest_first(kept: Database) -> None:
    ledger = kept.ledger()
    runs = [contained(ledger, f"incident-{number}", now=NOW + timedelta(minutes=number)) for number in range(3)]
    ledger.amend(report(runs[0], Status.UNDONE), later(hours=1))
    assert [row.run_id for row in ledger.runs()] == [runs[0].run_id, runs[2].run_id, runs[1].run_id]
    assert [row.run_id for row in ledger.runs(NOW)] == [row.run_id for row in ledger.runs()]
    assert [row.run_id for row in ledger.runs(ledger.runs()[0].updated_at)] == [runs[0].run_id]
    assert ledger.runs(ledger.runs()[0].updated_at + timedelta(milliseconds=1)) == []
    assert {row.run_id: row for row in ledger.runs()} == {run.run_id: ledger.run(run.run_id) for run in runs}


@pytest.mark.parametrize("size", [10, 400_000, 1_500_000])
def test_an_event_and_a_report_of_any_size_come_back_as_they_were(kept: Database, size: int) -> None:
    """Text that packs badly: more than one item of DynamoDB holds."""
    text = noise(size)
    run = kept.ledger().open("incident", "1", {"text": text}, "auto", "first", NOW)
    assert isinstance(run, Opened)
    assert kept.ledger().body(run.run_id) == {"text": text}
    kept.ledger().close(run.run_id, run.fence, report(run, reason=text), NOW)
    found = kept.ledger().report(run.run_id)
    assert found is not None
    assert found.reason == text
    kept.ledger().amend(report(run, Status.UNDONE, "short"), NOW)
    assert kept.ledger().report(run.run_id) == report(run, Status.UNDONE, "short")


def test_the_newest_run_of_an_incident_is_found_by_its_name(kept: Database) -> None:
    assert kept.ledger().latest("incident") is None
    first = opened(kept.ledger())
    opened(kept.ledger(), "another")
    found = kept.ledger().latest("incident")
    assert found is not None
    assert (found.run_id, found.status) == (first.run_id, None)
    kept.ledger().close(first.run_id, first.fence, report(first), NOW)
    second = deliver(kept.ledger(), "2")
    assert isinstance(second, Opened)
    found = kept.ledger().latest("incident")
    assert found is not None
    assert (found.run_id, found.generation, found) == (second.run_id, 1, kept.ledger().run(second.run_id))
