"""What every part of the ledger needs: the table, where each run lies, and its lease asserted by its fence."""

import time
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tools.ledger.decisions import LeasedRow
from tools.ledger.dynamo import places
from tools.ledger.dynamo.attributes import Item, Write, pieces, unpacked
from tools.ledger.dynamo.places import Place
from tools.ledger.dynamo.table import Moved, Table
from tools.ledger.faults import LostLease

_REMEMBERED = 1000


def joined(found: list[Item]) -> str:
    """The text of its pieces. A shorter one leaves pieces of a longer one behind: the first says how many count. Raises Moved."""
    try:
        return unpacked(*(each["data"] for each in found[: found[0]["of"]]))
    except zlib.error as error:
        raise Moved from error


def leased(found: Item) -> LeasedRow:
    """A run's row with its lease. Without a status it is being worked."""
    return LeasedRow.model_validate({"status": None} | {k: v for k, v in found.items() if k in LeasedRow.model_fields})


class Kept:
    """A ledger's table. `alive` tells whether a holder's process still runs, where that can be known: across machines it cannot."""

    def __init__(
        self,
        client: Any,
        table: str,
        alive: Callable[[str], bool] = lambda _: True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = Table(client, table, pause)
        self._alive = alive
        self._places: dict[str, Place] = {}

    def _place(self, run_id: str) -> Place | None:
        """Where a run lies: once opened it never moves, so it is asked for once. None: nobody opened it."""
        if run_id not in self._places:
            found = self._table.get(places.place(run_id))
            if found is None:
                return None
            self._remember(run_id, Place(found["partition"], found["generation"]))
        return self._places[run_id]

    def _remember(self, run_id: str, place: Place) -> None:
        if len(self._places) >= _REMEMBERED:
            self._places.clear()
        self._places[run_id] = place

    def _asked_at(self, run_id: str) -> Place:
        """Where a run's request and answers lie; what is given for a run that nobody opened here lies with its name."""
        return self._place(run_id) or Place(places.run(run_id), 0)

    def _leased(self, run_id: str) -> Place:
        place = self._place(run_id)
        if place is None:
            raise LostLease(run_id)
        return place

    def _beat(self, run_id: str, fence: int, now: datetime) -> Write:
        """The lease asserted, and the holder heard of."""
        return Write("Update", self._leased(run_id).row, {"fence": fence}, {"beat_at": now.timestamp()})

    def _fenced(self, run_id: str, *writes: Write) -> set[int]:
        """Write, the first of it on the lease. Raises LostLease; else the positions of the others whose conditions failed."""
        failed = self._table.write(*writes)
        if 0 in failed:
            raise LostLease(run_id)
        return failed

    @staticmethod
    def _text(partition: str, of: str, text: str, what: str) -> list[Write]:
        """A text of any size, in pieces of one transaction."""
        data = pieces(text, what)
        return [
            Write("Put", places.piece(partition, of, number), values={"data": each, "of": len(data)})
            for number, each in enumerate(data)
        ]

    def _read(self, partition: str, of: str) -> str | None:
        """That text."""

        def attempt() -> str | None:
            found = list(self._table.query(partition, f"{of}#"))
            return joined(found) if found else None

        return self._table.again(attempt)
