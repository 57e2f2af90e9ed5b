"""Giving a run up that never comes to an end: it is said to have failed, with everything that it did."""

from pydantic import ValidationError

from agent.event import Event
from agent.report import Report
from agent.verdict import Mode
from graphs.holding import holding
from graphs.resuming import failed
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
        report = failed(_state(runs, run_id), service.ledger.receipts(run_id), reason, Mode(row.mode), service)
        service.ledger.close(run_id, opened.fence, report, service.clock())
    return report


def _state(runs: Runs, run_id: str) -> State:
    """What the last checkpoint has of the run; of one that no longer fits, or is not there, the event alone."""
    try:
        state = runs.state(run_id)
    except ValidationError:
        state = None
    if state is not None:
        return state
    body = runs.service.ledger.body(run_id) or {}
    return State(event=Event.model_validate(body["event"]), run_id=run_id)
