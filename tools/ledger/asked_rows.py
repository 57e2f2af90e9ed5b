"""Requests and answers in the ledger's SQLite file."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from agent.record import iso
from agent.verdict import Approval, Refused, Request
from tools.ledger.shown import Card


class AskedRows(ABC):
    """The part of a ledger that says who was asked, and what they said."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def ask(self, request: Request, now: datetime, checkpoint: str = "") -> None:
        with self._transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)",
                (request.run_id, request.digest, request.model_dump_json(), iso(now)),
            )
            db.execute("INSERT OR REPLACE INTO waits VALUES (?, ?)", (request.run_id, checkpoint))

    def waits_at(self, run_id: str) -> str:
        with self._transaction() as db:
            row = db.execute("SELECT checkpoint FROM waits WHERE run_id = ?", (run_id,)).fetchone()
        return "" if row is None else str(row["checkpoint"])

    def request(self, run_id: str) -> Request | None:
        with self._transaction() as db:
            return self._request(db, run_id)

    @staticmethod
    def _request(db: sqlite3.Connection, run_id: str) -> Request | None:
        row = db.execute("SELECT request FROM requests WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else Request.model_validate_json(row["request"])

    def show(self, card: Card) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", (card.id, iso(card.at), card.model_dump_json()))

    def cards(self, since: datetime) -> list[Card]:
        with self._transaction() as db:
            rows = db.execute("SELECT card FROM cards WHERE at >= ? ORDER BY at, id", (iso(since),))
            return [Card.model_validate_json(row["card"]) for row in rows]

    def answer(self, approval: Approval, refused: Sequence[Refused] = ()) -> bool:
        with self._transaction() as db:
            added = db.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, NULL)",
                (approval.nonce, approval.run_id, approval.digest, approval.model_dump_json()),
            )
            if added.rowcount == 1:
                rows = [(each.key, each.model_dump_json()) for each in refused]
                db.executemany("INSERT OR REPLACE INTO refused VALUES (?, ?)", rows)
            return added.rowcount == 1

    def refused(self, keys: Collection[str]) -> dict[str, Refused]:
        with self._transaction() as db:
            found = [db.execute("SELECT * FROM refused WHERE key = ?", (key,)).fetchone() for key in sorted(keys)]
        return {row["key"]: Refused.model_validate_json(row["refused"]) for row in found if row is not None}

    def accept(self, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        with self._transaction() as db:
            rows = [(each.key, each.model_dump_json()) for each in refused]
            db.executemany("DELETE FROM refused WHERE key = ? AND refused = ?", rows)

    def answers(self, run_id: str, digest: str) -> list[Approval]:
        with self._transaction() as db:
            return self._answers(db, run_id, digest)

    @staticmethod
    def _answers(db: sqlite3.Connection, run_id: str, digest: str) -> list[Approval]:
        rows = db.execute(
            "SELECT approval FROM answers WHERE run_id = ? AND digest = ? ORDER BY rowid", (run_id, digest)
        )
        return [Approval.model_validate_json(row["approval"]) for row in rows]

    def consume(self, approval: Approval, run_id: str) -> bool:
        use = f"{run_id}:{approval.digest}"
        with self._transaction() as db:
            db.execute(
                "UPDATE answers SET consumed_by = ? WHERE nonce = ? AND run_id = ? AND digest = ? AND consumed_by IS NULL",
                (use, approval.nonce, run_id, approval.digest),
            )
            row = db.execute("SELECT consumed_by FROM answers WHERE nonce = ?", (approval.nonce,)).fetchone()
            return row is not None and row["consumed_by"] == use
