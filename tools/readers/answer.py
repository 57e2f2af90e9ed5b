"""What reading a finding again gives: its service's own words as an event, or why there are none."""

import json
from datetime import datetime
from typing import Any, Literal

from agent.record import JsonObject, Record, iso


class Reread(Record):
    """What the service says now."""

    outcome: Literal["known", "absent", "not_yet", "failed"]
    body: JsonObject | None = None
    """When known: the finding as an event of its service, for intake to parse like any other."""
    note: str = ""
    """Why it failed: a code."""
    doubt: str = ""
    """When absent: why that need not mean that there never was such a finding, and what a person may do, in words."""


ABSENT = Reread(outcome="absent")
NO_READER = Reread(outcome="failed", note="no_reader")
"""Nobody reads findings of that origin."""
NO_IDENTIFIER = Reread(outcome="failed", note="no_identifier")
"""The finding's key is none that its service can be asked for."""

NOT_AS_PROMISED = Reread(outcome="failed", note="unreadable_answer")
"""Its service answered what cannot be read."""


def known(source: str, detail_type: str, detail: Any, **envelope: Any) -> Reread:
    """The finding as EventBridge would bring it. `envelope` is what a parser needs of the event around the detail."""
    plain = json.loads(json.dumps({**envelope, "detail": detail}, default=_plain))
    return Reread(outcome="known", body={"source": source, "detail-type": detail_type, **plain})


def listed(answer: JsonObject, name: str) -> list[Any]:
    """That list of an answer; empty where there is none."""
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _plain(value: object) -> str:
    """boto3 turns times into datetimes; events have them as text."""
    return iso(value) if isinstance(value, datetime) else str(value)
