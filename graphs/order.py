"""What must come before an action: whether it still waits for that, and whether it failed."""

from agent.plan import PlannedAction
from agent.receipt import Outcome
from agent.verdict import Mode, Ruling
from graphs.state import Planned
from tools.action import actions

_IN_PLACE = {Outcome.DONE, Outcome.ALREADY}
IN_PLACE_BEFORE = ("already_so", "contained")
"""Why nothing is done about an action whose effect is there."""
DROPPED = "dropped"
"""Stands for a predecessor that has no number: it could not be planned."""


def runnable(state: Planned) -> list[PlannedAction]:
    """The allowed actions that have not run and need not wait for one that is still asked."""
    waiting: set[tuple[str, str]] = set()
    ready: list[PlannedAction] = []
    for action in state.plan.actions:
        verdict = state.verdicts.get(action.id)
        if action.id in state.receipts or verdict is None:
            continue
        if verdict.ruling is Ruling.ALLOW and not waiting.intersection(_predecessors(action)):
            ready.append(action)
        elif verdict.ruling is not Ruling.DENY:
            waiting.add((action.change.action, action.change.target.key))
    return ready


def failed_before(action: PlannedAction, state: Planned) -> list[str]:
    """The ids of what must come before this on the same resource, and was tried, wanted or denied and is not in place."""
    wanted = _predecessors(action)
    failed = [
        other.id
        for other in state.plan.actions
        if (other.change.action, other.change.target.key) in wanted
        and (_denied(other, state) or _tried_in_vain(other, state))
    ]
    dropped = [
        DROPPED
        for one in state.plan.dropped
        if one.target is not None and (one.action, one.target.key) in wanted and one.reason not in IN_PLACE_BEFORE
    ]
    return [*failed, *dropped]


def newly_asked(state: Planned) -> bool:
    """Whether something that was allowed asks now, because what had to come before it failed."""
    return any(
        verdict.ruling is Ruling.ASK
        and verdict.facts.predecessor_failed
        and action.id not in state.receipts
        and not _was_asked(action, state)
        for action in state.plan.actions
        if (verdict := state.verdicts.get(action.id)) is not None
    )


def came_back(state: Planned) -> bool:
    """Whether something that was so already when it was asked is not so any more, and needs an answer too."""
    asked = set() if state.request is None else {action.id for action in state.request.actions}
    return any(
        action.again
        and action.id not in asked
        and action.id not in state.receipts
        and (verdict := state.verdicts.get(action.id)) is not None
        and verdict.ruling is Ruling.ASK
        for action in state.plan.actions
    )


def _was_asked(action: PlannedAction, state: Planned) -> bool:
    """Whether the request, if there is one, was made in the knowledge of the failure."""
    ids = set() if state.request is None else {asked.id for asked in state.request.actions}
    return action.id in ids and not ids.intersection(failed_before(action, state))


def _tried_in_vain(action: PlannedAction, state: Planned) -> bool:
    receipt = state.receipts.get(action.id)
    return receipt is not None and receipt.outcome not in _IN_PLACE


def _denied(action: PlannedAction, state: Planned) -> bool:
    """In observe mode everything is denied, and nothing follows from it."""
    verdict = state.verdicts.get(action.id)
    return verdict is not None and verdict.ruling is Ruling.DENY and verdict.facts.mode is not Mode.OBSERVE


def _predecessors(action: PlannedAction) -> set[tuple[str, str]]:
    return {(name, action.change.target.key) for name in actions()[action.change.action].SPEC.follows}
