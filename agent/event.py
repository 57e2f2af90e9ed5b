"""What arrived: one delivery, kept verbatim."""

import hashlib
import json
import re
from typing import Literal

from pydantic import JsonValue

from agent.record import Moment, Record

DEPTH = 64
"""Levels of nesting that an event may have. No service nests half as deep."""
LARGEST = 2**63 - 1
"""The largest whole number that every store of ours keeps exactly."""
CUSTOM_ACTION = "Security Hub Findings - Custom Action"
"""The detail-type of what a person picked in Security Hub. EventBridge lets nobody but AWS write `source` as `aws.…`."""
_SENT_AS = " sent as "
_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


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


class Sent(Record):
    """That a person sent a finding from Security Hub by a custom action. Whoever writes to our queue or invokes us can say so too."""

    actions: list[str]
    """The ARN of the custom action: what its event names as its resources."""
    event_id: str = ""

    def version_of(self, version: str) -> str:
        """The finding's version as it was sent: each custom action is one of its own, by its event's id."""
        return f"{version}{_SENT_AS}{self.event_id}" if _EVENT_ID.fullmatch(self.event_id) else version


def without_sending(version: str) -> str:
    """The version that the service gave the finding, whoever sent it."""
    return version.partition(_SENT_AS)[0]


class Event(Record):
    """One delivery of EventBridge, SQS, the command line or an API."""

    body: JsonValue
    received_at: Moment
    via: Literal["cli", "eval", "eventbridge", "sqs", "direct", "studio"]
    asked_by: str = ""
    """Who wants it worked again on purpose, on a command line."""
    asked_as: str = ""
    """What tells one such wish from another."""

    @property
    def by_hand(self) -> bool:
        """Whether a person delivered it themselves, and no bus or queue."""
        return self.via not in ("eventbridge", "sqs")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical body: what says later that the original was kept."""
        canonical = json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
