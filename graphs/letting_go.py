"""Let go: a person says that an effect which does not read as we left it is not ours any more. Nothing is written to AWS."""

from agent.receipt import Outcome, Receipt, Verification
from agent.report import Report, ReportedAction, Status
from graphs.after_undo import after_undo, may_be_undone, partly
from graphs.persons_word import approver, word_of
from graphs.reverify import read
from graphs.saying_undone import say_undone
from graphs.service import Service
from graphs.undo_lease import NothingToUndo, leased
from tools.aws import Tally


def let_go(service: Service, run_id: str, action: str, by: str, reason: str) -> Report | NothingToUndo:
    """Record the person's word on one action of a run, if reading it back shows something else than we put there."""
    return leased(service, run_id, lambda report, lease: _let_go(service, report, action, by, reason))


def _let_go(service: Service, report: Report, name: str, by: str, reason: str) -> Report | NothingToUndo:
    action = next((a for a in report.actions if a.planned.id == name and may_be_undone(a, service)), None)
    if action is None or action.receipt is None:
        return NothingToUndo(detail=f"nothing of {name} stands: {report.run_id} is {report.status}")
    person = approver(by, report, [action], service)
    if isinstance(person, NothingToUndo):
        return person
    seen = read(action.receipt, service)
    if isinstance(seen, str) or not (seen.holds or seen.otherwise):
        why = seen if isinstance(seen, str) else seen.detail
        return NothingToUndo(detail=f"whether {name} still reads as we put it nobody can tell, so it stays ours: {why}")
    if seen.holds:
        undo = f"stanch undo {report.run_id} {name}"
        return NothingToUndo(detail=f"{name} reads as we put it, so it is ours to take back: {undo}")
    word = word_of(service, report.run_id, [action], person, "let_go", reason)
    receipt = _receipt(action, action.receipt, seen, person, reason, service)
    row = service.ledger.run(report.run_id)
    service.ledger.record(receipt, row.fence if row else 0)
    service.ledger.undone(report.run_id, receipt, "undone")
    service.ledger.unneeded(report.run_id, receipt.change)
    amended, left = after_undo(report, {name: receipt}, {}, word, service)
    status, still = partly(report, left, {}, {}, {}) if left else (Status.LAPSED, "")
    if left and status is not Status.LAPSED:
        status = Status.PARTIALLY_CONTAINED
    said = f"{name} {receipt.change.action} was let go: {receipt.detail}"
    amended = amended.model_copy(update={"status": status, "reason": "; ".join(filter(None, [said, still]))})
    return say_undone(amended, report, service, Tally())


def _receipt(
    action: ReportedAction, done: Receipt, seen: Verification, by: str, reason: str, service: Service
) -> Receipt:
    return Receipt(
        run_id=done.run_id,
        action_id=done.action_id,
        change=done.change,
        outcome=Outcome.LET_GO,
        detail=f"by {by}: {reason}; {seen.detail}; nothing was written",
        at=service.clock(),
        found=seen.found,
        undo_of=action.planned.id,
    )
