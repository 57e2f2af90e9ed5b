"""Whatever comes between two requests to DynamoDB, what comes of it is what comes of one after the other (law 8)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ledger_scene import (
    NOW,
    Database,
    Deed,
    another,
    approval,
    change,
    contained,
    database,
    later,
    opened,
    receipt,
    report,
    result,
    waiting,
)

from agent.receipt import Outcome
from agent.report import Status
from tools.ledger import Ledger, Opened, Parked, run_id_for
from tools.sandbox.faults import SandboxCall

RUN, OTHER = run_id_for("incident", 0), run_id_for("other", 0)
DO = Opened(run_id=RUN, generation=0, fence=1, resumed=False)


def claimed(ledger: Ledger) -> None:
    opened(ledger)
    ledger.claim(RUN, 1, change(), NOW)


def two_runs(ledger: Ledger) -> None:
    opened(ledger)
    opened(ledger, "other")


def left_open(ledger: Ledger) -> None:
    """A run that claimed an effect is being worked, and so is another that wants it."""
    claimed(ledger)
    opened(ledger, "other")


def answered(ledger: Ledger) -> None:
    ledger.answer(approval(waiting(ledger)))


def ends(status: Status) -> Deed:
    return lambda ledger: ledger.close(RUN, 1, report(RUN, status), NOW)


def takes(holder: str) -> Deed:
    return lambda ledger: ledger.reopen(RUN, holder, later(minutes=2))


def delivers(holder: str, version: str = "1") -> Deed:
    return lambda ledger: ledger.open("incident", version, {}, "auto", holder, later(minutes=2))


def claims(run_id: str, fence: int = 1) -> Deed:
    return lambda ledger: ledger.claim(run_id, fence, change(), NOW)


def records(outcome: Outcome) -> Deed:
    return lambda ledger: ledger.record(receipt(DO, change(), outcome=outcome), 1)


def lapses(ledger: Ledger) -> object:
    return ledger.lapsed(change())


def answers(ledger: Ledger) -> object:
    return ledger.answer(approval(RUN))


def uses(run_id: str) -> Deed:
    return lambda ledger: ledger.consume(approval(RUN), run_id)


def renews(holder: str) -> Deed:
    return lambda ledger: ledger.renew(RUN, {"looks": 1}, holder, NOW)


def hands_over(ledger: Ledger) -> None:
    ledger.hand_over(RUN, 1, NOW, "1f0")


PARKED = Parked(id="parked-a", reason="not JSON", body="{", at=NOW)
PARKED_AGAIN = PARKED.model_copy(update={"receives": 2})


def takes_out(ledger: Ledger) -> object:
    return ledger.unpark("parked-a")


# what there is, what one does, and what another does in the middle of it
RACES: dict[str, tuple[Callable[[Ledger], object], Deed, Deed]] = {
    "two first deliveries": (lambda ledger: None, delivers("a"), delivers("b")),
    "two new generations": (contained, delivers("a", "2"), delivers("b", "2")),
    "two versions": (contained, delivers("a", "2"), delivers("b", "3")),
    "a delivery and an end": (opened, delivers("a"), ends(Status.CONTAINED)),
    "a delivery and an end that goes on": (opened, delivers("a"), ends(Status.FAILED)),
    "a delivery and a take-over": (opened, delivers("a"), takes("b")),
    "a delivery and a heartbeat": (opened, delivers("a"), lambda ledger: ledger.heartbeat(RUN, 1, later(minutes=2))),
    "a new generation and a take-over": (contained, delivers("a", "2"), takes("b")),
    "a new generation and an amendment": (
        contained, delivers("a", "2"), lambda ledger: ledger.amend(report(RUN, Status.UNDONE), NOW),
    ),
    "two take-overs": (waiting, takes("a"), takes("b")),
    "a take-over and a heartbeat": (opened, takes("a"), lambda ledger: ledger.heartbeat(RUN, 1, later(minutes=2))),
    "a take-over and an end": (opened, takes("a"), ends(Status.CONTAINED)),
    "an end and a take-over": (opened, ends(Status.CONTAINED), takes("b")),
    "an amendment and a take-over": (
        contained, lambda ledger: ledger.amend(report(RUN, Status.UNDONE), NOW), takes("b"),
    ),
    "two claims": (two_runs, claims(RUN), claims(OTHER)),
    "a claim and the end of its holder": (left_open, claims(OTHER), ends(Status.PARTIALLY_CONTAINED)),
    "a claim and the take-over of its holder": (left_open, claims(OTHER), takes("b")),
    "a claim and its release": (left_open, claims(OTHER), lambda ledger: ledger.release(RUN, change())),
    "a claim and its receipt": (left_open, claims(OTHER), records(Outcome.DONE)),
    "a claim of what is free and another's": (
        lambda ledger: (left_open(ledger), ends(Status.FAILED)(ledger), opened(ledger, "third")),
        claims(OTHER), claims(run_id_for("third", 0)),
    ),
    "a claim and a take-over of the claimer": (opened, claims(RUN), takes("b")),
    "sending and a take-over": (claimed, lambda ledger: ledger.sending(RUN, 1, change(), NOW), takes("b")),
    "a receipt and a take-over": (claimed, records(Outcome.DONE), takes("b")),
    "a receipt and a release": (claimed, records(Outcome.DONE), lambda ledger: ledger.release(RUN, change())),
    "two that find it lapsed": (contained, lapses, lapses),
    "a lapse and an undo": (contained, lapses, lambda ledger: ledger.undone(RUN, receipt(DO, change()), "undone")),
    "a claim and a lapse": (lambda ledger: (contained(ledger), opened(ledger, "other")), claims(OTHER), lapses),
    "two answers": (waiting, answers, answers),
    "two uses": (answered, uses(RUN), uses(OTHER)),
    "a use and an answer": (waiting, uses(RUN), answers),
    "two later looks": (contained, renews("a"), renews("b")),
    "a later look and a delivery": (contained, renews("a"), delivers("b", "2")),
    "a later look and a take-over": (contained, renews("a"), takes("b")),
    "a hand-over and a take-over": (opened, hands_over, takes("b")),
    "a take-over and a hand-over": (opened, takes("a"), hands_over),
    "two that take out what is parked": (lambda ledger: ledger.park(PARKED), takes_out, takes_out),
    "taking out what is parked anew": (
        lambda ledger: ledger.park(PARKED), takes_out, lambda ledger: ledger.park(PARKED_AGAIN),
    ),
}  # fmt: skip


def seen(kept: Database) -> list[object]:
    """All that a ledger tells, once it is over."""
    ledger = kept.ledger()
    runs = sorted(ledger.runs(), key=lambda row: row.run_id)
    of_each = [(ledger.report(row.run_id), ledger.body(row.run_id), ledger.receipts(row.run_id)) for row in runs]
    held = ledger.open("looker", "1", {}, "auto", "looker", NOW)
    assert isinstance(held, Opened)
    claim = ledger.claim(held.run_id, held.fence, change(), NOW)
    answers = ledger.answers(RUN, "digest")
    rest = [answers, ledger.consume(approval(RUN), RUN), ledger.waits_at(RUN), ledger.parked()]
    return [runs, of_each, ledger.standing(), claim, *rest]


@pytest.mark.parametrize("race", RACES)
def test_what_comes_between_any_two_requests_comes_to_one_after_the_other(tmp_path: Path, race: str) -> None:
    setup, deed, rival = RACES[race]
    room = database("dynamodb", tmp_path)

    def both(order: Callable[[Database], tuple[object, object]]) -> tuple[object, ...]:
        place = another(room)
        setup(place.ledger())
        return (*order(place), *seen(place))

    def first_deed(place: Database) -> tuple[object, object]:
        return result(deed, place.ledger()), result(rival, place.ledger())

    def first_rival(place: Database) -> tuple[object, object]:
        came = result(rival, place.ledger())
        return result(deed, place.ledger()), came

    orders = [both(first_deed), both(first_rival)]
    interrupted, number = True, 0
    while interrupted:
        number += 1
        between = Between(room, number, rival)
        assert both(lambda place, between=between: between.done(place, deed)) in orders, f"at request {number}"
        interrupted = between.happened
    assert number > 1


class Between:
    """Lets the rival act before the deed's n-th request."""

    def __init__(self, room: Database, number: int, rival: Deed) -> None:
        self._room, self._number, self._rival = room, number, rival
        self._seen = 0
        self.happened = False

    def done(self, place: Database, deed: Deed) -> tuple[object, object]:
        came: list[object] = []

        def hook(call: SandboxCall) -> None:
            self._seen += not self.happened
            if self._seen == self._number and not self.happened:
                self.happened = True
                came.append(result(self._rival, place.ledger()))

        assert self._room.sandbox is not None
        self._room.sandbox.faults.before.append(hook)
        mine = result(deed, place.ledger())
        self._room.sandbox.faults.clear()
        return mine, came[0] if came else result(self._rival, place.ledger())
