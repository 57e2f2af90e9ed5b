"""From files to items: corpus lines, single events, and case folders with their worlds and expectations."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import yaml
from pydantic import JsonValue, ValidationError

from agent.report import Status
from evals.expect import Expectation
from evals.visible import printable
from graphs.entrypoints.reading import fault

LINES = {".jsonl", ".ndjson"}
_DATETIME = ("year", "month", "day", "hour", "minute", "second", "microsecond")


_DIGITS = 100
"""No service writes a longer number."""


class InputRefused(Exception):
    """There is nothing to read at all: one clear line that says what and where."""


@dataclass(frozen=True)
class Problem:
    """Why an item cannot be put to the service: `refused` when the input is bad, `failed` when the case itself is."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Item:
    """One event of a corpus, as it will be worked."""

    id: str
    event: JsonValue
    world: Path | None = None
    """Its `world.yaml`, read in the worker's process."""
    expect: Expectation | None = None
    problem: Problem | None = None


def load(paths: list[Path]) -> list[Item]:
    """Every item of every path, in order, with distinct ids. Raises InputRefused if there is nothing to work."""
    try:
        items = _distinct([item for path in paths for item in _load(path)])
    except OSError as error:
        raise InputRefused(f"{error.filename}: {error.strerror}") from error
    if not items:
        raise InputRefused(f"{', '.join(map(str, paths))}: no findings in it")
    refused = [item.problem for item in items if item.problem]
    if len(refused) == len(items):
        raise InputRefused(refused[0].reason + (f" (and {len(refused) - 1} more like it)" if refused[1:] else ""))
    return items


def _load(path: Path) -> Iterator[Item]:
    if path.is_dir():
        cases = sorted(found.parent for found in path.rglob("event.json"))
        if not cases:
            raise InputRefused(f"{path}: a folder without event.json in it or below it")
        for case in cases:
            yield _case(case, path.name if case == path else case.relative_to(path).as_posix())
    elif not path.is_file():
        raise InputRefused(f"{path}: No such file or directory")
    elif path.suffix in LINES:
        yield from _lines(path)
    else:
        yield _file(path, path.stem)


def _lines(path: Path) -> Iterator[Item]:
    for number, raw in enumerate(path.read_bytes().splitlines(), start=1):
        if raw.strip():
            yield _item(raw, f"{path.stem}:{number}", f"{path.name}, line {number}")


def _file(path: Path, name: str) -> Item:
    return _item(path.read_bytes(), name, path.name)


def _item(raw: bytes, name: str, where: str) -> Item:
    try:
        event = read_json(raw)
    except ValueError as error:
        text = raw.decode("utf-8", "replace")
        return Item(name, text, problem=Problem(Status.REFUSED, f"malformed: {where}: {error}"))
    if isinstance(event, dict) and isinstance(event.get("id"), str) and "finding" in event:
        return Item(str(event["id"]), event["finding"])
    return Item(name, event)


def _case(folder: Path, name: str) -> Item:
    item = _file(folder / "event.json", name)
    if item.problem:
        return Item(name, item.event, problem=item.problem)
    try:
        expect = _expectation(folder / "expect.yaml")
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        return Item(name, item.event, problem=Problem(Status.FAILED, f"case: {name}: {_first_line(error)}"))
    world = folder / "world.yaml"
    return Item(name, item.event, world if world.is_file() else None, expect)


def _expectation(path: Path) -> Expectation | None:
    if not path.is_file():
        return None
    return Expectation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{error.title}.{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return printable(" ".join(str(error).split()), 300)


def read_json(raw: bytes) -> JsonValue:
    """One JSON value, with a recorder's datetimes as ISO text. Raises ValueError with one line that says what is wrong."""
    if not raw.strip():
        raise ValueError("empty")
    try:
        return _plain(
            json.loads(raw.decode("utf-8-sig"), parse_constant=_not_a_number, parse_float=_finite, parse_int=_whole)
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(fault(error)) from error


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _finite(number: str) -> float:
    if math.isinf(value := float(number)):
        raise ValueError(f"a number that is too large: {number[:40]}")
    return value


def _whole(number: str) -> int:
    if len(number) > _DIGITS:
        raise ValueError(f"a number of {len(number)} digits")
    return int(number)


def _plain(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    moment = _moment(value) if value.get("__class__") == "datetime" else None
    return moment or {name: _plain(entry) for name, entry in value.items()}


def _moment(value: dict[str, JsonValue]) -> str | None:
    """A recorder's datetime as ISO text in UTC; None where it is not one."""
    numbers = [part for name in _DATETIME if isinstance(part := value.get(name, 0), int)]
    if len(numbers) != len(_DATETIME):
        return None
    year, month, day, hour, minute, second, micro = numbers
    try:
        return datetime(year, month, day, hour, minute, second, micro, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def _distinct(items: list[Item]) -> list[Item]:
    seen: dict[str, int] = {}
    distinct = []
    for item in items:
        seen[item.id] = count = seen.get(item.id, 0) + 1
        name = item.id if count == 1 else f"{item.id}#{count}"
        distinct.append(Item(name, item.event, item.world, item.expect, item.problem))
    return distinct
