"""The ledger as it is for a line of work that may only look: all can be read, nothing is kept, and no write leaves."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from agent.plan import Change
from agent.receipt import Receipt
from agent.verdict import Approval, Refused
from tools.aws import NotPermitted
from tools.ledger import Claim, SqliteLedger


class Onlooker(SqliteLedger):
    """What stands is found standing and read back; what would have to be written first is refused, and the receipt says why."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path)
        self._why = why

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with super()._transaction() as db:
            db.execute("PRAGMA query_only=ON")
            try:
                yield db
            finally:
                db.execute("PRAGMA query_only=OFF")

    def claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim:
        return Claim(first=False)

    def sending(self, run_id: str, fence: int, change: Change, now: datetime) -> None:
        raise NotPermitted("only looking", self._why)

    def lapsed(self, change: Change) -> None:
        return None

    def release(self, run_id: str, change: Change) -> None:
        return

    def record(self, receipt: Receipt, fence: int) -> None:
        return

    def need(self, run_id: str, change: Change, until: datetime) -> None:
        return

    def keep_made(self, place: str, resource: str) -> None:
        return

    def answer(self, approval: Approval, refused: Sequence[Refused] = ()) -> bool:
        return True

    def accept(self, refused: Sequence[Refused]) -> None:
        return

    def consume(self, approval: Approval, run_id: str) -> bool:
        return True
