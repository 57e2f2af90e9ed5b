"""Effects in the ledger's SQLite file: claims, receipts, what stands, who needs it, and what was made."""

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Literal

from agent.plan import Change
from agent.receipt import MAY_STAND, Outcome, Receipt
from agent.record import iso
from tools.ledger.claims import Claim, Claimed, Held
from tools.ledger.decisions import ClaimRow, on_claim
from tools.ledger.fence import fenced


class EffectRows(ABC):
    """The part of a ledger that says what may be done, and what was done."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim | Held:
        with self._transaction() as db:
            fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))
            row = db.execute(
                "SELECT c.run_id, c.state, c.sent, r.status FROM claims c LEFT JOIN runs r ON r.run_id = c.run_id"
                " WHERE c.effect = ?",
                (change.key,),
            ).fetchone()
            found = None if row is None else ClaimRow(run_id=row["run_id"], state=row["state"], sent=row["sent"])
            decision = on_claim(found, run_id, ended=row is not None and row["status"] is not None)
            if isinstance(decision, Claim) and decision.first:
                db.execute(
                    "INSERT OR REPLACE INTO claims VALUES (?, ?, 'open', ?, ?, ?)",
                    (change.key, run_id, change.model_dump_json(), iso(now), decision.sent),
                )
            return decision

    def claimed(self, change: Change) -> Claimed | None:
        with self._transaction() as db:
            row = db.execute(
                "SELECT c.run_id, c.state, c.sent, c.change, r.status IS NOT NULL AS ended"
                " FROM claims c LEFT JOIN runs r ON r.run_id = c.run_id WHERE c.effect = ?",
                (change.key,),
            ).fetchone()
        if row is None:
            return None
        said = {name: row[name] for name in ("run_id", "state", "sent", "ended")}
        return Claimed(**said, change=Change.model_validate_json(row["change"]))

    def sending(self, run_id: str, fence: int, change: Change, now: datetime) -> None:
        with self._transaction() as db:
            fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))
            db.execute("UPDATE claims SET sent = 1 WHERE effect = ? AND run_id = ?", (change.key, run_id))

    def lapsed(self, change: Change) -> str | None:
        with self._transaction() as db:
            row = db.execute(
                "UPDATE claims SET state = 'lapsed' WHERE effect = ? AND state = 'standing' RETURNING run_id",
                (change.key,),
            ).fetchone()
            return None if row is None else str(row["run_id"])

    def release(self, run_id: str, change: Change) -> None:
        with self._transaction() as db:
            db.execute(
                "DELETE FROM claims WHERE effect = ? AND run_id = ? AND state IN ('open', 'partial')",
                (change.key, run_id),
            )

    def record(self, receipt: Receipt, fence: int) -> None:
        with self._transaction() as db:
            fenced(db, receipt.run_id, fence, "fence = fence", ())
            kind = "undo" if receipt.undo_of else "do"
            db.execute(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?)",
                (receipt.run_id, receipt.action_id, kind, receipt.change.key, receipt.model_dump_json()),
            )
            if kind == "do" and receipt.outcome in MAY_STAND:
                whole = receipt.outcome is Outcome.DONE
                db.execute(
                    "UPDATE claims SET state = ? WHERE effect = ? AND run_id = ? AND state IN ('open', 'partial')"
                    " AND (? OR sent)",
                    ("standing" if whole else "partial", receipt.change.key, receipt.run_id, whole),
                )

    def receipts(self, run_id: str) -> list[Receipt]:
        with self._transaction() as db:
            rows = db.execute("SELECT receipt FROM receipts WHERE run_id = ? ORDER BY action_id, kind", (run_id,))
            return [Receipt.model_validate_json(row["receipt"]) for row in rows]

    def standing(self, *, lapsed: bool = False) -> list[Receipt]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT r.receipt FROM receipts r JOIN claims c ON c.effect = r.effect AND c.run_id = r.run_id"
                " WHERE c.state IN ('standing', 'partial', ?) AND r.kind = 'do' ORDER BY c.claimed_at, r.action_id",
                ("lapsed" if lapsed else "standing",),
            )
            return [Receipt.model_validate_json(row["receipt"]) for row in rows]

    def undone(self, run_id: str, receipt: Receipt, state: Literal["undone", "lapsed"]) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE claims SET state = ? WHERE effect = ? AND run_id = ?", (state, receipt.change.key, run_id)
            )

    def need(self, run_id: str, change: Change, until: datetime) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO needs VALUES (?, ?, ?)", (change.key, run_id, iso(until)))

    def needed(self, change: Change, now: datetime) -> list[str]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT run_id FROM needs WHERE effect = ? AND until > ? ORDER BY run_id", (change.key, iso(now))
            )
            return [row["run_id"] for row in rows]

    def unneeded(self, run_id: str, change: Change) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM needs WHERE effect = ? AND run_id = ?", (change.key, run_id))

    def keep_made(self, place: str, resource: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO made VALUES (?, ?)", (place, resource))

    def made(self, place: str) -> list[str]:
        with self._transaction() as db:
            rows = db.execute("SELECT resource FROM made WHERE place = ? ORDER BY resource", (place,))
            return [row["resource"] for row in rows]
