"""One process at a time takes anything of an ended run back: what it holds meanwhile, or why there is nothing to hold."""

from collections.abc import Callable

from agent.record import JsonObject, Record
from agent.report import Report, Status
from graphs.abandoned import why_unfinished
from graphs.holding import beating, holding
from graphs.service import Service
from tools.ledger import Opened


class NothingToUndo(Record):
    """Why there is nothing to take back."""

    detail: str


def leased(
    service: Service, run_id: str, work: Callable[[Report, Opened], Report | NothingToUndo]
) -> Report | NothingToUndo:
    """Work on a run that has ended while nobody else takes anything of it back; what comes of it is its report."""
    report, refused = undoable(service, run_id)
    if report is None:
        return NothingToUndo(detail=refused)
    with holding() as holder:
        lease = undo_lease(service, run_id, holder)
        if isinstance(lease, NothingToUndo):
            return lease
        with beating(lambda: service.ledger.heartbeat(lease.run_id, lease.fence, service.clock())):
            done = work(report, lease)
        ended = report if isinstance(done, NothingToUndo) else done
        service.ledger.close(lease.run_id, lease.fence, ended, service.clock())
    return done


def undoable(service: Service, run_id: str) -> tuple[Report | None, str]:
    """The report to undo by, or why not now."""
    row, report = service.ledger.run(run_id), service.ledger.report(run_id)
    if row is None:
        return None, f"no run {run_id[:40]!r}"
    if row.status is None:
        why = why_unfinished(service.ledger, run_id, service.clock(), sandbox=service.settings.sandbox)
        return None, f"{run_id} {why}"
    if row.status is Status.AWAITING_APPROVAL:
        return None, f"{run_id} waits for an answer: approve or reject it first"
    return report, f"{run_id} has no report to undo by"


def undo_lease(service: Service, run_id: str, holder: str) -> Opened | NothingToUndo:
    """One undo of a run at a time; one that died is taken over."""
    body: JsonObject = {"undo": run_id}
    version = service.nonce()
    opened = service.ledger.open(f"undo:{run_id}", version, body, service.settings.mode, holder, service.clock())
    if isinstance(opened, Opened):
        return opened
    return NothingToUndo(detail=f"another process is undoing {run_id} now")
