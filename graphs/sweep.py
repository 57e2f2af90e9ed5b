"""sweep: take back what was put in place for a time, when the time is over and no run needs it any more."""

from collections.abc import Callable

from agent.record import Record
from agent.report import Report
from graphs.expiring import expiry
from graphs.service import Service
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo

SWEEPER = "stanch sweep"


class Swept(Record):
    """What one sweep did."""

    reports: list[Report] = []
    """Runs of which something was taken back, or should have been."""
    kept: list[str] = []
    """What stays although its time is over, and why."""


def sweep(service: Service, time_left: Callable[[], bool] = lambda: True) -> Swept:
    """Undo each expired change that this ledger made, as long as there is time; policy has to allow each.

    Also what was made in part, may have been made, or has lapsed: a rule that blocks again finds what is still in its set.
    """
    reports: list[Report] = []
    kept: list[str] = []
    now = service.clock()
    for receipt in service.ledger.standing(lapsed=True):
        until = expiry(receipt.change, service.catalogue.get(receipt.change.action))
        if until is None or until > now:
            continue
        if not time_left():
            break
        done = undo_run(service, receipt.run_id, receipt.action_id, SWEEPER, expired=True)
        if isinstance(done, NothingToUndo):
            kept.append(f"{receipt.run_id} {receipt.action_id}: {done.detail}")
        else:
            reports.append(done)
    return Swept(reports=reports, kept=kept)
