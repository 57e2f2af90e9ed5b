"""Open connections to one SQLite file, kept between transactions: opening costs more than most transactions do."""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

KEPT = 4
"""Idle connections that are kept; more are open only while as many threads use one."""


class _Open(NamedTuple):
    """A connection, the file that it was opened on, and the process that opened it."""

    db: sqlite3.Connection
    file: tuple[int, int]
    process: int


class Connections:
    """Lends a connection to one thread at a time. One to a file that was replaced, or of another process, is not lent."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._idle: list[_Open] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _closed, self._idle)

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """A connection outside any transaction. It is not kept if it is not left so."""
        one = self._taken() or self._opened()
        try:
            yield one.db
        except BaseException:
            one.db.close()
            raise
        with self._lock:
            keeps = len(self._idle) < KEPT and not one.db.in_transaction
            if keeps:
                self._idle.append(one)
        if not keeps:
            one.db.close()

    def _taken(self) -> _Open | None:
        file = _identity(self._path)
        while True:
            with self._lock:
                one = self._idle.pop() if self._idle else None
            if one is None or (one.file, one.process) == (file, os.getpid()):
                return one
            one.db.close()

    def _opened(self) -> _Open:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute(f"PRAGMA synchronous={self._synchronous}")
        return _Open(db, _identity(self._path), os.getpid())


def _identity(path: Path) -> tuple[int, int]:
    """Of the file that stands there now; of none if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _closed(idle: list[_Open]) -> None:
    for one in idle:
        if one.process == os.getpid():
            one.db.close()
    idle.clear()
