"""What containment leaves open beside what its actions say: the credentials that the contained made for others."""

from collections.abc import Iterable

from agent.evidence import Standing
from agent.plan import Change
from agent.target import Target, TargetKind
from graphs.state import State

_MADE = ("new_key.made_by", "new_access.made_by")


def left_open(state: State, held: Iterable[Change]) -> list[str]:
    """A line for each such credential that nothing was done about, wherever anything was done at all."""
    changed = [change.target for change in held]
    if not changed:
        return []
    made = [
        fact.about
        for answer in state.evidence.values()
        for fact in answer.facts
        if fact.name in _MADE and fact.standing is Standing.KNOWN and fact.about is not None
    ]
    return sorted({_line(target) for target in made if not _ended(target, changed)})


def _ended(made: Target, changed: list[Target]) -> bool:
    """Whether the key itself or its user was contained."""
    users = {target.id for target in changed if target.kind is TargetKind.USER and target.account == made.account}
    return made.key in {target.key for target in changed} or (made.owner or made.id) in users


def _line(made: Target) -> str:
    if made.kind is TargetKind.ACCESS_KEY:
        return f"The access key {made.id}, which was made for the user {made.owner} by somebody else, still works."
    return f"The user {made.id} may sign in by what somebody else set; nothing was done about that user."
