"""Parked deliveries in the ledger's SQLite file."""

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from tools.ledger.shown import Parked


class ParkedRows(ABC):
    """The part of a ledger that keeps what could not be worked."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def park(self, parked: Parked) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO parked VALUES (?, ?)", (parked.id, parked.model_dump_json()))

    def parked(self) -> list[Parked]:
        with self._transaction() as db:
            rows = db.execute("SELECT parked FROM parked").fetchall()
        kept = [Parked.model_validate_json(row["parked"]) for row in rows]
        return sorted(kept, key=lambda one: (one.at, one.id))

    def unpark(self, parked_id: str) -> Parked | None:
        with self._transaction() as db:
            row = db.execute("DELETE FROM parked WHERE id = ? RETURNING parked", (parked_id,)).fetchone()
        return None if row is None else Parked.model_validate_json(row["parked"])
