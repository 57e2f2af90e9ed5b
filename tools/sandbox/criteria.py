"""Finding criteria, as GuardDuty and Macie have them: conditions on paths like `resourcesAffected.s3Bucket.name`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

_SAME = {
    "equals": "eq", "notequals": "neq", "greaterthan": "gt", "greaterthanorequal": "gte", "lessthan": "lt",
    "lessthanorequal": "lte",
}  # fmt: skip
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b,
}  # fmt: skip


def meets(item: Mapping[str, Any], criteria: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether an item meets all conditions. Paths and conditions may be in either service's casing."""
    return all(
        _condition(values(item, path), name, wanted)
        for path, conditions in criteria.items()
        for name, wanted in conditions.items()
        if wanted is not None
    )


def values(item: Any, path: str) -> list[str]:
    """What stands at a path, as text. Lists on the way are looked through."""
    found = [item]
    for name in path.split("."):
        inner = [one.get(name, one.get(name[0].upper() + name[1:])) for one in found if isinstance(one, dict)]
        found = [value for one in inner for value in (one if isinstance(one, list) else [one])]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in found if one is not None]


def _condition(actual: list[str], name: str, wanted: Any) -> bool:
    name = _SAME.get(name.lower(), name.lower())
    if name in _COMPARE:
        return any(_COMPARE[name](_number(text), float(wanted)) for text in actual)
    texts = [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
    if name == "eq":
        return any(text in texts for text in actual)
    if name == "neq":
        return not any(text in texts for text in actual)
    if name == "eqexactmatch":
        return sorted(actual) == sorted(texts)
    if name == "prefix":
        return any(text.startswith(one) for text in actual for one in texts)
    raise NotImplementedError(f"criterion {name}")


def _number(text: str) -> float:
    """A number, or a moment as milliseconds since 1970."""
    try:
        return float(text)
    except ValueError:
        return datetime.fromisoformat(text).timestamp() * 1000
