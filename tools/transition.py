"""One step between two states of a resource: compare, set, and read back until the answer stays."""

from collections.abc import Callable

from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from tools.aws import Aws, Gone, Throttled, Unreachable

Read = Callable[[], JsonObject]
"""Reads the fields that an action writes. Raises Gone when the resource is not there any more."""

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between reads: IAM and S3 settle within seconds, and 15 s is what a run can wait for them."""

_MAY_HAVE_WORKED = (Unreachable, Gone, Throttled)
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
    except _MAY_HAVE_WORKED:
        if read() != wanted:
            raise
        detail = "the answer was lost; the state reads as wanted"
    return Executed(outcome="done", calls=aws.tally.writes[start:], detail=detail)


def read_back(aws: Aws, read: Read, wanted: JsonObject, detail: str) -> Verification:
    """By configuration when two reads in a row show the wanted state, with waits between them. Raises AwsError."""
    agreeing = 0
    found: JsonObject = {}
    for wait in (*_WAITS, None):
        try:
            found = read()
        except Gone as gone:
            return Verification(how="unverified", detail=f"{gone.call}: {gone.code}", at=aws.now())
        agreeing = agreeing + 1 if found == wanted else 0
        if agreeing == 2:
            return Verification(how="by_configuration", detail=detail, at=aws.now())
        if wait is not None:
            aws.sleep(wait)
    return Verification(how="unverified", detail=_differing(found, wanted), at=aws.now())


def _differing(found: JsonObject, wanted: JsonObject) -> str:
    fields = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return f"reads otherwise: {', '.join(fields)}" if fields else "two reads did not agree"
