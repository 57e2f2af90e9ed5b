"""What became of an action that was asked, once nobody can be asked about it any more."""

from agent.report import Report, ReportedAction, Status
from agent.verdict import Ruling

_WHY = {Status.EXPIRED: "nobody answered in time", Status.REJECTED: "rejected"}


def left_undone(report: Report, action: ReportedAction) -> str:
    """Why an asked action was not done: `not approved`; empty if it was, still may be, or was never asked."""
    asks = action.verdict is not None and action.verdict.ruling is Ruling.ASK
    if not asks or action.receipt is not None or report.status is Status.AWAITING_APPROVAL:
        return ""
    dropped = any(action.planned.id not in given.action_ids for given in report.approvals)
    return _WHY.get(report.status, "not approved" if dropped else "not done")
