"""Reading an event's bytes: JSON as JSON is defined, or why it is none."""

import json
from typing import NoReturn

from pydantic import JsonValue

from agent.event import unsound
from agent.record import Record


class Unreadable(Record):
    """Why bytes are no event: one line, with the place."""

    why: str


def read(raw: bytes) -> JsonValue | Unreadable:
    """The event. Numbers that JSON does not have, and what no store of ours keeps exactly, make it none."""
    if not raw.strip():
        return Unreadable(why="empty")
    try:
        body: JsonValue = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
        unfit = unsound(body)
        return body if unfit is None else Unreadable(why=f"{unfit[1]} ({unfit[0]})")
    except (ValueError, RecursionError) as error:
        return Unreadable(why=fault(error))


def fault(error: ValueError | RecursionError) -> str:
    """What is wrong with bytes that are no JSON: one line, with the place."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    return "nested too deeply to be an event" if isinstance(error, RecursionError) else f"not JSON: {error}"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
