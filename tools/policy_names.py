"""Our names for inline policies: always the same for a target, and one that nobody knows where somebody has taken those."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from agent.record import JsonObject
from agent.target import Target

D = TypeVar("D")
NAMES = 4


def names_for(target: Target) -> list[str]:
    """In the order in which they are tried, so that two runs at once choose the same. Whoever reads this knows them too."""
    base = f"StanchDeny-{hashlib.sha256(target.key.encode()).hexdigest()[:8]}"
    return [base, *(f"{base}-{number}" for number in range(1, NAMES))]


def revoking_names(target: Target, moment: str) -> list[str]:
    """The same of a policy that revokes what was issued before a moment: each moment has a name of its own."""
    base = f"StanchRevoke-{hashlib.sha256(target.key.encode()).hexdigest()[:8]}"
    return [f"{base}-{''.join(each for each in moment if each.isalnum())}"]


def unknown_name(names: Sequence[str], target: Target, now: datetime, params: JsonObject) -> str:
    """A name that nobody can take before us; when a change is planned again, the one that it has in its `params`."""
    before = params.get("policy_name")
    if isinstance(before, str) and before not in names:
        return before
    return f"{names[0]}-{hashlib.sha256(f'{target.key} {now.isoformat()}'.encode()).hexdigest()[:16]}"


def place(
    names: Sequence[str], there: Iterable[str], read: Callable[[str], D | None], ours: D
) -> tuple[str, D | None] | None:
    """The name of our own policy among those that are `there`, under whichever of our `names`, and its document.

    Else the first of them that is free, and None. All names begin as the first does. None: all of them are taken.
    """
    listed = sorted(there)
    beginning = names[0].lower()
    for name in listed:
        if name.lower().startswith(beginning) and read(name) == ours:
            return name, ours
    taken = {name.lower() for name in listed}
    return next(((name, None) for name in names if name.lower() not in taken), None)
