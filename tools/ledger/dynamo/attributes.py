"""Values as DynamoDB writes them, conditions on them, and texts packed to fit its items."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from tools.ledger.faults import TooLarge
from tools.ledger.tables import PARTITION, SORT

Value = str | int | float | bytes | frozenset[str]
Item = dict[str, Any]
"""An item's attributes as Python has them."""

LARGEST = 350 * 1024
"""Bytes of one attribute that we dare: an item may have 400 KB, with everything in it."""
MOST_PIECES = 10
"""A transaction may carry 4 MB."""


class Is(Enum):
    """What is asked of an attribute beside being equal to something."""

    THERE = "attribute_exists"
    ABSENT = "attribute_not_exists"


Expected = Value | Is | None | tuple[Value, ...]
"""A value; THERE; None or ABSENT; or one of several values."""


@dataclass(frozen=True)
class Key:
    """Where an item is."""

    partition: str
    sort: str

    @property
    def wire(self) -> dict[str, Any]:
        """As DynamoDB has it."""
        return {PARTITION: {"S": self.partition}, SORT: {"S": self.sort}}


@dataclass(frozen=True)
class Write:
    """One item's part of a transaction."""

    kind: Literal["Put", "Update", "Delete", "ConditionCheck"]
    key: Key
    when: Mapping[str, Expected] = field(default_factory=dict)
    """What must hold of the item as it is, all of it."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What is put, or set."""
    removed: tuple[str, ...] = ()
    added: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Members that a set gains."""

    def wire(self, table: str) -> dict[str, Any]:
        """As TransactWriteItems takes it. Every name is a placeholder: many words are reserved."""
        spoken = _Spoken()
        asked: dict[str, Any] = {"TableName": table}
        if self.kind == "Put":
            asked["Item"] = self.key.wire | {name: attribute(value) for name, value in self.values.items()}
        else:
            asked["Key"] = self.key.wire
        if self.kind == "Update":
            asked["UpdateExpression"] = self._change(spoken)
        if self.when:
            asked["ConditionExpression"] = " AND ".join(spoken.holds(*pair) for pair in self.when.items())
        return {self.kind: asked | spoken.wire}

    def _change(self, spoken: "_Spoken") -> str:
        clauses = {
            "SET": [f"{spoken.name(name)} = {spoken.value(value)}" for name, value in self.values.items()],
            "REMOVE": [spoken.name(name) for name in self.removed],
            "ADD": [f"{spoken.name(name)} {spoken.value(value)}" for name, value in self.added.items()],
        }
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


class _Spoken:
    """The placeholders of one write."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def name(self, name: str) -> str:
        return self._names.setdefault(name, f"#{len(self._names)}")

    def value(self, value: Value) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = attribute(value)
        return placeholder

    def holds(self, name: str, expected: Expected) -> str:
        if expected is None or isinstance(expected, Is):
            return f"{(expected or Is.ABSENT).value}({self.name(name)})"
        if isinstance(expected, tuple):
            return f"{self.name(name)} IN ({', '.join(self.value(value) for value in expected)})"
        return f"{self.name(name)} = {self.value(expected)}"

    @property
    def wire(self) -> dict[str, Any]:
        names = {placeholder: name for name, placeholder in self._names.items()}
        asked: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        return asked | ({"ExpressionAttributeValues": self._values} if self._values else {})


def attribute(value: Value) -> dict[str, Any]:
    """A value as DynamoDB has it."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, frozenset):
        return {"SS": sorted(value)}
    return {"N": repr(value)}


def item(wire: Mapping[str, Mapping[str, Any]]) -> Item:
    """An item's attributes as Python has them: a number is whole if it is written so."""
    return {name: _value(*next(iter(held.items()))) for name, held in wire.items()}


def _value(kind: str, held: Any) -> Value:
    if kind == "N":
        return int(held) if held.lstrip("-").isdigit() else float(held)
    return frozenset(held) if kind == "SS" else bytes(held) if kind == "B" else str(held)


def packed(text: str, what: str, largest: int = LARGEST) -> bytes:
    """A text in one attribute. Raises TooLarge."""
    data = zlib.compress(text.encode())
    if len(data) > largest:
        raise TooLarge(f"{what} is {len(data)} bytes when packed, and the ledger keeps at most {largest}")
    return data


def pieces(text: str, what: str) -> list[bytes]:
    """A text in as many attributes as it needs. Raises TooLarge."""
    data = packed(text, what, LARGEST * MOST_PIECES)
    return [data[start : start + LARGEST] for start in range(0, len(data), LARGEST)]


def unpacked(*data: bytes) -> str:
    """The text again. Raises zlib.error if pieces of two texts are mixed."""
    return zlib.decompress(b"".join(data)).decode()
