"""One step between two states of a resource: compare, set, and read back until the answer stays."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.secret_text import differing
from tools.aws import Aws, AwsError, Gone, Throttled, Unreachable

Read = Callable[[], JsonObject]
"""Reads the fields that an action writes. Raises Gone when the resource is not there any more."""

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between reads: IAM and S3 settle within seconds, and 15 s is what a run can wait for them."""

MAY_HAVE_WORKED = (Unreachable, Gone, Throttled)
"""What a write can end with after it took effect: the answer was lost, and botocore's own repeat met its work or a limit."""


def step(
    aws: Aws, read: Read, write: Callable[[], object], *, expected: JsonObject, wanted: JsonObject
) -> Executed | Drifted:
    """Write if the state is `expected`; nothing to do if it is `wanted`; anything else is drift, and nothing is written.

    A write whose own answer was lost counts as done only if the state then reads as wanted. Raises AwsError otherwise.
    """
    try:
        found = read()
    except Gone as gone:
        return Drifted(what=f"it does not exist ({gone.call}: {gone.code})", found={})
    if found == wanted:
        return Executed(outcome="already")
    if found != expected:
        return Drifted(what=_differing(found, expected), found=found)
    start = len(aws.tally.writes)
    detail = ""
    try:
        write()
    except MAY_HAVE_WORKED:
        if read() != wanted:
            raise
        detail = "the answer was lost; the state reads as wanted"
    return Executed(outcome="done", calls=aws.tally.writes[start:], detail=detail)


@dataclass(frozen=True)
class Part:
    """One piece of a state that is written by itself, and so can fail by itself."""

    name: str
    write: Callable[[], object]


Todo = Callable[[JsonObject], list[Part] | Drifted]
"""What is still to be written, given the state that was read; Drifted if it is not one of ours."""


def in_parts(aws: Aws, read: Read, todo: Todo, *, expected: JsonObject) -> Executed | Drifted:
    """Write every part that is not yet as wanted, each tried whatever the others did.

    Partial if some parts are as wanted and others are not, with the names of those and why; executed again, it goes on with
    them. A part whose write failed counts as done if it then reads as wanted. If the state still is the `expected` one, the
    first part's error is raised: nothing was done.
    """
    try:
        found = read()
    except Gone as gone:
        return Drifted(what=f"it does not exist ({gone.call}: {gone.code})", found={})
    parts = todo(found)
    if isinstance(parts, Drifted):
        return parts
    if not parts:
        return Executed(outcome="already")
    start = len(aws.tally.writes)
    failed = _attempt(parts)
    left = todo(read()) if failed else []
    calls = aws.tally.writes[start:]
    if isinstance(left, Drifted):
        return Executed(outcome="partial", calls=calls, detail=f"changed meanwhile: {left.what}")
    if not left:
        detail = "an answer was lost; the state reads as wanted" if failed else ""
        return Executed(outcome="done", calls=calls, detail=detail)
    if found == expected and len(left) == len(parts):
        raise next(iter(failed.values()))
    named = [f"{part.name} ({failed[part.name].code})" if part.name in failed else part.name for part in left]
    return Executed(outcome="partial", calls=calls, detail=f"not done: {', '.join(named)}")


def field_by_field(
    found: JsonObject, *, expected: JsonObject, wanted: JsonObject, write: Callable[[str], object]
) -> list[Part] | Drifted:
    """The fields that are not yet as wanted. Drifted if one is missing, or neither as expected nor as wanted."""
    if any(name not in found or found[name] not in (expected[name], wanted[name]) for name in wanted):
        return Drifted(what=_differing({name: found.get(name) for name in wanted}, expected), found=found)
    return [Part(name, partial(write, name)) for name in wanted if found[name] != wanted[name]]


def _attempt(parts: list[Part]) -> dict[str, AwsError]:
    failed: dict[str, AwsError] = {}
    for part in parts:
        try:
            part.write()
        except AwsError as error:
            failed[part.name] = error
    return failed


def read_back(aws: Aws, read: Read, wanted: JsonObject, detail: str) -> Verification:
    """By configuration when two reads in a row show the wanted state, with waits between them. Raises AwsError."""
    agreeing = 0
    found: JsonObject = {}
    for wait in (*_WAITS, None):
        try:
            found = read()
        except Gone as gone:
            return Verification(how="unverified", detail=f"{gone.call}: {gone.code}", at=aws.now(), gone=True)
        agreeing = agreeing + 1 if found == wanted else 0
        if agreeing == 2:
            return Verification(how="by_configuration", detail=detail, at=aws.now())
        if wait is not None:
            aws.sleep(wait)
    return Verification(
        how="unverified", detail=_differing(found, wanted), at=aws.now(), found=differing(found, wanted)
    )


def _differing(found: JsonObject, wanted: JsonObject) -> str:
    fields = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return f"reads otherwise: {', '.join(fields)}" if fields else "two reads did not agree"
