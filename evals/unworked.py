"""Reports of items that no run worked: bad input, and runs that died under us. They too are one report each."""

from datetime import UTC, datetime

from agent.event import Event
from agent.plan import digest_of
from agent.report import Report, Status
from agent.verdict import Mode
from evals.loading import Item
from evals.visible import printable

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""No world, no clock: a moment that is plainly none, and the same in every run."""


def unworked(item: Item, mode: Mode, status: Status, reason: str) -> Report:
    """The report of an item that was not worked. Its run id comes from its own bytes."""
    event = Event(body=item.event, received_at=_NO_TIME, via="eval")
    return Report(
        run_id=f"unworked-{digest_of([item.id, event.digest])[:16]}",
        status=status,
        reason=printable(reason, 400),
        mode=mode,
        sandbox=True,
        event_digest=event.digest,
        started_at=_NO_TIME,
        ended_at=_NO_TIME,
    )
