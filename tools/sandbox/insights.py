"""Logs Insights: runs a parsed query over the events of log groups."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from tools.sandbox.insights_query import Aggregate, Command, Malformed, Query, Row, number

__all__ = ["Found", "LogLine", "Malformed", "run"]

_FLOW_FIELDS = (
    "version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets", "bytes",
    "start", "end", "action", "logStatus",
)  # fmt: skip
_FLOW = re.compile(r"\d+ (\d{12}|unknown|-) eni-\S+( \S+){9} (ACCEPT|REJECT|-) (OK|NODATA|SKIPDATA)")
_MOST = 10_000


@dataclass(frozen=True)
class LogLine:
    """One event of a log stream."""

    group: str
    """`111122223333:/aws/vpc/flow`."""
    stream: str
    timestamp: int
    """Milliseconds."""
    message: str
    pointer: str


@dataclass(frozen=True)
class Found:
    """What a query found."""

    rows: list[dict[str, str]]
    matched: int
    scanned: int
    bytes_scanned: int


def run(query: Query, lines: Iterable[LogLine], limit: int | None = None) -> Found:
    """Run the commands in order over the lines, newest first."""
    scanned = sorted(lines, key=lambda line: (-line.timestamp, line.pointer))
    rows: list[Row] = [_fields(line) for line in scanned]
    shown: list[tuple[str, str]] = []
    matched, cut = len(rows), limit
    for command in query:
        if command.name in ("fields", "display"):
            shown = shown + command.fields if command.name == "fields" else list(command.fields)
            rows = [_computed(row, command) for row in rows]
            rows = [row | {alias: row[name] for name, alias in command.fields if name in row} for row in rows]
        elif command.name == "limit":
            cut = command.limit
        elif command.name == "stats":
            rows, shown = _stats(rows, command), []
        else:
            rows = _change(rows, command)
            matched = len(rows) if command.name == "filter" else matched
    rows = rows[: min(cut if cut is not None else _MOST, _MOST)]
    return Found([_shown(row, shown) for row in rows], matched, len(scanned), sum(len(one.message) for one in scanned))


def _computed(row: Row, command: Command) -> Row:
    return row | {alias: value for alias, made in command.computed.items() if (value := made(row)) is not None}


def _change(rows: list[Row], command: Command) -> list[Row]:
    if command.name == "filter":
        return [row for row in rows if command.test(row)]
    if command.name == "sort":
        for name, descending in reversed(command.keys):
            rows = sorted(rows, key=lambda row: _order(row.get(name)), reverse=descending)
        return rows
    if command.name == "parse":
        return [row | _parsed(row.get(command.source, ""), command) for row in rows]
    kept: dict[tuple[str | None, ...], Row] = {}
    for row in rows:
        kept.setdefault(tuple(row.get(name) for name, _ in command.fields), row)
    return list(kept.values())


def _fields(line: LogLine) -> Row:
    row: Row = {
        "@timestamp": datetime.fromtimestamp(line.timestamp / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "@message": line.message,
        "@logStream": line.stream,
        "@log": line.group,
        "@ptr": line.pointer,
    }
    if _FLOW.fullmatch(line.message):
        row.update(zip(_FLOW_FIELDS, line.message.split(), strict=True))
        row.update(startTime=row["start"], endTime=row["end"])
    elif line.message.startswith("{"):
        row.update(_discovered(line.message))
    return row


def _discovered(message: str) -> Row:
    try:
        parsed = json.loads(message)
    except ValueError:
        return {}
    found: Row = {}
    pending: list[tuple[str, Any]] = list(parsed.items())
    while pending:
        name, value = pending.pop(0)
        if isinstance(value, dict | list):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            pending.extend((f"{name}.{key}", one) for key, one in inner)
        elif value is not None:
            found[name] = json.dumps(value) if isinstance(value, bool) else str(value)
    return found


def _parsed(text: str, command: Command) -> Row:
    match = command.pattern.search(text) if command.pattern else None
    if match is None:
        return {}
    named = {name: value for name, value in match.groupdict().items() if value is not None}
    return named or dict(zip((alias for _, alias in command.fields), match.groups(), strict=False))


def _stats(rows: list[Row], command: Command) -> list[Row]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    keys = [(alias, by) for by, alias in command.by]
    for row in rows:
        values = tuple(str(by(row)) if by(row) is not None else "" for _, by in keys)
        groups.setdefault(values, []).append(row)
    made = []
    for values, members in groups.items():
        row = {alias: value for (alias, _), value in zip(keys, values, strict=True) if value}
        made.append(
            row | {one.alias: value for one in command.aggregates if (value := _aggregate(one, members)) is not None}
        )
    return made


def _aggregate(one: Aggregate, rows: list[Row]) -> str | None:
    values = [row[one.field] for row in rows if one.field in row] if one.field != "*" else [""] * len(rows)
    if one.function == "count":
        return str(len(values))
    if one.function == "count_distinct":
        return str(len(set(values)))
    if one.function in ("earliest", "latest"):
        oldest_first = sorted((row for row in rows if one.field in row), key=lambda row: row["@timestamp"])
        return oldest_first[0 if one.function == "earliest" else -1][one.field] if oldest_first else None
    if one.function in ("min", "max") and values and any(number(value) is None for value in values):
        return (min if one.function == "min" else max)(values)
    numbers = [value for text in values if (value := number(text)) is not None]
    if not numbers:
        return None
    totals: dict[str, Callable[[list[float]], float]] = {"sum": sum, "min": min, "max": max, "avg": fmean}
    total = totals[one.function](numbers)
    return str(int(total)) if total.is_integer() else str(total)


def _order(value: str | None) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    as_number = number(value)
    return (1, as_number, "") if as_number is not None else (2, 0.0, value)


def _shown(row: Row, shown: list[tuple[str, str]]) -> dict[str, str]:
    if not shown and "@ptr" not in row:
        return row
    names = [alias for _, alias in shown] or ["@timestamp", "@message"]
    return {name: row[name] for name in (*names, "@ptr") if name in row}
