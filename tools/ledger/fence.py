"""The lease asserted in the ledger's SQLite file: a write with an older fence is refused."""

import sqlite3

from tools.ledger.faults import LostLease


def fenced(db: sqlite3.Connection, run_id: str, fence: int, sets: str, values: tuple[object, ...]) -> None:
    """Set columns of a run that is ours. Raises LostLease."""
    changed = db.execute(f"UPDATE runs SET {sets} WHERE run_id = ? AND fence = ?", (*values, run_id, fence))  # noqa: S608 - `sets` is a literal of our callers
    if changed.rowcount != 1:
        raise LostLease(run_id)
