"""What an action changes, line by line: the fields that it writes, before and after."""

import difflib
import json
from typing import Literal, NamedTuple

from pydantic import JsonValue

from agent.plan import Change
from agent.record import JsonObject

LONGEST = 4000
"""Characters of one difference, or of one text, that a page shows; the results file has the rest."""


class DiffLine(NamedTuple):
    """One line of a difference."""

    sign: Literal["-", "+", " "]
    text: str


def difference(change: Change) -> list[DiffLine]:
    """The fields that the action writes, before and after, line by line."""
    before, after = _lines(change.before), _lines(change.after)
    if before == after:
        return [DiffLine(" ", line) for line in before][:40]
    found = []
    for line in difflib.unified_diff(before, after, lineterm="", n=2):
        if not line.startswith(("---", "+++", "@@")):
            sign: Literal["-", "+", " "] = "-" if line[0] == "-" else "+" if line[0] == "+" else " "
            found.append(DiffLine(sign, line[1:]))
    return _capped(found)


def _lines(state: JsonObject) -> list[str]:
    """One field a line or more; a policy that is JSON inside a string is opened up."""
    found: list[str] = []
    for name, value in sorted(state.items()):
        opened = _opened(value)
        if opened is None:
            found.append(f"{name}: (not there)")
        else:
            found += f"{name}: {json.dumps(opened, indent=2, ensure_ascii=False, sort_keys=True)}".split("\n")
    return found


def _opened(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            opened: JsonValue = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return opened
    return value


def _capped(lines: list[DiffLine]) -> list[DiffLine]:
    room = LONGEST
    kept: list[DiffLine] = []
    for line in lines:
        kept.append(line if len(line.text) <= room else DiffLine(line.sign, line.text[:room] + "…"))
        room -= len(line.text)
        if room <= 0:
            return [*kept, DiffLine(" ", "(cut here; the results file has it whole)")]
    return kept
