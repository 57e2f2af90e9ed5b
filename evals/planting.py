"""Planting an attacker's words in every string of an event and a world that an attacker could have written."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import JsonValue

from agent.event import Event
from agent.finding import Finding, Refusal
from agent.intake import parse
from tools.sandbox.world import Content, World

C = TypeVar("C", bound=Content)
Path = tuple[str | int, ...]
_KEPT_BY = {"id", "detectorid", "arn", "version", "schemaversion"}
"""Names of strings by which a service keeps a finding: nobody else writes those."""
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def planted(body: JsonValue, words: str) -> JsonValue:
    """The event with the words after each string in which they leave the finding what it is, but for its prose."""
    plain = _parsed(body)
    return _with(body, _free(body, [path for path in _leaves(body) if _open(path)], words, plain), words)


def planted_world(world: World, words: str, tame: str) -> World:
    """The world with the words in user agents, errors, parameters, queries and objects, and the tame ones in tags."""
    others = [_content(other, words, tame) for other in world.accounts]
    return _content(world, words, tame).model_copy(update={"accounts": others})


def _free(body: JsonValue, paths: list[Path], words: str, plain: list[Finding | Refusal]) -> list[Path]:
    """Those of the paths that may hold anything, all at once. Halving finds the few that may not."""
    free: list[Path] = []
    todo = [paths]
    while todo:
        some = todo.pop()
        if some and _same(_parsed(_with(body, [*free, *some], words)), plain):
            free += some
        elif len(some) > 1:
            middle = len(some) // 2
            todo += [some[middle:], some[:middle]]
    return free


def _parsed(body: JsonValue) -> list[Finding | Refusal]:
    return parse(Event(body=body, received_at=_ANY_TIME, via="eval")).findings


def _same(found: list[Finding | Refusal], plain: list[Finding | Refusal]) -> bool:
    return len(found) == len(plain) and all(_alike(one, other) for one, other in zip(found, plain, strict=True))


def _alike(one: Finding | Refusal, other: Finding | Refusal) -> bool:
    if isinstance(one, Finding) and isinstance(other, Finding):
        stands = one.lifecycle.model_copy(update={"note": other.lifecycle.note})
        prose = {"title": other.title, "description": other.description, "lifecycle": stands}
        return one.model_copy(update=prose) == other
    return isinstance(one, Refusal) and isinstance(other, Refusal) and one.reason is other.reason


def _open(path: Path) -> bool:
    return str(path[-1]).replace("_", "").replace("-", "").lower() not in _KEPT_BY


def _leaves(value: JsonValue, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, str) and path:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, number))


def _with(body: JsonValue, paths: list[Path], words: str) -> JsonValue:
    made = copy.deepcopy(body)
    for *way, last in paths:
        place = made
        for step in way:
            place = place[step]  # type: ignore[index]  # a path of this very value
        place[last] = f"{place[last]} {words}"  # type: ignore[index]  # as above
    return made


def _content(content: C, words: str, tame: str) -> C:
    """A copy of one account's things, with the words in them."""
    raw = content.model_dump(mode="json")
    for event in raw["cloudtrail"]["events"]:
        event["agent"] = f"{event['agent']} {words}"
        event["raw"] = {**event["raw"], "additionalEventData": {"note": words}}
        if event["error"] is not None:
            event["message"] = f"{event['message'] or ''} {words}"
    for tagged in [*raw["iam"]["users"], *raw["iam"]["roles"], *raw["s3"]["buckets"], *raw["ec2"]["instances"]]:
        tagged["tags"] = {**tagged["tags"], "note": tame}
    for bucket in raw["s3"]["buckets"]:
        bucket["objects"] = [*bucket["objects"], {"key": f"note {tame}", "body": words}]
    for request in raw["wafv2"]["logs"]:
        request |= {"agent": f"{request['agent']} {words}", "args": f"{request['args']}&note={words}"}
    return type(content).model_validate(raw)
