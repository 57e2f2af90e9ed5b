"""The ledger in one SQLite file: every method one immediate transaction."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal

from agent.plan import Change
from agent.receipt import Outcome, Receipt
from agent.record import JsonObject, iso
from agent.report import Report, Status
from agent.verdict import Approval, Request
from tools.ledger.decisions import Anew, ClaimRow, Lease, LeasedRow, on_claim, on_delivery, on_reopening
from tools.ledger.port import Busy, Claim, Duplicate, Held, LostLease, Opened, RunRow, run_id_for


class SqliteLedger:
    """Ledger for one machine. `alive` tells whether a holder's process still runs, where that can be known.

    `durable=False` is for ledgers that are thrown away, `sandbox` for one of runs in the embedded AWS: their ids say so.
    """

    def __init__(
        self,
        path: Path,
        alive: Callable[[str], bool] = lambda _: True,
        *,
        durable: bool = True,
        sandbox: bool = False,
    ) -> None:
        self._path = path
        self._sandbox = sandbox
        self._synchronous = "FULL" if durable else "OFF"
        self._alive = alive
        try:
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.executescript(files("tools.ledger").joinpath("schema.sql").read_text(encoding="utf-8"))
        except sqlite3.Error as error:
            raise type(error)(f"{path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.execute(f"PRAGMA synchronous={self._synchronous}")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def open(
        self, incident: str, version: str, body: JsonObject, mode: str, holder: str, now: datetime
    ) -> Opened | Duplicate | Busy:
        with self._transaction() as db:
            row = db.execute(
                "SELECT * FROM runs WHERE incident = ? ORDER BY generation DESC LIMIT 1", (incident,)
            ).fetchone()
            decision = on_delivery(_leased(row), version, mode, holder, now, self._alive)
            if isinstance(decision, Anew):
                return self._insert(db, incident, version, decision.generation, body, mode, holder, now)
            if isinstance(decision, Lease):
                return self._lease(db, row, decision.fence, holder, now)
            return self._asked(db, decision) if isinstance(decision, Duplicate) else decision

    def _asked(self, db: sqlite3.Connection, found: Duplicate) -> Duplicate:
        """With the request and the answers that it waits on, if it waits."""
        request = self._request(db, found.run_id) if found.status is Status.AWAITING_APPROVAL else None
        if request is None:
            return found
        return found.model_copy(update={"request": request, "answers": self._answers(db, found.run_id, request.digest)})

    def _insert(
        self, db: sqlite3.Connection, incident: str, version: str, generation: int, body: JsonObject, mode: str,
        holder: str, now: datetime,
    ) -> Opened:  # fmt: skip
        run_id = run_id_for(incident, generation, sandbox=self._sandbox)
        db.execute(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?, 1, ?, ?, ?)",
            (
                run_id,
                incident,
                version,
                generation,
                json.dumps(body),
                mode,
                holder,
                now.timestamp(),
                iso(now),
                iso(now),
            ),
        )
        return Opened(run_id=run_id, generation=generation, fence=1, resumed=False)

    @staticmethod
    def _lease(db: sqlite3.Connection, row: sqlite3.Row, fence: int, holder: str, now: datetime) -> Opened:
        db.execute(
            "UPDATE runs SET holder = ?, fence = ?, beat_at = ?, status = NULL WHERE run_id = ?",
            (holder, fence, now.timestamp(), row["run_id"]),
        )
        return Opened(run_id=row["run_id"], generation=row["generation"], fence=fence, resumed=True)

    def reopen(self, run_id: str, holder: str, now: datetime) -> Opened | Busy | None:
        with self._transaction() as db:
            row = db.execute("SELECT * FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            found = _leased(row)
            if found is None:
                return None
            decision = on_reopening(found, holder, now, self._alive)
            return self._lease(db, row, decision.fence, holder, now) if isinstance(decision, Lease) else decision

    @staticmethod
    def _fenced(db: sqlite3.Connection, run_id: str, fence: int, sets: str, values: tuple[object, ...]) -> None:
        changed = db.execute(f"UPDATE runs SET {sets} WHERE run_id = ? AND fence = ?", (*values, run_id, fence))  # noqa: S608 - `sets` is a literal of this file
        if changed.rowcount != 1:
            raise LostLease(run_id)

    def heartbeat(self, run_id: str, fence: int, now: datetime) -> None:
        with self._transaction() as db:
            self._fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))

    def close(self, run_id: str, fence: int, report: Report, now: datetime) -> None:
        with self._transaction() as db:
            values = (report.status.value, report.model_dump_json(), iso(now))
            self._fenced(db, run_id, fence, "status = ?, report = ?, updated_at = ?, holder = NULL", values)

    def amend(self, report: Report, now: datetime) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE runs SET status = ?, report = ?, updated_at = ? WHERE run_id = ? AND holder IS NULL",
                (report.status.value, report.model_dump_json(), iso(now), report.run_id),
            )

    def claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim | Held:
        with self._transaction() as db:
            self._fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))
            row = db.execute(
                "SELECT c.run_id, c.state, c.sent, r.status FROM claims c LEFT JOIN runs r ON r.run_id = c.run_id"
                " WHERE c.effect = ?",
                (change.key,),
            ).fetchone()
            found = None if row is None else ClaimRow(run_id=row["run_id"], state=row["state"], sent=row["sent"])
            decision = on_claim(found, run_id, ended=row is not None and row["status"] is not None)
            if isinstance(decision, Claim) and decision.first:
                db.execute(
                    "INSERT OR REPLACE INTO claims VALUES (?, ?, 'open', ?, ?, 0)",
                    (change.key, run_id, change.model_dump_json(), iso(now)),
                )
            return decision

    def sending(self, run_id: str, fence: int, change: Change, now: datetime) -> None:
        with self._transaction() as db:
            self._fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))
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
            db.execute("DELETE FROM claims WHERE effect = ? AND run_id = ? AND state = 'open'", (change.key, run_id))

    def record(self, receipt: Receipt, fence: int) -> None:
        with self._transaction() as db:
            self._fenced(db, receipt.run_id, fence, "fence = fence", ())
            kind = "undo" if receipt.undo_of else "do"
            db.execute(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?)",
                (receipt.run_id, receipt.action_id, kind, receipt.change.key, receipt.model_dump_json()),
            )
            if kind == "do" and receipt.outcome is Outcome.DONE:
                db.execute(
                    "UPDATE claims SET state = 'standing' WHERE effect = ? AND run_id = ? AND state = 'open'",
                    (receipt.change.key, receipt.run_id),
                )

    def receipts(self, run_id: str) -> list[Receipt]:
        with self._transaction() as db:
            rows = db.execute("SELECT receipt FROM receipts WHERE run_id = ? ORDER BY action_id, kind", (run_id,))
            return [Receipt.model_validate_json(row["receipt"]) for row in rows]

    def standing(self) -> list[Receipt]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT r.receipt FROM receipts r JOIN claims c ON c.effect = r.effect AND c.run_id = r.run_id"
                " WHERE c.state = 'standing' AND r.kind = 'do' ORDER BY c.claimed_at, r.action_id"
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

    def answer(self, approval: Approval) -> bool:
        with self._transaction() as db:
            added = db.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, NULL)",
                (approval.nonce, approval.run_id, approval.digest, approval.model_dump_json()),
            )
            return added.rowcount == 1

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

    def runs(self) -> list[RunRow]:
        with self._transaction() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY updated_at DESC, run_id").fetchall()
        return [_row(row) for row in rows]

    def run(self, run_id: str) -> RunRow | None:
        with self._transaction() as db:
            row = db.execute("SELECT * FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else _row(row)

    def report(self, run_id: str) -> Report | None:
        with self._transaction() as db:
            row = db.execute("SELECT report FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None or row["report"] is None else Report.model_validate_json(row["report"])

    def body(self, run_id: str) -> JsonObject | None:
        with self._transaction() as db:
            row = db.execute("SELECT body FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        body: JsonObject | None = None if row is None else json.loads(row["body"])
        return body


def _row(row: sqlite3.Row) -> RunRow:
    return RunRow.model_validate({name: row[name] for name in RunRow.model_fields})


def _leased(row: sqlite3.Row | None) -> LeasedRow | None:
    return None if row is None else LeasedRow.model_validate({name: row[name] for name in LeasedRow.model_fields})
