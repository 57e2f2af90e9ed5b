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
    try:
        body: JsonValue = json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
        unfit = unsound(body)
        return body if unfit is None else Unreadable(why=f"{unfit[1]} ({unfit[0]})")
    except UnicodeDecodeError as error:
        return Unreadable(why=f"not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Unreadable(why=f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        return Unreadable(why="nested too deeply to be an event")
    except ValueError as error:
        return Unreadable(why=f"not JSON: {error}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
