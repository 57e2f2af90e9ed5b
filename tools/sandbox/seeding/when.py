"""A moment of a world: absolute, or relative to the world's `now`, like `-90d`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

_RELATIVE = re.compile(r"([+-]\d{1,6})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _as_text(value: object) -> object:
    """YAML reads an unquoted moment as a datetime; everything else is left to be checked."""
    return value.isoformat() if isinstance(value, datetime) else value


def _check(value: object) -> object:
    text = _as_text(value)
    if isinstance(text, str) and not _RELATIVE.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("neither a moment (2026-03-01T12:00:00Z) nor relative to now (-25m, -90d)") from error
        if moment.tzinfo is None:
            raise ValueError("a moment needs an offset: 2026-03-01T12:00:00Z")
    return text


When = Annotated[str, BeforeValidator(_check), Field(max_length=40)]
"""`-30s`, `-25m`, `-3h`, `-90d`, or an ISO 8601 moment with an offset."""


def resolve(when: str, now: datetime) -> datetime:
    """The moment in UTC that `when` means in a world whose clock says `now`."""
    relative = _RELATIVE.fullmatch(when)
    if relative is None:
        return datetime.fromisoformat(when).astimezone(UTC)
    return now.astimezone(UTC) + timedelta(**{_UNITS[relative[2]]: int(relative[1])})
