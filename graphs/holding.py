"""Who works a run: a name for each stretch of work, whether it is still at it, and a beat while it lasts."""

import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.ledger import LostLease, Unavailable

BEAT_SECONDS = 15.0
"""A quarter of the silence after which a holder counts as dead."""

_NUMBERS = itertools.count(1)
_AT_WORK: set[str] = set()


def _started(pid: int) -> str:
    """When a process of this machine started, in its own ticks: a number that is used again names another process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


@contextmanager
def holding() -> Iterator[str]:
    """A holder's name for one stretch of work of this process."""
    name = f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}:{next(_NUMBERS)}"
    _AT_WORK.add(name)
    try:
        yield name
    finally:
        _AT_WORK.discard(name)


def alive(other: str) -> bool:
    """Whether a holder is still at it: known on this machine, assumed elsewhere until its lease is stale."""
    host, pid, started, _ = (*other.split(":"), "", "", "")[:4]
    if host != socket.gethostname() or not pid.isdigit():
        return True
    if int(pid) == os.getpid():
        return other in _AT_WORK
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _started(int(pid)) == started


@contextmanager
def beating(beat: Callable[[], None]) -> Iterator[None]:
    """Beat from another thread while the work lasts: a model call or a paced look-up may outlast a lease."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                beat()
            except LostLease:
                return
            except Unavailable:
                continue

    thread = threading.Thread(target=run, name="stanch-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
