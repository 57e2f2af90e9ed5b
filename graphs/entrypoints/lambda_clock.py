"""Lambda: what is to be done because time has passed. Each part stops when the invocation's time is nearly over."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import takewhile
from traceback import format_tb
from typing import Any, TypeVar

import graphs.entrypoints.lean  # noqa: F401 - before whatever loads those packages
from agent.record import JsonObject
from agent.report import Report, Status
from graphs.came import Came, said
from graphs.cards import Told
from graphs.cards import tell as tell_cards
from graphs.closing_notice import tell as tell_closings
from graphs.endings import EndsTold, tell_ends
from graphs.entrypoints.deployed import Deployed, TimeLeft, deployed, time_left
from graphs.entrypoints.log import log, note
from graphs.giving_up import give_up
from graphs.reopened import Reopened, reopened
from graphs.reverify import Reverified, reverify
from graphs.service import Service
from graphs.sweep import Swept, sweep
from tools.ledger import RunRow

T = TypeVar("T")

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


class TickFailed(RuntimeError):
    """Something of a tick ended with an error; everything else of it was done."""


def handler(event: Any, context: Any) -> JsonObject:
    """End waits that are over, take up what lies idle, take back what has expired, read what stands, and look again.

    Raises TickFailed at the end if anything of it failed, so that an alarm sees it.
    """
    tick = Tick(deployed("clock"), time_left(context))
    function, service, left = tick.function, tick.function.service, tick.left
    tick.part("since", lambda: _since(service))
    tick.each("settled", lambda: settled(function), function.go_on)
    tick.each("taken_up", lambda: idle(function), lambda run_id: _taken_up(run_id, function))
    tick.each("given_up", lambda: hopeless(function), lambda run_id: _given_up(run_id, function))
    tick.part("sweep", lambda: _swept(sweep(service, left)))
    tick.part("cards", lambda: _cards(tell_cards(service, left)))
    tick.part("reverify", lambda: _reverified(reverify(service, left)))
    tick.part("reopened", lambda: _reopened(reopened(service, left)))
    tick.part("told_closed", lambda: {"told_closed": [*tell_closings(service)]})
    tick.each("looked_again", lambda: unfinished(function), function.look_again)
    tick.part("ends", lambda: _ends(tell_ends(service, left)))
    if tick.failed:
        raise TickFailed("; ".join(tick.failed))
    return tick.answer


class Tick:
    """One tick: each piece of it by itself, so that one that fails keeps no other from being done."""

    def __init__(self, function: Deployed, left: TimeLeft) -> None:
        self.function, self.left = function, left
        self.answer: JsonObject = {}
        self.failed: list[str] = []

    def part(self, name: str, work: Callable[[], JsonObject]) -> None:
        """Add what the work answers."""
        self.answer |= self._done(name, work) or {}

    def each(self, name: str, find: Callable[[], Iterable[str]], take: Callable[[str], Came | None]) -> None:
        """Take each run that is found, as long as there is time."""
        came: JsonObject = {}
        for run_id in takewhile(lambda _: self.left(), self._done(name, lambda: list(find())) or []):
            came[run_id] = self._done(f"{name} {run_id}", partial(_told, take, run_id))
        self.answer[name] = came

    def _done(self, name: str, work: Callable[[], T]) -> T | None:
        with ThreadPoolExecutor(1, thread_name_prefix="tick") as pool:
            ended = pool.submit(work)
        error = ended.exception()
        if error is None:
            return ended.result()
        where = "".join(format_tb(error.__traceback__)[-3:])
        log.error("%s: %s\n%s", name, type(error).__name__, where)
        self.failed.append(f"{name}: {type(error).__name__}")
        return None


def _since(service: Service) -> JsonObject:
    """The first tick of an installation says from when on its findings are new."""
    service.since()
    return {}


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


def hopeless(function: Deployed) -> list[str]:
    """The runs that were taken up so often and have not ended."""
    return [row.run_id for row in _idle(function) if row.fence >= TRIES]


def _given_up(run_id: str, function: Deployed) -> Came | None:
    log.error("%s is given up", run_id)
    return give_up(function.runs, run_id, f"taken up {TRIES} times or more, and never worked to an end")


def _taken_up(run_id: str, function: Deployed) -> Came | None:
    row = function.service.ledger.run(run_id)
    handed_over = row is not None and row.handed_over
    return function.go_on(run_id) if handed_over else function.plan_on(run_id)


def unfinished(function: Deployed) -> Iterator[str]:
    """The runs that ended without something that was not yet there, or could not be read, and may be there by now;
    and those that policies which could not be used have denied, once there are others."""
    ledger, now, mended = function.service.ledger, function.service.clock(), not function.service.policies.unusable
    rows = ledger.runs()
    latest = {row.incident: row.generation for row in sorted(rows, key=lambda row: row.generation)}
    for row in takewhile(lambda row: row.updated_at > now - LOOKED_BACK, rows):
        later = row.status in _MAY_CHANGE and row.updated_at <= now - LAG
        due = row.generation == latest[row.incident] and (later or (row.status is Status.FAILED and mended))
        report = ledger.report(row.run_id) if due else None
        if report is not None and (_lacks(report) if later else _undecided(report)):
            looks = (ledger.body(row.run_id) or {}).get("looks")
            if not isinstance(looks, int) or looks < LOOKS:
                yield row.run_id


def _lacks(report: Report) -> bool:
    return any(source.standing in ("not_yet", "failed") for source in report.evidence)


def _undecided(report: Report) -> bool:
    """Whether nothing came of it because policy could not be read, or erred."""
    return any(a.verdict is not None and a.verdict.errors and a.receipt is None for a in report.actions)


def _swept(done: Swept) -> JsonObject:
    return {"swept": [_line(report) for report in done.reports], "kept": list(done.kept)}


def _cards(seen: Told) -> JsonObject:
    return {"cards": list(seen.told), "cards_left": list(seen.left)}


def _ends(seen: EndsTold) -> JsonObject:
    return {"ends": list(seen.told), "ends_left": seen.left}


def _reverified(seen: Reverified) -> JsonObject:
    note(seen.lapsed)
    return {
        "held": seen.held,
        "lapsed": [_line(report) for report in seen.lapsed],
        "partly": list(seen.partly),
        "unread": list(seen.unread),
    }


def _reopened(seen: Reopened) -> JsonObject:
    return {
        "still_closed": seen.closed,
        "reopened": [_line(report) for report in seen.opened],
        "closed_gone": list(seen.gone),
        "closed_unread": list(seen.unread),
    }


def _told(take: Callable[[str], Came | None], run_id: str) -> str:
    """What came of the run, in a word."""
    came = take(run_id)
    note([came] if isinstance(came, Report) else [])
    told = said(came, run_id)
    return str(
        told.get("status") or next((word for word in ("busy", "handed_over") if told.get(word)), "nothing to do")
    )


def _line(report: Report) -> str:
    return f"{report.run_id} {report.status}"
