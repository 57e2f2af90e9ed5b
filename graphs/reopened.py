"""reopened: read closed findings again; one that is open by now was opened by somebody else, and is said so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum

from agent.casefile import Looked
from agent.closing import shown_closed
from agent.plan import Change
from agent.receipt import Outcome, Receipt
from agent.record import Record
from agent.report import Report, Status
from graphs.closing import closing_change
from graphs.holding import holding
from graphs.keeping import with_reads
from graphs.reverify import TURN_SECONDS, stands
from graphs.service import Service
from graphs.undo_lease import NothingToUndo, undo_lease
from tools.aws import Tally
from tools.ledger import RunRow
from tools.two_hubs import workflow_of

STEP = "reopened"
"""The name of the read that showed a finding open again."""
AT_ONCE = 20
"""Closings that one look reads: they are many, they stay, and Security Hub answers few requests a second."""
SETTLES = timedelta(minutes=15)
"""A younger closing is not read again: Security Hub may take minutes to show it."""


class Now(StrEnum):
    """How a finding that was closed stands now."""

    CLOSED = "closed"
    """Also with another's note on it, or suppressed: that is a person's to choose, and nobody sees it open."""
    OPEN = "open"
    GONE = "gone"
    UNREAD = "unread"


class Look(Record):
    """One read of one closed finding."""

    now: Now
    detail: str = ""


class Reopened(Record):
    """What one look at closed findings showed."""

    opened: list[Report] = []
    """Runs whose closing somebody took back past us."""
    gone: list[str] = []
    """Closings of findings that Security Hub holds no more: there is nothing to be open."""
    unread: list[str] = []
    """What could not be read: that is no sign that it is open."""
    closed: int = 0


def reopened(service: Service, time_left: Callable[[], bool] = lambda: True) -> Reopened:
    """Read some of the closings that stand, each time the next ones, as long as there is time."""
    opened: list[Report] = []
    gone: list[str] = []
    unread: list[str] = []
    closed = 0
    for receipt in _next(service):
        if not time_left():
            break
        name, seen = f"{receipt.run_id} {receipt.action_id}", _look(receipt, service)
        if seen.now is Now.CLOSED:
            closed += 1
        elif seen.now is Now.UNREAD:
            unread.append(f"{name}: {seen.detail}")
        elif seen.now is Now.GONE:
            service.ledger.undone(receipt.run_id, receipt, "undone")
            gone.append(name)
        else:
            report = _said(receipt, service)
            opened += [report] if report is not None else []
    return Reopened(opened=opened, gone=gone, unread=unread, closed=closed)


def _next(service: Service) -> list[Receipt]:
    """Whose turn it is."""
    now = service.clock()
    standing = [one for one in service.ledger.standing() if shown_closed(one) and one.at <= now - SETTLES]
    turn = int(now.timestamp() // TURN_SECONDS) * AT_ONCE % max(1, len(standing))
    return [*standing[turn:], *standing[:turn]][:AT_ONCE]


def _look(receipt: Receipt, service: Service) -> Look:
    """Plan the same closing again: what it would start from is how the finding stands."""
    change = receipt.change
    again = closing_change(change.target, change.params, receipt.run_id, service, Tally())
    if isinstance(again, Change):
        status = f"its workflow status is {workflow_of(again.before)}"
        return Look(now=Now.OPEN, detail=status) if again.needed else Look(now=Now.CLOSED)
    known = {"already_so": Now.CLOSED, "gone": Now.GONE, "read_failed": Now.UNREAD}
    return Look(now=known.get(again.reason, Now.OPEN), detail=again.detail)


def _said(receipt: Receipt, service: Service) -> Report | None:
    """The run's report says it, unless the run goes on, somebody is taking the closing back, or it reads closed after all.

    The finding itself is left alone: it belongs to whoever opened it.
    """
    ledger, run_id = service.ledger, receipt.run_id
    row, report = ledger.run(run_id), ledger.report(run_id)
    if row is None or row.status in (None, Status.AWAITING_APPROVAL) or report is None:
        return None
    with holding() as holder:
        lease = undo_lease(service, run_id, holder)
        if isinstance(lease, NothingToUndo):
            return None
        looked: list[Looked] = []
        report = ledger.report(run_id) or report
        seen = _look(receipt, replace(service, looked=looked.append))
        is_open = seen.now is Now.OPEN and stands(receipt, service)
        if is_open:
            back = _taken_back(receipt, _by_whom(row, seen, service), service)
            report = with_reads(_amended(report, back), STEP, looked, service)
            ledger.amend(report, service.clock())  # first: whoever dies after it leaves the closing to be read again
            ledger.undone(run_id, receipt, "undone")
        ledger.close(lease.run_id, lease.fence, report, service.clock())
    return report if is_open else None


def _by_whom(row: RunRow, seen: Look, service: Service) -> str:
    """Who opened it is in no answer of Security Hub's: a note's name is whatever its writer says."""
    latest = service.ledger.latest(row.incident)
    if latest is not None and latest.run_id != row.run_id:
        return f"open again ({seen.detail}), and {latest.run_id} has looked at it anew"
    return f"reopened by somebody, or by Security Hub itself as its check changed: {seen.detail}"


def _taken_back(receipt: Receipt, detail: str, service: Service) -> Receipt:
    """What others did, for the report: no receipt of ours, so that the ledger keeps none."""
    return Receipt(
        run_id=receipt.run_id, action_id=receipt.action_id, change=receipt.change, outcome=Outcome.UNDONE,
        detail=detail, at=service.clock(), undo_of=receipt.action_id,
    )  # fmt: skip


def _amended(report: Report, back: Receipt) -> Report:
    now = [a.model_copy(update={"undone": back}) if a.planned.id == back.action_id else a for a in report.actions]
    return report.model_copy(update={"actions": now, "status": Status.UNDONE, "reason": back.detail})
