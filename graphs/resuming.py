"""Going on with a run: from the checkpoint that it was left at or a later one, never from an earlier; else it has failed."""

from collections.abc import Callable

from langgraph.types import StateSnapshot

from agent.receipt import Receipt
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.compose import compose
from graphs.service import Service
from graphs.state import State

_PAUSES = (0.2, 0.5, 1.0)
"""Seconds between looks for a checkpoint that is not seen yet."""


class CheckpointLost(RuntimeError):
    """The checkpoint that a run was left at is gone: what somebody was asked, and answered, cannot be gone on with."""


def left_at(
    run_id: str, expected: str, read: Callable[[], StateSnapshot], pause: Callable[[float], None]
) -> StateSnapshot:
    """The newest checkpoint; looked for again where it is older than the expected one. Raises CheckpointLost."""
    for seconds in (*_PAUSES, None):
        snapshot = read()
        # ids of checkpoints begin with their time: later ones sort after earlier ones, as the savers themselves have it
        if checkpoint_of(snapshot) >= expected:
            return snapshot
        if seconds is not None:
            pause(seconds)
    found = checkpoint_of(snapshot) or "none at all"
    raise CheckpointLost(f"{run_id} was left at checkpoint {expected}, and the newest that is there is {found}")


def checkpoint_of(snapshot: StateSnapshot) -> str:
    """The id of a snapshot's checkpoint; empty where there is none."""
    return str(snapshot.config["configurable"].get("checkpoint_id") or "")


def failed(state: State, receipts: list[Receipt], why: str, mode: Mode, service: Service) -> Report:
    """The report of a run that cannot go on, with all that the ledger knows it did."""
    known = {action.id for action in state.plan.actions} if state.plan else set()
    done = {each.action_id: each for each in receipts if each.undo_of is None and each.action_id in known}
    report = compose(state.model_copy(update={"receipts": {**state.receipts, **done}}), mode, service)
    reason = f"{why}. Until then: {report.status}: {report.reason}"
    return report.model_copy(update={"status": Status.FAILED, "reason": reason, "waits_for": ""})
