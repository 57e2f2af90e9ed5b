"""A world in a file, for the command line: one process at a time, and never half written."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.sandbox.engine import Sandbox

_POLL_SECONDS = 0.05


class WorldBusy(RuntimeError):
    """Another process has the world open."""


class WorldStore:
    """The file that keeps a world. Whoever enters it holds the world until leaving, or dying.

    with WorldStore(path) as store:
        sandbox = store.load() or Sandbox.fresh(...)
        sandbox.on_write(lambda: store.save(sandbox))
    """

    def __init__(self, path: Path, *, wait_seconds: float = 10.0) -> None:
        self._path = path
        self._wait = wait_seconds
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Take the world for this process. Raises WorldBusy if another one keeps it longer than we wait."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # the lock is a file of its own: the world's file is replaced at each save
        handle = self._path.with_name(self._path.name + ".lock").open("ab")
        deadline = time.monotonic() + self._wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    handle.close()
                    raise WorldBusy(f"The sandbox at {self._path} is in use by another process") from None
                time.sleep(_POLL_SECONDS)
        self._lock = handle

    def close(self) -> None:
        """Let the next process have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> Sandbox | None:
        """The saved world, restored into this process; None if there is none yet."""
        self._held()
        return Sandbox.restore(self._path.read_bytes()) if self._path.exists() else None

    def save(self, sandbox: Sandbox) -> None:
        """Write the world: after this returns it survives a kill and a power cut."""
        self._held()
        partial = self._path.with_name(self._path.name + ".partial")
        with partial.open("wb") as file:
            file.write(sandbox.snapshot())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self) -> None:
        """Forget the saved world."""
        self._held()
        self._path.unlink(missing_ok=True)

    def _held(self) -> None:
        if self._lock is None:
            raise RuntimeError("The world's file is not open")
