"""What an earlier run left in place and nobody took back: a change planned anew goes on from the state before that."""

import json
from typing import Any, cast

from agent.plan import Change
from agent.record import JsonObject
from tools.ledger import Ledger


def going_on(change: Change, ledger: Ledger) -> Change:
    """The change with `before` as it was before our own writes that still stand, so that its undo takes those back too."""
    found = ledger.claimed(change)
    if found is None or not found.left or (found.state == "standing" and not change.needed):
        return change
    return _joined(change, found.change)


def _joined(change: Change, left: Change) -> Change:
    ours = [name for name in change.before if _is_ours(change, left, name)]
    before: JsonObject = {
        name: _before(change, left, name) if name in ours else change.before[name] for name in change.before
    }
    params: JsonObject = {name: _param(value, left.params.get(name), ours) for name, value in change.params.items()}
    notes = (
        left.notes | {name: value for name, value in change.notes.items() if value is not None}
        if ours
        else change.notes
    )
    return change.model_copy(update={"before": before, "params": params, "notes": notes})


def _is_ours(change: Change, left: Change, name: str) -> bool:
    """Whether the field reads as the earlier change made it. Of a list, others may have gone on with the rest."""
    if name not in left.before or left.before[name] == left.after.get(name):
        return False
    return change.before[name] == change.after[name] or _lists(change, left, name)


def _lists(change: Change, left: Change, name: str) -> bool:
    return all(isinstance(each, list) for each in (change.before[name], change.after[name], left.before[name]))


def _before(change: Change, left: Change, name: str) -> Any:
    """What was there before; of a list what the earlier change found, and what is there now."""
    if not _lists(change, left, name):
        return left.before[name]
    now, then = cast(list[Any], change.before[name]), cast(list[Any], left.before[name])
    return sorted(
        [*then, *(each for each in now if each not in then)], key=lambda each: json.dumps(each, sort_keys=True)
    )


def _param(value: Any, earlier: Any, ours: list[str]) -> Any:
    """A parameter that is kept by field is the earlier one where the field is."""
    if not isinstance(value, dict) or not isinstance(earlier, dict):
        return value
    return value | {name: earlier[name] for name in ours if name in earlier}
