"""Laying one JSON object over another."""

from agent.record import JsonObject


def merged(base: JsonObject, over: JsonObject) -> JsonObject:
    """`base` with `over` laid on it: objects are merged, everything else is replaced."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
