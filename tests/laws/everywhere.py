"""A word at every path of a finding's shape: where there is nothing yet, the structure that it stands in is made."""

import copy
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from agent.event import Event
from agent.finding import Finding, Refusal
from agent.intake import parse
from evals.string_paths import EVENTS, finding_of

WHEN = "2026-11-20T12:00:00Z"
_STEP = re.compile(r'"([^"]+)"|(\[\]|\{\})|([^.\[{"]+)')

BASES = {
    "guardduty": "guardduty_*",
    "securityhub_asff": "*",
    "securityhub_ocsf": "*_ocsf",
    "macie": "macie_*",
    "inspector": "inspector_*",
    "access_analyzer": "access_analyzer_*",
    "config": "config_*",
    "health": "health_*",
    "cloudtrail": "cloudtrail_*",
    "cloudwatch": "cloudwatch_*",
}


def steps(path: str) -> list[str]:
    """`a.b[].*` in its parts."""
    return [next(part for part in found if part) for found in _STEP.findall(path)]


def put(value: Any, way: list[str], word: str) -> Any:
    """The value with the word at the end of the way. Where something that is no string stands, it stays."""
    if not way:
        return value if isinstance(value, dict | list) else word
    step, rest = way[0], way[1:]
    if step == "[]":
        held = value if isinstance(value, list) else []
        return [put(each, rest, word) for each in held or [None]] if rest else [*held, word]
    if value is not None and not isinstance(value, dict):
        return value
    held = value or {}
    if step == "{}":
        return {**held, word: next(iter(held.values()), word)}
    if step == "*":
        return {**held, "c4n4ry": put(None, rest, word)}
    return {**held, step: put(held.get(step), rest, word)}


def everywhere(finding: Any, paths: Iterable[str], word: Callable[[int], str]) -> Any:
    """The finding with a word at each of the paths: `word` is given the path's number."""
    made = copy.deepcopy(finding)
    for number, path in enumerate(paths):
        made = put(made, cased(finding, steps(path)), word(number))
    return made


def cased(finding: Any, way: list[str]) -> list[str]:
    """The way in the casing of the finding: the API capitalises what an event does not."""
    pascal = isinstance(finding, dict) and all(name[:1].isupper() for name in finding)
    return [step[:1].upper() + step[1:] for step in way] if pascal else way


def bases(shape: str) -> list[tuple[str, Any]]:
    """The example events of a shape, by name."""
    read = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(EVENTS.glob(f"{BASES[shape]}.json"))
    }
    kept = [(name, body) for name, body in read.items() if _shape(name, body) == shape]
    assert kept, shape
    return kept


def _shape(name: str, body: Any) -> str:
    (first, *_) = finding_of(body)
    if "ProductArn" in first:
        return "securityhub_asff"
    if "class_uid" in first:
        return "securityhub_ocsf"
    return next(shape for shape in BASES if name.startswith(shape))


def within(body: Any, change: Callable[[Any], Any]) -> Any:
    """The event with each of its findings changed."""
    if isinstance(body, list):
        return [within(each, change) for each in body]
    if isinstance(body, dict) and isinstance(body.get("detail"), dict):
        return {**body, "detail": within(body["detail"], change)}
    for name in ("findings", "Findings"):
        if isinstance(body, dict) and isinstance(body.get(name), list):
            return {**body, name: [change(each) for each in body[name]]}
    return change(body)


def parsed(body: Any) -> list[Finding | Refusal]:
    """What intake makes of it."""
    return parse(Event(body=body, received_at=WHEN, via="eval")).findings


def decides(found: list[Finding | Refusal]) -> list[Any]:
    """All of the findings but prose, and what only the report names."""
    return [
        each.reason
        if isinstance(each, Refusal)
        else each.model_dump(mode="json", exclude={"title", "description", "named_resources", "left_out", "lifecycle"})
        | {"lifecycle": each.lifecycle.model_dump(mode="json", exclude={"note", "note_by"})}
        for each in found
    ]


def stands(value: Any, way: list[str]) -> bool:
    """Whether there is something at the end of the way."""
    if not way or value is None:
        return value is not None
    step, rest = way[0], way[1:]
    if step == "[]":
        return isinstance(value, list) and any(stands(each, rest) for each in value)
    return isinstance(value, dict) and (step in ("{}", "*") or stands(value.get(step), rest))
