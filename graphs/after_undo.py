"""The report of a run after somebody took something of it back: what stands still, why, and what is open again."""

from agent.catalogue import Reversal
from agent.left_open import refreshed
from agent.receipt import MAY_STAND, Outcome, Receipt
from agent.report import Report, ReportedAction, Status
from agent.verdict import Approval, Ruling, Verdict
from graphs.service import Service

GONE = (Outcome.UNDONE, Outcome.LET_GO)
"""What an undo comes to that leaves nothing to take back."""


def may_be_undone(action: ReportedAction, service: Service) -> bool:
    """Whether there is something to take back. What only restores protection has nothing."""
    spec = service.catalogue.get(action.planned.change.action)
    if spec is None or spec.reversal is not Reversal.EXACT:
        return False
    done = action.receipt is not None and action.receipt.outcome in MAY_STAND
    return done and (action.undone is None or action.undone.outcome not in GONE)


def after_undo(
    report: Report,
    receipts: dict[str, Receipt],
    verdicts: dict[str, Verdict],
    approval: Approval | None,
    service: Service,
) -> tuple[Report, list[ReportedAction]]:
    """The report with what was taken back and the word for it, its status and reason still as before; and what stands still."""
    changed = [
        a.model_copy(
            update={
                "undone": receipts.get(a.planned.id, a.undone),
                "undo_verdict": verdicts.get(a.planned.id, a.undo_verdict),
            }
        )
        for a in report.actions
    ]
    approvals = [*report.approvals, *([approval] if approval else [])]
    amended = refreshed(report.model_copy(update={"actions": changed, "approvals": approvals}), service.catalogue)
    return amended, [a for a in changed if may_be_undone(a, service)]


def is_back(report: Report, action: str) -> bool:
    """Whether the one action that was asked for is taken back."""
    undone = [a.undone for a in report.actions if a.planned.id == action]
    return bool(undone) and undone[0] is not None and undone[0].outcome is Outcome.UNDONE


def partly(
    report: Report,
    left: list[ReportedAction],
    receipts: dict[str, Receipt],
    verdicts: dict[str, Verdict],
    taken: dict[str, str],
) -> tuple[Status, str]:
    """The status and reason of a run of which something stands still."""
    told = [_gone(action) for action in report.actions if action.undone and action.undone.outcome is Outcome.UNDONE]
    for action in left:
        receipt, verdict = receipts.get(action.planned.id), verdicts.get(action.planned.id)
        why = ", ".join(verdict.policies) if verdict else ""
        if receipt is not None:
            why = receipt.detail or (receipt.verification.detail if receipt.verification else "")
        if action.planned.id in taken:
            why = f"{taken[action.planned.id]} went on with it"
        told.append(f"{action.planned.id} {action.planned.change.action} stands{f': {why}' if why else ''}")
    failed = any(receipt.outcome is not Outcome.UNDONE for receipt in receipts.values())
    denied = any(verdict.ruling is not Ruling.ALLOW for verdict in verdicts.values())
    status = Status.PARTIALLY_CONTAINED if failed or denied or len(left) < len(report.actions) else report.status
    return status, "; ".join(told)


def _gone(action: ReportedAction) -> str:
    """What was taken back, and by whom; what nobody asked for was over."""
    people = " and ".join(action.undo_verdict.facts.approvers if action.undo_verdict else [])
    name = f"{action.planned.id} {action.planned.change.action}"
    return f"{name} was taken back by {people}" if people else f"{name} was taken back: its time was over"
