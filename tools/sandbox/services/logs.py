"""CloudWatch Logs Insights: StartQuery, GetQueryResults and StopQuery over the world's log groups."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.insights import Found, LogLine, run
from tools.sandbox.insights_query import Malformed, parse
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_GROUPS = 50
_PAGE = 10_000


@dataclass
class _Running:
    found: Found
    status: str = "Scheduled"
    groups: int = 1


@dataclass
class InsightsQueries:
    """Queries that were started, by id."""

    running: dict[str, _Running] = field(default_factory=dict)


@op("logs", "StartQuery")
def start_query(ctx: Ctx, params: Wire) -> Any:
    """Start a query. It is Running when first looked at, and Complete the next time."""
    if params.get("queryLanguage", "CWLI") != "CWLI":
        raise NotImplementedError(f"query language {params['queryLanguage']}")
    groups = _groups(ctx, params)
    if params["startTime"] > params["endTime"]:
        raise refuse("InvalidParameterException", "The start time must not be later than the end time")
    try:
        query = parse(params["queryString"])
    except Malformed as error:
        raise refuse("MalformedQueryException", str(error)) from error
    lines = _lines(ctx, groups, params["startTime"] * 1000, params["endTime"] * 1000)
    queries = ctx.shelf(InsightsQueries).running
    identity = _new_id(queries, f"{ctx.account}{ctx.region}{sorted(params.items(), key=str)}")
    queries[identity] = _Running(run(query, lines, params.get("limit")), groups=len(groups))
    return {"queryId": identity}


def _new_id(queries: dict[str, _Running], question: str) -> str:
    """The same for the same question asked as often, so that queries may run in parallel."""
    for times in range(len(queries) + 1):
        name = hashlib.sha256(f"{question}{times}".encode()).hexdigest()
        identity = "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:32]))
        if identity not in queries:
            break
    return identity


@op("logs", "GetQueryResults")
def get_query_results(ctx: Ctx, params: Wire) -> Any:
    """Rows of a query, in pages of 10,000."""
    query = _query(ctx, params)
    query.status = {"Scheduled": "Running", "Running": "Complete"}.get(query.status, query.status)
    rows = query.found.rows if query.status == "Complete" else []
    try:
        size = int(params.get("maxItems") or _PAGE)
        part, token = page(rows, token=params.get("nextToken"), size=size, question={"id": params["queryId"]})
    except BadToken as error:
        raise refuse("InvalidParameterException", "The next token is not valid") from error
    return {
        "queryLanguage": "CWLI",
        "results": [[{"field": name, "value": value} for name, value in row.items()] for row in part],
        "statistics": _statistics(query),
        "status": query.status,
        "nextToken": token,
    }


@op("logs", "StopQuery")
def stop_query(ctx: Ctx, params: Wire) -> Any:
    """Stop a query that is not done."""
    query = _query(ctx, params)
    if query.status not in ("Scheduled", "Running"):
        raise refuse("InvalidParameterException", "The query is not in a stoppable state")
    query.status = "Cancelled"
    return {"success": True}


def _query(ctx: Ctx, params: Wire) -> _Running:
    query = ctx.shelf(InsightsQueries).running.get(params["queryId"])
    if query is None:
        raise refuse("ResourceNotFoundException", "The specified query does not exist")
    return query


def _statistics(query: _Running) -> Wire:
    if query.status != "Complete":
        return {"recordsMatched": 0.0, "recordsScanned": 0.0, "bytesScanned": 0.0}
    return {
        "recordsMatched": float(query.found.matched),
        "recordsScanned": float(query.found.scanned),
        "bytesScanned": float(query.found.bytes_scanned),
        "logGroupsScanned": float(query.groups),
    }


def _groups(ctx: Ctx, params: Wire) -> list[str]:
    named = [params["logGroupName"]] if params.get("logGroupName") else []
    named += params.get("logGroupNames") or []
    named += [one.split(":log-group:")[-1].removesuffix(":*") for one in params.get("logGroupIdentifiers") or []]
    if not 1 <= len(named) <= _GROUPS:
        raise refuse("InvalidParameterException", "Between 1 and 50 log groups are needed")
    known = _backend(ctx).groups
    for name in named:
        if name not in known:
            raise refuse(
                "ResourceNotFoundException", f"Log group '{name}' does not exist for account ID '{ctx.account}'"
            )
    return named


def _lines(ctx: Ctx, groups: list[str], since: int, until: int) -> Iterator[LogLine]:
    known = _backend(ctx).groups
    for name in groups:
        for stream in known[name].streams.values():
            for place, event in enumerate(stream.events):
                if since <= event.timestamp <= until:
                    pointer = f"{name}/{stream.log_stream_name}/{place:08}"
                    yield LogLine(
                        f"{ctx.account}:{name}", stream.log_stream_name, event.timestamp, event.message, pointer
                    )


def _backend(ctx: Ctx) -> Any:
    from moto.logs.models import logs_backends

    return logs_backends[ctx.account][ctx.region]
