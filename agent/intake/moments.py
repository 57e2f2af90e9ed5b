"""Moments as the services write them: ISO 8601 in several dialects, epochs, and two prose formats."""

import math
import re
from datetime import UTC, datetime

from pydantic import JsonValue

_FORMATS = ["%a %b %d %H:%M:%S.%f UTC %Y", "%a, %d %b %Y %H:%M:%S GMT"]
_MILLISECONDS_FROM = 100_000_000_000
"""Epochs from here on are milliseconds: as seconds they would lie beyond the year 5000."""


def moment(value: JsonValue) -> datetime | None:
    """The moment in UTC, or nothing if this is none. Without an offset it is taken as UTC."""
    try:
        if isinstance(value, str):
            return _from_text(value.strip()[:64])
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _from_text(text: str) -> datetime:
    for form in _FORMATS:
        if text[:1].isalpha():
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
    read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
