"""What arrived: one delivery, kept verbatim."""

import hashlib
import json
from typing import Literal

from pydantic import JsonValue

from agent.record import Moment, Record


class Event(Record):
    """One delivery of EventBridge, SQS, the command line or an API."""

    body: JsonValue
    received_at: Moment
    via: Literal["cli", "eval", "eventbridge", "sqs", "direct", "studio"]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical body: what says later that the original was kept."""
        canonical = json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
