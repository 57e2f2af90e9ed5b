"""The case file: what was asked of AWS and what it answered, each entry bound to the one before it by a hash."""

import hashlib
import json
from typing import Annotated

from pydantic import Field, JsonValue

from agent.record import JsonObject, Moment, Record

START = "0" * 64
"""What the first entry of a chain is bound to."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Looked(Record):
    """One call of AWS, as it was asked and answered: a read, or a write on its way from one read to the next."""

    call: str
    """Like `cloudtrail:LookupEvents`."""
    region: str
    at: Moment
    """When it was asked: what happened later is not in the answer."""
    params: JsonObject
    answer: JsonValue = None
    """None where there was none: see `error`."""
    error: str = ""


class Entry(Record):
    """One link of the chain."""

    looked: Looked
    previous: Digest
    digest: Digest

    def holds(self) -> bool:
        """Whether the digest is that of the entry."""
        return self.digest == digest_of(self.looked, self.previous)


def digest_of(looked: Looked, previous: str) -> str:
    """SHA-256 over the digest before and the canonical entry."""
    canonical = json.dumps(looked.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def chained(all_looked: list[Looked], previous: str = START) -> list[Entry]:
    """The reads as a chain that goes on from `previous`."""
    entries = []
    for looked in all_looked:
        digest = digest_of(looked, previous)
        entries.append(Entry(looked=looked, previous=previous, digest=digest))
        previous = digest
    return entries


def broken(entries: list[Entry], previous: str = START) -> int | None:
    """The number of the first entry that was changed, or does not follow the one before it; None if all hold."""
    for number, entry in enumerate(entries):
        if entry.previous != previous or not entry.holds():
            return number
        previous = entry.digest
    return None


def head(entries: list[Entry]) -> str:
    """The digest of the last entry, which stands for the whole chain."""
    return entries[-1].digest if entries else START
