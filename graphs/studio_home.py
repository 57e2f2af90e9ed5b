"""The embedded AWS behind Studio: one world that each new event adds to, opened when it is first needed."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from agent.record import JsonObject
from graphs.bootstrap import LEDGER, STUDIO, HomeUnusable, configuration, prepared
from graphs.service import Service


class StudioHome:
    """The service of one Studio server. Nodes use it side by side; an event that arrives waits until none does."""

    def __init__(self) -> None:
        self._world = ExitStack()
        self._service: Service | None = None
        self._turn = threading.Condition()
        self._inside = 0

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self._folder() / LEDGER

    @contextmanager
    def inside(self) -> Iterator[Service]:
        """The service for as long as one node works; the world stays open meanwhile. Raises WorldBusy, LookupError, HomeUnusable."""
        with self._turn:
            service = self._service or self._opened(None)
            self._inside += 1
        try:
            yield service
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()

    def add(self, event: JsonObject) -> None:
        """Put what the event names into the world, made for it if there is none. Raises WorldBusy, HomeUnusable."""
        with self._turn:
            self._turn.wait_for(lambda: self._inside == 0)
            self._opened(event)

    def close(self) -> None:
        """Keep the world and let another process have it."""
        with self._turn:
            self._service = None
            self._world.close()

    def _opened(self, event: JsonObject | None) -> Service:
        from graphs import sandbox_home  # moto is loaded when something runs, not when the graph is drawn
        from tools.sandbox.store import WorldUnreadable

        folder = prepared(self._folder())
        if event is None and not (folder / sandbox_home.WORLD).exists():
            raise LookupError("the world of this thread is gone: paste the finding into a new thread")
        self._service = None
        self._world.close()
        try:
            self._service = self._world.enter_context(sandbox_home.opened(configuration(), folder, None, event))
        except (HomeUnusable, WorldUnreadable) as error:
            raise HomeUnusable(f"{folder} cannot be used: end the server and start `stanch studio --fresh`") from error
        return self._service

    @staticmethod
    def _folder() -> Path:
        return configuration().home / STUDIO
