"""Athena: queries that really run over the objects in S3, and what GetTableMetadata says of a table."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tools.sandbox import athena_sql
from tools.sandbox.athena_tables import Catalog, Table
from tools.sandbox.mechanism import Ctx, Wire, op, prepare, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 1000
_INVALID = "InvalidRequestException"


@dataclass
class _Execution:
    query: Wire
    group: str
    result: athena_sql.Result | None
    ends: str
    reason: str = ""
    state: str = "QUEUED"


@dataclass
class Executions:
    """Queries that were started, by id, and the ids by the client's own token."""

    started: dict[str, _Execution] = field(default_factory=dict)


@op("athena", "GetWorkGroup")
def get_work_group(ctx: Ctx, params: Wire) -> Any:
    """A workgroup's settings; moto answers nothing for one that is not there."""
    name = params["WorkGroup"]
    return {"WorkGroup": {"Name": name, "State": "ENABLED", "Configuration": _workgroup(ctx, name)}}


@op("athena", "StartQueryExecution")
def start_query_execution(ctx: Ctx, params: Wire) -> Any:
    """Start a query. It is RUNNING when first looked at, and over the next time."""
    group = params.get("WorkGroup") or "primary"
    settings = _workgroup(ctx, group)
    token = params.get("ClientRequestToken") or ""
    asked = {name: params.get(name) for name in ("QueryString", "ExecutionParameters", "QueryExecutionContext")}
    identity = _identity(f"{ctx.account}{ctx.region}{token}")
    started = ctx.shelf(Executions).started
    if identity in started:
        if started[identity].query != asked:
            raise refuse(_INVALID, "Idempotent parameters do not match")
        return {"QueryExecutionId": identity}
    database = (params.get("QueryExecutionContext") or {}).get("Database") or ""
    try:
        query = athena_sql.parse(params["QueryString"], params.get("ExecutionParameters") or [], database)
    except athena_sql.Malformed as error:
        raise refuse(_INVALID, str(error)) from error
    started[identity] = _ran(ctx, query, asked, group, settings.get("BytesScannedCutoffPerQuery"))
    return {"QueryExecutionId": identity}


@op("athena", "GetQueryExecution")
def get_query_execution(ctx: Ctx, params: Wire) -> Any:
    """How a query stands, and what it has read."""
    one = _execution(ctx, params)
    one.state = {"QUEUED": "RUNNING", "RUNNING": one.ends}.get(one.state, one.state)
    over = one.state not in ("QUEUED", "RUNNING")
    status = {"State": one.state} | ({"StateChangeReason": one.reason} if over and one.reason else {})
    return {
        "QueryExecution": {
            "QueryExecutionId": params["QueryExecutionId"],
            "Query": one.query["QueryString"],
            "StatementType": "DML",
            "WorkGroup": one.group,
            "Status": status,
            "Statistics": {"DataScannedInBytes": one.result.scanned if over and one.result else 0},
        }
    }


@op("athena", "GetQueryResults")
def get_query_results(ctx: Ctx, params: Wire) -> Any:
    """Rows of a query that succeeded, in pages of 1,000, the names of the columns first."""
    one = _execution(ctx, params)
    if one.state != "SUCCEEDED" or one.result is None:
        raise refuse(_INVALID, f"Query has not yet finished. Current state: {one.state}")
    names: list[list[str | None]] = [[name for name, _ in one.result.columns]]
    size = int(params.get("MaxResults") or _PAGE)
    question = {"id": params["QueryExecutionId"]}
    try:
        part, token = page(names + one.result.rows, token=params.get("NextToken"), size=size, question=question)
    except BadToken as error:
        raise refuse(_INVALID, "Invalid token") from error
    columns = [{"Name": name, "Type": kind} for name, kind in one.result.columns]
    rows = [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in part]
    return {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}, "NextToken": token}


@op("athena", "StopQueryExecution")
def stop_query_execution(ctx: Ctx, params: Wire) -> Any:
    """Stop a query; one that is over stays as it is."""
    one = _execution(ctx, params)
    if one.state in ("QUEUED", "RUNNING"):
        one.state = "CANCELLED"
    return {}


@op("athena", "GetTableMetadata")
def get_table_metadata(ctx: Ctx, params: Wire) -> Any:
    """The columns and partitions of a table."""
    name = params["TableName"]
    return {"TableMetadata": _table(ctx, params["DatabaseName"], name).metadata(name)}


def _ran(ctx: Ctx, query: athena_sql.Query, asked: Wire, group: str, cutoff: int | None) -> _Execution:
    table = ctx.shelf(Catalog).tables.get((query.database, query.table))
    if table is None:
        return _Execution(asked, group, None, "FAILED", f"TABLE_NOT_FOUND: {query.database}.{query.table}")
    try:
        result = athena_sql.run(query, table, lambda table: _objects(ctx, table))
    except athena_sql.Failed as error:
        return _Execution(asked, group, None, "FAILED", str(error))
    if cutoff is not None and result.scanned > cutoff:
        return _Execution(asked, group, result, "CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded")
    return _Execution(asked, group, result, "SUCCEEDED")


def _objects(ctx: Ctx, table: Table) -> Iterable[tuple[str, bytes]]:
    prepare("s3")
    from moto.s3.models import s3_backends

    partition, owner = s3_backends.bucket_accounts.get(table.bucket, ("", ""))
    keys = s3_backends[owner][partition].buckets[table.bucket].keys if owner else {}
    return [(name, key.value) for name, key in sorted(keys.items())]


def _table(ctx: Ctx, database: str, name: str) -> Table:
    table = ctx.shelf(Catalog).tables.get((database, name))
    if table is None:
        raise refuse("MetadataException", f"Table {database}.{name} not found")
    return table


def _workgroup(ctx: Ctx, name: str) -> Wire:
    from moto.athena.models import athena_backends

    group = athena_backends[ctx.account][ctx.region].work_groups.get(name)
    if group is None:
        raise refuse(_INVALID, f"WorkGroup {name} is not found.")
    configuration: Wire = group.configuration
    return configuration


def _execution(ctx: Ctx, params: Wire) -> _Execution:
    one = ctx.shelf(Executions).started.get(params["QueryExecutionId"])
    if one is None:
        raise refuse(_INVALID, f"QueryExecution {params['QueryExecutionId']} was not found")
    return one


def _identity(question: str) -> str:
    name = hashlib.sha256(question.encode()).hexdigest()
    return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:32]))
