"""A world in a file, for the command line: one process at a time, and never half written."""

import fcntl
import hashlib
import os
import pickle
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools.sandbox.engine import Sandbox
from tools.sandbox.worldstate import NotKept

_POLL_SECONDS = 0.05
_MARK = b"stanch world 1\n"
"""How the file begins; the digest of what follows comes next."""
_DIGEST_BYTES = hashlib.sha256().digest_size
_UNFIT = (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError)
"""What restoring a whole world of another release raises."""


class WorldBusy(RuntimeError):
    """Another process has the world open."""


class WorldUnreadable(RuntimeError):
    """The file holds no world that this release can go on with."""


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
        deadline = time.monotonic() + self._wait
        while (handle := self._locked()) is None:
            if time.monotonic() >= deadline:
                raise WorldBusy(f"The sandbox at {self._path.parent} is in use by another process{self._holder()}")
            time.sleep(_POLL_SECONDS)
        handle.truncate(0)
        handle.write(str(os.getpid()).encode())
        handle.flush()
        self._lock = handle

    @property
    def _lock_path(self) -> Path:
        """A file of its own: the world's file is replaced at each save."""
        return self._path.with_name(self._path.name + ".lock")

    def _locked(self) -> IO[bytes] | None:
        """The lock, or None while another process has it, or took the folder away with it."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = self._lock_path.open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle.fileno()), self._lock_path.stat()):
                return handle
        except (BlockingIOError, FileNotFoundError):
            pass
        handle.close()
        return None

    def _holder(self) -> str:
        """The number of the process that has the lock, as it wrote it there."""
        try:
            written = self._lock_path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return ""
        return f", number {written}" if written.isdigit() else ""

    def close(self) -> None:
        """Let the next process have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self) -> Sandbox | None:
        """The saved world, restored into this process; None if there is none yet. Raises WorldUnreadable."""
        self._held()
        if not self._path.exists():
            return None
        mark, rest = len(_MARK), len(_MARK) + _DIGEST_BYTES
        data = self._path.read_bytes()
        whole = data.startswith(_MARK) and data[mark:rest] == hashlib.sha256(data[rest:]).digest()
        if not whole:
            raise WorldUnreadable(f"{self._path} is not a whole world, or one of another release")
        try:
            return Sandbox.restore(data[rest:])
        except _UNFIT as error:
            raise WorldUnreadable(f"{self._path} is a world of another release ({type(error).__name__})") from error

    def save(self, sandbox: Sandbox) -> None:
        """Write the world: after this returns it survives a kill and a power cut.

        Raises NotKept for a service whose state no file keeps: it is emptied, and the world without it is written.
        """
        self._held()
        try:
            self._write(sandbox.snapshot())
        except NotKept:
            self._write(sandbox.snapshot())
            raise

    def _write(self, content: bytes) -> None:
        partial = self._path.with_name(self._path.name + ".partial")
        with partial.open("wb") as file:
            file.write(_MARK + hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget(self) -> None:
        """Forget the world, and all that stands in the folder beside it: at once, whenever this process may die."""
        self._held()
        folder = self._path.parent
        folder.rename(folder.with_name(f"{folder.name}.{os.getpid()}.forgotten"))
        for forgotten in folder.parent.glob(f"{folder.name}.*.forgotten"):
            shutil.rmtree(forgotten)

    def _held(self) -> None:
        if self._lock is None:
            raise RuntimeError("The world's file is not open")
