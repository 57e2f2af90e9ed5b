"""How runs ended, told to people: a threat's at once within the hour's budget, all else together, and nothing twice."""

import logging
from collections.abc import Callable
from datetime import timedelta

from agent.plan import digest_of
from agent.queue import Queue, queue_of
from agent.record import Record
from agent.report import Report, Status
from graphs.service import Service
from tools.ledger import Ask, Card, RunRow, earlier

ENDED, ENDS, SEEN = "ended-", "ends-", "seen-"
"""How the ledger's note of a message begins: about one run, about many, or about those of which there was nothing to say."""
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
TOGETHER = 50
"""Runs that one message about many may be about."""

_WORST_FIRST = [
    Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.LAPSED, Status.ESCALATED, Status.DENIED,
    Status.PROPOSED,
]  # fmt: skip
"""Ends that people are told of. What observe would have done is told with others, never by itself."""
log = logging.getLogger("stanch")


class EndsTold(Record):
    """What one look at the ended runs came to."""

    told: list[str] = []
    left: int = 0
    """Runs that people are told of later."""


def tell_end(service: Service, report: Report) -> bool:
    """Tell people of this one end, if it is of that kind and the hour has room. What is not told the clock finds later."""
    row = None if service.tell_ends is None or not _at_once(report) else service.ledger.run(report.run_id)
    if row is None or _said_before(row, report, service) or _room(service) < 1:
        return False
    return _publish(service, [report], [_noted(row)], 0, ENDED)


def tell_ends(service: Service, time_left: Callable[[], bool] = lambda: True) -> EndsTold:
    """Tell people of the last day's ends that they were not told of: threats one by one, the rest in one message an hour."""
    if service.tell_ends is None:
        return EndsTold()
    untold = _untold(service)
    told: list[str] = []
    together: list[tuple[RunRow, Report]] = []
    for row in untold[:TOGETHER]:
        report = service.ledger.report(row.run_id) if time_left() else None
        if report is None:
            continue
        if tell_end(service, report):
            told.append(row.run_id)
        else:
            together.append((row, report))
    told += _tell_together(service, together, max(0, len(untold) - TOGETHER))
    return EndsTold(told=told, left=len(untold) - len(told))


def _tell_together(service: Service, found: list[tuple[RunRow, Report]], more: int) -> list[str]:
    """One message about all of them; those of which there is nothing new to say are noted too, and not read again."""
    if not found or any(card.id.startswith(ENDS) for card in service.ledger.cards(service.clock() - HOUR)):
        return []
    new = [report for row, report in found if _is_told(report) and not _said_before(row, report, service)]
    done = _publish(service, new, [_noted(row) for row, _ in found], more, ENDS if new else SEEN)
    return [row.run_id for row, _ in found] if done else []


def _publish(service: Service, reports: list[Report], asks: list[Ask], more: int, kind: str) -> bool:
    """Whether people know by now. It is noted after they were told: a process that dies between tells them twice."""
    if service.tell_ends is None or (reports and not service.tell_ends(reports, more)):
        return False
    name = f"{kind}{digest_of([ask.model_dump() for ask in asks])[:12]}"
    service.ledger.show(Card(id=name, control="ended", owner="", asks=asks, at=service.clock()))
    return True


def _untold(service: Service) -> list[RunRow]:
    """Rows of the last day's ends that nobody was told of, the worst first, then the oldest."""
    since = service.clock() - DAY
    known = {ask.digest for card in service.ledger.cards(since) for ask in card.asks}
    rows = [row for row in service.ledger.runs() if row.updated_at > since and row.status in _WORST_FIRST]
    new = [row for row in rows if not row.incident.startswith("undo:") and _noted(row).digest not in known]
    return sorted(new, key=lambda row: (_WORST_FIRST.index(row.status or Status.PROPOSED), row.updated_at, row.run_id))


def _noted(row: RunRow) -> Ask:
    """The end as the ledger knows it again. A run may lapse more than once, each time of another of its actions."""
    when = str(row.updated_at) if row.status is Status.LAPSED else ""
    return Ask(run_id=row.run_id, digest=digest_of({"run": row.run_id, "ended": str(row.status), "when": when}))


def _at_once(report: Report) -> bool:
    return report.needs_somebody and (report.finding is None or queue_of(report.finding) is Queue.THREAT)


def _is_told(report: Report) -> bool:
    return report.needs_somebody or report.status is Status.PROPOSED


def _said_before(row: RunRow, report: Report, service: Service) -> bool:
    """Whether the run before of the same incident ended in the same way, by the same words."""
    before = next((service.ledger.report(run_id) for run_id in earlier(row)[:1]), None)
    return before is not None and (before.status, before.reason) == (report.status, report.reason)


def _room(service: Service) -> int:
    """How many messages about one run the hour has room for."""
    shown = service.ledger.cards(service.clock() - HOUR)
    return service.settings.cards_an_hour - len([card for card in shown if card.id.startswith(ENDED)])
