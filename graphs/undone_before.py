"""Whether a person took back what an earlier run of the same incident did: their word stands until a person says otherwise."""

from agent.receipt import Outcome
from agent.report import Report, ReportedAction
from tools.ledger import Ledger, earlier

_IN_PLACE = (Outcome.DONE, Outcome.ALREADY)


def undone_before(run_id: str, ledger: Ledger) -> bool:
    """The last word of a person in the earlier runs, from their reports; False where nobody has spoken.

    What was taken back because its time was over, or no longer held, is nobody's word. A finding that was opened again past us
    is somebody's, as far as anybody can tell.
    """
    run = ledger.run(run_id)
    for before in earlier(run) if run else []:
        report = ledger.report(before)
        if report is not None and any(_taken_back(action) for action in report.actions):
            return True
        if report is not None and _approved(report):
            return False
    return False


def _taken_back(action: ReportedAction) -> bool:
    """By somebody: policy saw who asked for it, or it was done without asking us. What a person let go needed no policy:
    nothing was written."""
    undone, verdict = action.undone, action.undo_verdict
    if undone is not None and undone.outcome is Outcome.LET_GO:
        return True
    return (
        undone is not None and undone.outcome is Outcome.UNDONE and (verdict is None or bool(verdict.facts.approvers))
    )


def _approved(report: Report) -> bool:
    """Whether something of it is in place because somebody approved it."""
    return any(
        action.receipt is not None
        and action.receipt.outcome in _IN_PLACE
        and action.verdict is not None
        and bool(action.verdict.facts.approvers)
        for action in report.actions
    )
