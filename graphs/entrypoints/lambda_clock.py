"""Lambda: what is to be done because time has passed. Each part stops when the invocation's time is nearly over."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import takewhile
from typing import Any

from pydantic import JsonValue

from agent.record import JsonObject
from agent.report import Report, Status
from graphs.came import Came, said
from graphs.entrypoints.deployed import Deployed, TimeLeft, deployed, time_left
from graphs.entrypoints.log import log
from graphs.giving_up import give_up
from graphs.reverify import reverify
from graphs.sweep import sweep
from tools.ledger import RunRow

LAG = timedelta(minutes=15)
"""After this an answer that was not yet there should be: CloudTrail's own word."""
LOOKED_BACK = timedelta(hours=24)
"""Runs that ended earlier are not looked at again."""
LOOKS = 2
"""How often one delivery is looked at again."""
TRIES = 20
"""A run that was taken up so often and has not ended is not taken up any more: somebody has to look."""

_MAY_CHANGE = {Status.NO_ACTION, Status.ESCALATED, Status.PROPOSED, Status.DENIED}
"""Ends that more evidence could change, where nothing was done and nobody was asked."""


def handler(event: Any, context: Any) -> JsonObject:
    """End waits that are over, take up what lies idle, take back what has expired, read what stands, and look again."""
    function, left = deployed("clock"), time_left(context)
    service = function.service
    answer: JsonObject = {
        "settled": _each(settled(function), function.go_on, left),
        "taken_up": _each(idle(function), lambda run_id: _taken_up(run_id, function), left),
        "given_up": _given_up(function, left),
    }
    swept = sweep(service, left)
    answer |= {"swept": [_line(report) for report in swept.reports], "kept": list(swept.kept)}
    seen = reverify(service, left)
    answer |= {"held": seen.held, "lapsed": [_line(one) for one in seen.lapsed], "unread": list(seen.unread)}
    answer["looked_again"] = _each(unfinished(function), function.look_again, left)
    return answer


def settled(function: Deployed) -> list[str]:
    """The runs that wait although they need not: their time is over, or all that they need was answered."""
    rows = [row for row in function.service.ledger.runs() if row.status is Status.AWAITING_APPROVAL]
    return [row.run_id for row in rows if function.runs.may_go_on(row.run_id)]


def idle(function: Deployed) -> list[str]:
    """The runs that nobody works: handed over, or of a process that died."""
    return [row.run_id for row in _idle(function) if row.fence < TRIES]


def _idle(function: Deployed) -> list[RunRow]:
    """An undo that died is not taken up: the person who asked for it says so again."""
    rows = function.service.ledger.idle(function.service.clock())
    return [row for row in rows if not row.incident.startswith("undo:")]


def _given_up(function: Deployed, left: TimeLeft) -> list[JsonValue]:
    """What was taken up so often fails for good, and says so."""
    done: list[JsonValue] = []
    for row in takewhile(lambda _: left(), [row for row in _idle(function) if row.fence >= TRIES]):
        report = give_up(function.runs, row.run_id, f"taken up {row.fence} times, and never worked to an end")
        if report is not None:
            log.error("%s is given up", row.run_id)
            done.append(row.run_id)
    return done


def _taken_up(run_id: str, function: Deployed) -> Came | None:
    row = function.service.ledger.run(run_id)
    handed_over = row is not None and row.handed_over
    return function.go_on(run_id) if handed_over else function.plan_on(run_id)


def unfinished(function: Deployed) -> Iterator[str]:
    """The runs that ended without something that was not yet there, or could not be read, and may be there by now."""
    ledger, now = function.service.ledger, function.service.clock()
    rows = ledger.runs()
    latest = {row.incident: row.generation for row in sorted(rows, key=lambda row: row.generation)}
    for row in takewhile(lambda row: row.updated_at > now - LOOKED_BACK, rows):
        due = row.status in _MAY_CHANGE and row.updated_at <= now - LAG and row.generation == latest[row.incident]
        if due and _lacks(ledger.report(row.run_id)):
            looks = (ledger.body(row.run_id) or {}).get("looks")
            if not isinstance(looks, int) or looks < LOOKS:
                yield row.run_id


def _lacks(report: Report | None) -> bool:
    return report is not None and any(source.standing in ("not_yet", "failed") for source in report.evidence)


def _each(runs: list[str] | Iterator[str], take: Callable[[str], Came | None], left: TimeLeft) -> JsonObject:
    """What came of each run, as long as there is time."""
    return {run_id: _short(said(take(run_id), run_id)) for run_id in takewhile(lambda _: left(), runs)}


def _short(told: JsonObject) -> str:
    return str(
        told.get("status") or next((word for word in ("busy", "handed_over") if told.get(word)), "nothing to do")
    )


def _line(report: Report) -> str:
    return f"{report.run_id} {report.status}"
