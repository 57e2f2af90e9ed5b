"""Our names for inline policies: always the same for a target, with others in reserve where somebody has taken one."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

from agent.target import Target

D = TypeVar("D")
NAMES = 4


def names_for(target: Target) -> list[str]:
    """In the order in which they are tried, so that a second run finds what the first one wrote."""
    base = f"StanchDeny-{hashlib.sha256(target.key.encode()).hexdigest()[:8]}"
    return [base, *(f"{base}-{number}" for number in range(1, NAMES))]


def free(target: Target, read: Callable[[str], D | None], ours: D) -> tuple[str, D | None] | None:
    """The first name under which there is nothing (None) or our own policy, and which of the two. None: all are taken."""
    for name in names_for(target):
        found = read(name)
        if found in (None, ours):
            return name, found
    return None
