"""What arrived: one delivery, kept verbatim."""

import hashlib
import json
from typing import Literal

from pydantic import JsonValue

from agent.record import Moment, Record

DEPTH = 64
"""Levels of nesting that an event may have. No service nests half as deep."""
LARGEST = 2**63 - 1
"""The largest whole number that every store of ours keeps exactly."""


def unsound(body: object) -> tuple[str, str] | None:
    """Where and why a body cannot be kept as an event: nested too deeply, or a number that no store keeps. None: it can."""
    todo: list[tuple[object, str, int]] = [(body, "$", 0)]
    while todo:
        value, path, depth = todo.pop()
        if depth > DEPTH:
            return path[:200], f"nested more than {DEPTH} levels deep"
        if isinstance(value, int) and abs(value) > LARGEST:
            return path[:200], "a number beyond 64 bits"
        if isinstance(value, dict):
            todo += [(inner, f"{path}.{str(key)[:40]!a}".replace("'", ""), depth + 1) for key, inner in value.items()]
        elif isinstance(value, list):
            todo += [(inner, f"{path}[{number}]", depth + 1) for number, inner in enumerate(value)]
    return None


class Event(Record):
    """One delivery of EventBridge, SQS, the command line or an API."""

    body: JsonValue
    received_at: Moment
    via: Literal["cli", "eval", "eventbridge", "sqs", "direct", "studio"]

    @property
    def by_itself(self) -> bool:
        """Whether it came without a person who sent it: from a bus or a queue."""
        return self.via in ("eventbridge", "sqs")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical body: what says later that the original was kept."""
        canonical = json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
