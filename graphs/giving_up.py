"""Giving a run up that never comes to an end: it is said to have failed, with everything that it did."""

from pydantic import ValidationError

from agent.event import Event
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.compose import compose
from graphs.holding import holding
from graphs.runs import Runs
from graphs.state import State
from tools.ledger import Opened


def give_up(runs: Runs, run_id: str, reason: str) -> Report | None:
    """End the run as failed, unless somebody works it. What it wrote is in its receipts, so it can be taken back."""
    service = runs.service
    with holding() as holder:
        opened = service.ledger.reopen(run_id, holder, service.clock())
        row = service.ledger.run(run_id)
        if row is None or not isinstance(opened, Opened):
            return None
        report = _whole(runs, run_id, Mode(row.mode)).model_copy(update={"status": Status.FAILED, "reason": reason})
        service.ledger.close(run_id, opened.fence, report, service.clock())
    return report


def _whole(runs: Runs, run_id: str, mode: Mode) -> Report:
    """All that is known of the run. A checkpoint that no longer fits tells nothing; the receipts of the ledger always do."""
    service = runs.service
    try:
        state = runs.state(run_id)
    except ValidationError:
        state = None
    if state is None:
        body = service.ledger.body(run_id) or {}
        state = State(event=Event.model_validate(body["event"]), run_id=run_id)
    kept = {receipt.action_id: receipt for receipt in service.ledger.receipts(run_id) if receipt.undo_of is None}
    return compose(state.model_copy(update={"receipts": {**state.receipts, **kept}}), mode, service)
