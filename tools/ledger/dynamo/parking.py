"""Deliveries that could not be worked, whole."""

from itertools import groupby

from tools.ledger.dynamo import places
from tools.ledger.dynamo.attributes import Item, Key, Write
from tools.ledger.dynamo.kept import Kept, joined
from tools.ledger.dynamo.table import Moved
from tools.ledger.shown import Parked


class ParkingRows(Kept):
    """The part of the ledger that keeps what could not be worked."""

    def park(self, parked: Parked) -> None:
        self._table.write(*self._text(places.PARKED, parked.id, parked.model_dump_json(), f"the delivery {parked.id}"))

    def parked(self) -> list[Parked]:
        def attempt() -> list[Parked]:
            found = self._table.query(places.PARKED)
            kept = [_parked(list(pieces)) for _, pieces in groupby(found, key=lambda each: _id(each))]
            return sorted(kept, key=lambda one: (one.at, one.id))

        return self._table.again(attempt)

    def unpark(self, parked_id: str) -> Parked | None:
        """Only as it was read: one that was parked anew meanwhile is read again."""

        def attempt() -> Parked | None:
            found = list(self._table.query(places.PARKED, f"{parked_id}#"))
            if not found:
                return None
            same = [Write("Delete", Key(each["PK"], each["SK"]), {"data": each["data"]}) for each in found]
            if self._table.write(*same):
                raise Moved
            return _parked(found)

        return self._table.again(attempt)


def _id(piece: Item) -> str:
    return str(piece["SK"]).rpartition("#")[0]


def _parked(pieces: list[Item]) -> Parked:
    return Parked.model_validate_json(joined(pieces))
