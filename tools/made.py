"""What we made and may use again, by its id: a tag or a name is anybody's to write."""

from collections.abc import Container
from typing import Protocol


class Made(Protocol):
    """Port: the ids of what we made, by place. The ledger's is the real one."""

    def made(self, place: str) -> Container[str]:
        """The ids of what we made there."""
        ...

    def keep_made(self, place: str, resource: str) -> None:
        """Say that we made it there."""
        ...


class Passing:
    """Forgets with the process."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}

    def made(self, place: str) -> Container[str]:
        return frozenset(self._ids.get(place, ()))

    def keep_made(self, place: str, resource: str) -> None:
        self._ids.setdefault(place, set()).add(resource)
