"""One CloudWatch Logs Insights query: started, waited for, read to its last page, and stopped if it takes too long."""

from typing import Any

from tools.aws import Aws, AwsCall, Incomplete, Phase, Rejected
from tools.gathering import Gathering, attempt
from tools.window import Window

_READ = frozenset({Phase.READ})
_GROUP = "arn:{partition}:logs:{region}:{account}:log-group:*"
START = AwsCall("logs", "StartQuery", permission="logs:StartQuery", resource=_GROUP, phases=_READ)
RESULTS = AwsCall("logs", "GetQueryResults", permission="logs:GetQueryResults", resource=_GROUP, phases=_READ)
STOP = AwsCall("logs", "StopQuery", permission="logs:StopQuery", resource="*", phases=_READ)
CALLS = frozenset({START, RESULTS, STOP})

ROWS = 10_000
"""Stop there, and say that there were more."""
PAUSES = (0.2, 0.3, 0.5, *[1.0] * 54)
"""Seconds between looks: a small query is done well within the first second."""


def run(
    gathering: Gathering, aws: Aws, groups: list[str], window: Window, text: str, byte_cap: int
) -> list[dict[str, str]]:
    """The rows, each as field to value. `text` must hold nothing but what code parsed: a query takes no parameters.

    At most 50 log groups. Raises Incomplete for what ran too long, scanned too much or found too many rows, and the other
    AwsErrors. The bytes that were scanned are counted either way.
    """
    started: Any = gathering.call(
        aws,
        START,
        logGroupNames=groups,
        startTime=int(window.start.timestamp()),
        endTime=int(window.end.timestamp()),
        queryString=text,
        limit=ROWS,
    )
    query = started["queryId"]
    first = _completed(gathering, aws, query, byte_cap)
    rows = _all_rows(gathering, aws, query, first)
    if len(rows) >= ROWS:
        raise Incomplete(RESULTS.name, "row_limit")
    return [{cell["field"]: cell["value"] for cell in row if "field" in cell and "value" in cell} for row in rows]


def _completed(gathering: Gathering, aws: Aws, query: str, byte_cap: int) -> Any:
    """The first page of a complete query. The rows of a running one are only some of them, and never used."""
    scanned = 0
    for pause in PAUSES:
        answer: Any = gathering.call(aws, RESULTS, queryId=query)
        status = answer.get("status")
        scanned = int((answer.get("statistics") or {}).get("bytesScanned") or 0)
        if status == "Complete":
            gathering.bytes_read += scanned
            return answer
        if status not in {"Scheduled", "Running"}:
            raise Rejected(RESULTS.name, f"query_{str(status).lower()}")
        if scanned > byte_cap or aws.timeout_at():
            break
        aws.sleep(pause)
    gathering.bytes_read += scanned
    # a query that nobody waits for still costs; that it ended by itself meanwhile is no error of ours
    attempt(lambda: gathering.call(aws, STOP, queryId=query))
    raise Incomplete(RESULTS.name, "byte_cap" if scanned > byte_cap else "deadline")


def _all_rows(gathering: Gathering, aws: Aws, query: str, first: Any) -> list[Any]:
    gathering.pages_read += 1
    rows, token = list(first.get("results", [])), first.get("nextToken")
    while token and len(rows) < ROWS:
        page: Any = gathering.call(aws, RESULTS, queryId=query, nextToken=token)
        gathering.pages_read += 1
        rows += page.get("results", [])
        token = page.get("nextToken")
    return rows
