"""The ledger in one SQLite file: every method one immediate transaction."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from agent.record import JsonObject, iso
from agent.report import Report, Status
from tools.ledger.asked_rows import AskedRows
from tools.ledger.claims import Unsettled
from tools.ledger.connections import Connections
from tools.ledger.decisions import (
    Anew,
    Lease,
    LeasedRow,
    held,
    on_delivery,
    on_renewal,
    on_reopening,
)
from tools.ledger.effect_rows import EffectRows
from tools.ledger.fence import fenced
from tools.ledger.parked_rows import ParkedRows
from tools.ledger.runs import Busy, Duplicate, Kin, Opened, RunRow, run_id_for

SOON = 5.0
"""Seconds after a beat within which the next one only looks whether the run is still ours."""
_ROWS = "SELECT *, EXISTS(SELECT 1 FROM handed_over h WHERE h.run_id = runs.run_id) AS handed_over FROM runs"


class SqliteLedger(EffectRows, AskedRows, ParkedRows):
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
        self.path = path
        self._sandbox = sandbox
        self._connections = Connections(path, "FULL" if durable else "OFF")
        self._alive = alive
        try:
            with self._connections.lent() as db:
                db.execute("PRAGMA journal_mode=WAL")
                tables = files("tools.ledger").joinpath("schema.sql").read_text(encoding="utf-8")
                db.executescript(f"BEGIN IMMEDIATE;\n{tables}\nCOMMIT;")
        except sqlite3.Error as error:
            raise type(error)(f"{path}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connections.lent() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def open(
        self, incident: str, version: str, body: JsonObject, mode: str, holder: str, now: datetime, case: str = ""
    ) -> Opened | Duplicate | Busy:
        with self._transaction() as db:
            row = db.execute(
                "SELECT * FROM runs WHERE incident = ? ORDER BY generation DESC LIMIT 1", (incident,)
            ).fetchone()
            decision = on_delivery(None if row is None else _leased(row), version, mode, holder, now, self._alive)
            if isinstance(decision, Anew):
                return self._insert(db, incident, version, decision.generation, body, mode, holder, now, case)
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
        holder: str, now: datetime, case: str,
    ) -> Opened:  # fmt: skip
        run_id = run_id_for(incident, generation, sandbox=self._sandbox)
        if case:
            db.execute("INSERT INTO cases VALUES (?, ?, ?)", (case, iso(now), run_id))
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
            if row is None:
                return None
            decision = on_reopening(_leased(row), holder, now, self._alive)
            return self._lease(db, row, decision.fence, holder, now) if isinstance(decision, Lease) else decision

    def heartbeat(self, run_id: str, fence: int, now: datetime) -> None:
        with self._connections.lent() as db:
            row = db.execute("SELECT beat_at FROM runs WHERE run_id = ? AND fence = ?", (run_id, fence)).fetchone()
        if row is not None and 0 <= now.timestamp() - row["beat_at"] < SOON:
            return
        with self._transaction() as db:
            fenced(db, run_id, fence, "beat_at = ?", (now.timestamp(),))

    def close(self, run_id: str, fence: int, report: Report, now: datetime) -> None:
        with self._transaction() as db:
            values = (report.status.value, report.model_dump_json(), iso(now))
            fenced(db, run_id, fence, "status = ?, report = ?, updated_at = ?, holder = NULL", values)

    def hand_over(self, run_id: str, fence: int, now: datetime, checkpoint: str = "") -> None:
        with self._transaction() as db:
            fenced(db, run_id, fence, "holder = NULL, updated_at = ?", (iso(now),))
            db.execute("INSERT OR REPLACE INTO handed_over VALUES (?, ?)", (run_id, iso(now)))
            db.execute("INSERT OR REPLACE INTO waits VALUES (?, ?)", (run_id, checkpoint))

    def idle(self, now: datetime) -> list[RunRow]:
        with self._transaction() as db:
            rows = db.execute(f"{_ROWS} WHERE status IS NULL ORDER BY updated_at, run_id").fetchall()
        return [_row(row) for row in rows if not held(_leased(row), now, self._alive)]

    def unsettled(self, now: datetime) -> list[Unsettled]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT runs.*, c.change, c.claimed_at FROM claims c JOIN runs ON runs.run_id = c.run_id"
                " WHERE c.state = 'open' AND c.sent ORDER BY c.claimed_at, c.effect"
            ).fetchall()
        return [
            Unsettled.model_validate(
                {"run_id": row["run_id"], "change": json.loads(row["change"]), "at": row["claimed_at"]}
            )
            for row in rows
            if not held(_leased(row), now, self._alive)
        ]

    def kin(self, case: str, since: datetime) -> list[Kin]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT at, run_id FROM cases WHERE name = ? AND at >= ? ORDER BY at, run_id", (case, iso(since))
            )
            return [Kin.model_validate({"run_id": row["run_id"], "at": row["at"]}) for row in rows]

    def renew(self, run_id: str, body: JsonObject, holder: str, now: datetime, case: str = "") -> Opened | None:
        with self._transaction() as db:
            row = db.execute(
                "SELECT * FROM runs WHERE incident = (SELECT incident FROM runs WHERE run_id = ?)"
                " ORDER BY generation DESC LIMIT 1",
                (run_id,),
            ).fetchone()
            decision = on_renewal(None if row is None else _leased(row), run_id)
            if decision is None:
                return None
            incident, version, mode = row["incident"], row["version"], row["mode"]
            return self._insert(db, incident, version, decision.generation, body, mode, holder, now, case)

    def first_start(self, now: datetime) -> datetime:
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO first_start SELECT 1, min(?, coalesce(min(opened_at), ?)) FROM runs",
                (iso(now), iso(now)),
            )
            return datetime.fromisoformat(db.execute("SELECT at FROM first_start").fetchone()["at"])

    def amend(self, report: Report, now: datetime) -> None:
        with self._transaction() as db:
            db.execute(
                "UPDATE runs SET status = ?, report = ?, updated_at = ? WHERE run_id = ? AND holder IS NULL",
                (report.status.value, report.model_dump_json(), iso(now), report.run_id),
            )

    def runs(self, since: datetime | None = None) -> list[RunRow]:
        asked = f"{_ROWS} WHERE updated_at >= ? ORDER BY updated_at DESC, run_id"
        with self._transaction() as db:
            rows = db.execute(asked, ("" if since is None else iso(since),)).fetchall()
        return [_row(row) for row in rows]

    def run(self, run_id: str) -> RunRow | None:
        with self._transaction() as db:
            row = db.execute(f"{_ROWS} WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else _row(row)

    def latest(self, incident: str) -> RunRow | None:
        with self._transaction() as db:
            row = db.execute(f"{_ROWS} WHERE incident = ? ORDER BY generation DESC LIMIT 1", (incident,)).fetchone()
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


def _leased(row: sqlite3.Row) -> LeasedRow:
    names = LeasedRow.model_fields.keys() - {
        "handed_over",
        "by_choice",
    }  # one is a table of its own, and decides nothing
    return LeasedRow.model_validate({name: row[name] for name in names} | {"by_choice": _by_choice(row)})


def _by_choice(row: sqlite3.Row) -> bool:
    """What the report says; one of an earlier release that cannot be read says nothing."""
    if row["status"] != Status.PARTIALLY_CONTAINED:
        return False
    try:
        return Report.model_validate_json(row["report"]).left_by_choice
    except ValidationError:
        return False
