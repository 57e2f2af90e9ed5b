"""Lets whoever builds a world choose the ids that moto's EC2 makes."""

from collections.abc import Iterator
from contextlib import contextmanager

_CHOSEN: dict[str, list[str]] = {}


@contextmanager
def chosen(*ids: str) -> Iterator[None]:
    """While this is open, the next ids of each kind are these: `vpc-...` for a VPC, `eni-...` for an interface, in this order."""
    for identity in ids:
        _CHOSEN.setdefault(_prefix(identity), []).append(identity)
    try:
        yield
    finally:
        _CHOSEN.clear()


def next_id(prefix: str) -> str | None:
    """The id that was chosen for the next thing of this kind, if one was."""
    waiting = _CHOSEN.get(prefix)
    return waiting.pop(0) if waiting else None


def _prefix(identity: str) -> str:
    return identity.rpartition("-")[0]
