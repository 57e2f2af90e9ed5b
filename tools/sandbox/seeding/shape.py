"""Fitting JSON of any casing to the shape that a service's API answers with."""

import re
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from agent.intake import moments
from agent.record import JsonObject
from tools.sandbox.seeding.events import plain
from tools.sandbox.seeding.place import Place

_SHAPES: dict[tuple[str, str], Any] = {}
_Fitted = Any
"""What boto3 would give: JSON, with datetimes where the API has timestamps."""


def fitted(place: Place, service: str, name: str, value: JsonObject) -> JsonObject:
    """A fresh copy of `value` as the service's named shape has it."""
    if (service, name) not in _SHAPES:
        _SHAPES[service, name] = place.client(service).meta.service_model.shape_for(name)
    answer: JsonObject = fit(_SHAPES[service, name], value)
    return answer


def put(kept: list[JsonObject], item: JsonObject, key: str) -> None:
    """Add the item, in place of the one with the same key if there is one."""
    kept[:] = [one for one in kept if one.get(key) != item.get(key)] + [item]


def is_news(item: JsonObject, kept: JsonObject | None, changed: str) -> bool:
    """Whether a finding says more than the one that is kept, if one is: its service changed it later."""
    if kept is None:
        return True
    at, before = _at(item.get(changed)), _at(kept.get(changed))
    return at is not None and before is not None and at > before


def _at(value: _Fitted) -> datetime | None:
    return value if isinstance(value, datetime) else moment(value)


def fit(shape: Any, value: JsonValue) -> _Fitted:
    """`value` as the botocore shape has it. What the shape does not know or cannot hold is left out; None if nothing fits."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, value)
    if kind == "list":
        items = value if isinstance(value, list) else [value]
        return [inside for item in items if (inside := fit(shape.member, item)) is not None]
    if kind == "map":
        entries = value.items() if isinstance(value, dict) else ()
        return {key: inside for key, inner in entries if (inside := fit(shape.value, inner)) is not None}
    if kind == "timestamp":
        return moment(value)
    return _scalar(kind, value)


def _structure(shape: Any, value: JsonValue) -> _Fitted:
    if not isinstance(value, dict):
        return None
    members = {plain(name): (name, member) for name, member in shape.members.items()}
    held = {}
    for key, inner in value.items():
        name, member = members.get(plain(key), (None, None))
        if name is not None and inner is not None and (inside := fit(member, inner)) is not None:
            held[name] = inside
    return held


def _scalar(kind: str, value: JsonValue) -> _Fitted:
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "string":
        return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if kind in ("integer", "long", "float", "double"):
        text = "" if isinstance(value, bool) else str(value)
        if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text):
            return None
        return int(float(text)) if kind in ("integer", "long") else float(text)
    return None


def moment(value: JsonValue) -> datetime | None:
    """A moment from any of the ways in which findings write one, in UTC; None if it is none."""
    if isinstance(value, dict):
        return _recorded(value)
    if isinstance(value, str) and not re.fullmatch(r"\d{9,13}(\.\d+)?", value):
        try:
            parsed = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.strip()))
        except ValueError:
            return moments.moment(value)  # Health and Inspector write prose
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    seconds = float(value)
    seconds = seconds / 1000 if seconds > 1e11 else seconds
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 4e9 else None


def _recorded(value: dict[str, JsonValue]) -> datetime | None:
    """A datetime as Cloud Custodian's recorder writes it: {"__class__": "datetime", "year": 2023, ...}."""
    parts = [value.get(part, 0) for part in ("year", "month", "day", "hour", "minute", "second", "microsecond")]
    numbers = [part for part in parts if isinstance(part, int)]
    if value.get("__class__") != "datetime" or len(numbers) != len(parts):
        return None
    try:
        return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]  # seven ints, in order
    except ValueError:
        return None
