"""What is known of a run whose process is gone: it has no report, and the ledger has all that it did."""

from datetime import datetime
from typing import Any

from pydantic import ValidationError

from agent.event import Event
from agent.finding import Finding
from agent.intake import parse
from agent.receipt import Receipt
from agent.record import Record
from agent.report import FindingSummary
from tools.ledger import Ledger, RunRow, Unsettled


class Abandoned(Record):
    """A run that has not ended, and that nobody alive works."""

    run: RunRow
    finding: FindingSummary | None
    receipts: list[Receipt]
    """What it did, and kept the outcome of."""
    unsettled: list[Unsettled]
    """What it may have done: a write left, and its outcome was not kept."""


def abandoned(ledger: Ledger, run_id: str, now: datetime) -> Abandoned | None:
    """None: the run is worked by somebody alive, has ended, or waits."""
    run = next((row for row in ledger.idle(now) if row.run_id == run_id), None)
    if run is None:
        return None
    return Abandoned(
        run=run,
        finding=finding_of_event(ledger, run_id),
        receipts=ledger.receipts(run_id),
        unsettled=[one for one in ledger.unsettled(now) if one.run_id == run_id],
    )


def finding_of_event(ledger: Ledger, run_id: str) -> FindingSummary | None:
    """Of the event that opened it; None if that fits no longer."""
    body: Any = ledger.body(run_id) or {}
    try:
        found = parse(Event.model_validate(body["event"])).findings[body["position"]]
    except (KeyError, IndexError, ValidationError):
        return None
    return FindingSummary.of(found) if isinstance(found, Finding) else None


def why_unfinished(ledger: Ledger, run_id: str, now: datetime, *, sandbox: bool) -> str:
    """Of a run that has no status yet: why it has not ended, and what it takes, for whoever asks something of it."""
    left = abandoned(ledger, run_id, now)
    if left is None:
        return "is being worked: let it end"
    return f"has not ended, {why_not_ended(left.run.handed_over)}: {how_to_go_on(sandbox)}"


def why_not_ended(handed_over: bool) -> str:
    """In words for people."""
    return "it was handed over, and nobody has taken it up" if handed_over else "its process is gone"


def how_to_go_on(sandbox: bool) -> str:
    """What takes the run up again."""
    here = " --sandbox" if sandbox else ""
    again = f"deliver the same event again: stanch run EVENT.json{here}; it reads first, and writes nothing twice"
    return again if sandbox else f"{again}; on Lambda the clock takes it up"
