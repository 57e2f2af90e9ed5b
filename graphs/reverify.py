"""reverify: read the containments that stand once more; one that no longer holds has lapsed, and is said so."""

from collections.abc import Callable
from dataclasses import replace

from agent.casefile import Looked
from agent.catalogue import Reversal
from agent.left_open import refreshed
from agent.receipt import Outcome, Receipt, Verification
from agent.record import Record
from agent.report import Report, Status
from graphs.holding import holding
from graphs.keeping import with_reads
from graphs.lapsing import lapsing
from graphs.saying_undone import finding_of
from graphs.service import Service
from graphs.state import Context
from graphs.taking_back import read_back
from graphs.tell import tell_undone
from graphs.undo_lease import NothingToUndo, undo_lease
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally

STEP = "reverify"
"""The name of the reads that changed what a report says; those that found all in place are not kept."""
TURN_SECONDS = 300
"""Each so often the reading begins with another containment, so that none is always the one that time did not reach."""


class Reverified(Record):
    """What one reading of all that stands showed."""

    lapsed: list[Report] = []
    """Runs of which something no longer holds."""
    unread: list[str] = []
    """What could not be read: that is no sign that it does not hold."""
    partly: list[str] = []
    """What never was read to hold as a whole, and some of which is still in place."""
    held: int = 0


def reverify(service: Service, time_left: Callable[[], bool] = lambda: True) -> Reverified:
    """Read back each exact containment that stands, as long as there is time."""
    standing = [receipt for receipt in service.ledger.standing() if _is_containment(receipt, service)]
    turn = int(service.clock().timestamp() // TURN_SECONDS) % max(1, len(standing))
    lapsed: list[Report] = []
    unread: list[str] = []
    partly: list[str] = []
    held = 0
    for receipt in [*standing[turn:], *standing[:turn]]:
        if not time_left():
            break
        looked: list[Looked] = []
        seen = read(receipt, replace(service, looked=looked.append))
        if isinstance(seen, str):
            unread.append(f"{receipt.run_id} {receipt.action_id}: {seen}")
        elif seen.holds:
            held += 1
            if receipt.outcome is Outcome.UNSURE:
                _settled(receipt, seen, looked, service)
        elif receipt.outcome is not Outcome.DONE and not _nothing_left(receipt, service):
            partly.append(f"{receipt.run_id} {receipt.action_id}: {seen.detail}")
        else:
            report = _lapsed(receipt, service)
            lapsed += [report] if report is not None else []
    return Reverified(lapsed=lapsed, unread=unread, partly=partly, held=held)


def _is_containment(receipt: Receipt, service: Service) -> bool:
    """A note in Security Hub is none, and what was only restored or copied is not kept up."""
    spec = service.catalogue.get(receipt.change.action)
    return spec is not None and spec.offered and spec.reversal is Reversal.EXACT


def read(receipt: Receipt, service: Service) -> Verification | str:
    """What reading back shows, or why there was nothing to read."""
    change = receipt.change
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.VERIFY, module.CALLS, Tally())
    try:
        return module.verify(aws, change)
    except AwsError as error:
        return str(error)
    except UNREADABLE as error:
        return f"AWS answered what we cannot read ({type(error).__name__})"


def _nothing_left(receipt: Receipt, service: Service) -> bool:
    """Whether it reads as it was before, all of it."""
    return read_back(receipt.change, receipt.run_id, service, Tally()).holds


def _lapsed(receipt: Receipt, service: Service) -> Report | None:
    """Say it, unless the run goes on or somebody is taking the containment back.

    The run's report and Security Hub say so, and the effect is free again.
    """
    row, report = service.ledger.run(receipt.run_id), service.ledger.report(receipt.run_id)
    if row is None or row.status in (None, Status.AWAITING_APPROVAL) or report is None:
        return None
    with holding() as holder:
        lease = undo_lease(service, receipt.run_id, holder)
        if isinstance(lease, NothingToUndo):
            return None
        looked: list[Looked] = []
        watched = replace(service, looked=looked.append)
        report, seen = service.ledger.report(receipt.run_id) or report, read(receipt, watched)
        if isinstance(seen, Verification) and not seen.holds and stands(receipt, service):
            # what is wholly back as it was leaves nothing to sweep, and nothing of ours to go on with
            service.ledger.undone(receipt.run_id, receipt, "undone" if _nothing_left(receipt, watched) else "lapsed")
            report = _told(with_reads(_amended(report, receipt, seen, service), STEP, looked, service), service)
        service.ledger.close(lease.run_id, lease.fence, report, service.clock())
    return report if report.status is Status.LAPSED else None


def _settled(receipt: Receipt, seen: Verification, looked: list[Looked], service: Service) -> None:
    """What nobody knew of reads as wanted: the run's report says so, unless somebody is taking it back."""
    row, report = service.ledger.run(receipt.run_id), service.ledger.report(receipt.run_id)
    if row is None or row.status is None or report is None:
        return
    with holding() as holder:
        lease = undo_lease(service, receipt.run_id, holder)
        if isinstance(lease, NothingToUndo):
            return
        report = service.ledger.report(receipt.run_id) or report
        if stands(receipt, service):
            done = receipt.model_copy(update={"outcome": Outcome.DONE, "verification": seen})
            service.ledger.record(done, row.fence)
            report = _told(with_reads(_with(report, done, seen, service), STEP, looked, service), service)
        service.ledger.close(lease.run_id, lease.fence, report, service.clock())


def _with(report: Report, done: Receipt, seen: Verification, service: Service) -> Report:
    """The report with the receipt; contained if that was all that it lacked."""
    now = [a.model_copy(update={"receipt": done}) if a.planned.id == done.action_id else a for a in report.actions]
    seen_all = all(a.receipt and a.receipt.verification and a.receipt.verification.holds for a in now)
    told = f"{done.change.action} on {done.change.target.id} took effect: {seen.how.replace('_', ' ')}"
    if report.status is Status.UNVERIFIED and seen_all and all(d.reason == "contained" for d in report.dropped):
        said: dict[str, object] = {"status": Status.CONTAINED, "reason": told}
    else:
        said = {"reason": f"{told}; before that: {report.reason}"}
    return refreshed(report.model_copy(update={"actions": now, **said}), service.catalogue)


def stands(receipt: Receipt, service: Service) -> bool:
    """Whether the ledger says so now."""
    return any((one.run_id, one.action_id) == (receipt.run_id, receipt.action_id) for one in service.ledger.standing())


def _amended(report: Report, receipt: Receipt, seen: Verification, service: Service) -> Report:
    """The report with what lapsed; several of one run are all named."""
    said = f"{receipt.change.action} on {receipt.change.target.id} no longer holds: {seen.detail}"
    before = f"{report.reason}; " if report.status is Status.LAPSED else ""
    return lapsing(report, receipt.change, seen, service).model_copy(update={"reason": before + said})


def _told(report: Report, service: Service) -> Report:
    service.ledger.amend(report, service.clock())
    finding, row = finding_of(service, report.run_id), service.ledger.run(report.run_id)
    if finding is None or row is None:
        return report
    told = tell_undone(report, finding, Context(mode=report.mode, fence=row.fence), service, Tally())
    amended = report.model_copy(update={"told": told})
    service.ledger.amend(amended, service.clock())
    return amended
