"""One Athena query: held to a limit of bytes, started, waited for, read to its last page, and stopped if it takes too long."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NewType

from agent.addresses import Address
from agent.target import GLOBAL, TargetKind
from tools.aws import Aws, AwsCall, Incomplete, Phase, Rejected
from tools.gathering import Gathering, attempt, home
from tools.log_tables import LogTable, LogTables
from tools.source import Question
from tools.window import Window

_READ = frozenset({Phase.READ})
_GROUP = "arn:{partition}:athena:{region}:{account}:workgroup/stanch*"
_GLUE = ("glue:GetDatabase", "glue:GetPartitions", "glue:GetTable")
"""What Athena asks the catalogue for in its caller's name. The objects are opened by the log bucket's own policy."""
WORKGROUP = AwsCall("athena", "GetWorkGroup", permission="athena:GetWorkGroup", resource=_GROUP, phases=_READ)
START = AwsCall(
    "athena", "StartQueryExecution", permission="athena:StartQueryExecution", resource=_GROUP, phases=_READ, needs=_GLUE
)
STATE = AwsCall("athena", "GetQueryExecution", permission="athena:GetQueryExecution", resource=_GROUP, phases=_READ)
RESULTS = AwsCall("athena", "GetQueryResults", permission="athena:GetQueryResults", resource=_GROUP, phases=_READ)
STOP = AwsCall("athena", "StopQueryExecution", permission="athena:StopQueryExecution", resource=_GROUP, phases=_READ)
COLUMNS = AwsCall(
    "athena", "GetTableMetadata", permission="athena:GetTableMetadata",
    resource="arn:{partition}:athena:{region}:{account}:datacatalog/*", phases=_READ, needs=_GLUE,
)  # fmt: skip
CALLS = frozenset({WORKGROUP, START, STATE, RESULTS, STOP})

ROWS = 10_000
"""Stop there, and say that there were more."""
POLLS = 80
"""A second apart."""
CATALOG = "AwsDataCatalog"

Value = NewType("Value", str)
"""One literal of SQL, made by the functions below from what they parsed, and by nothing else."""

_PARSED = {
    TargetKind.ACCESS_KEY: r"(AKIA|ASIA)[A-Z0-9]{12,28}",
    TargetKind.USER: r"[\w+=,.@-]{1,64}",
    TargetKind.BUCKET: r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
}


def address(value: Address) -> Value:
    """An address, written anew."""
    return Value(f"'{value}'")


def named(kind: TargetKind, name: str) -> Value:
    """The id of a key or the name of a user or bucket. Raises Rejected for what cannot be one."""
    return Value(f"'{_fitting(_PARSED[kind], name)}'")


def moment(at: datetime) -> Value:
    """A moment as CloudTrail writes it."""
    return Value(f"'{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'")


def within(table: LogTable, account: str, regions: Iterable[str], window: Window) -> str:
    """The partitions that a query is kept to: the account, the Regions if any are given, and the days of the window."""
    day, last = _days(window)
    tests = [f'"{table.day}" BETWEEN {table.written(day)} AND {table.written(last)}']
    if table.account is not None:
        tests.append(f"\"{table.account}\" = '{_fitting(r'[0-9]{12}', account)}'")
    listed = sorted({_fitting(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}", region) for region in regions})
    quoted = [f"'{region}'" for region in listed]
    if table.region is not None and quoted:
        tests.append(f'"{table.region}" IN ({", ".join(quoted)})')
    return " AND ".join(tests)


def place(aws: Aws, tables: LogTables, question: Question) -> Aws:
    """AWS where the tables are."""
    region = question.finding.region
    there = tables.region or (home(aws.partition) if region == GLOBAL else region)
    return aws.at(there).of(tables.account or aws.account)


def columns(gathering: Gathering, aws: Aws, table: LogTable) -> list[str]:
    """The names of a table's columns, in order."""
    answer: Any = gathering.call(aws, COLUMNS, CatalogName=CATALOG, DatabaseName=table.database, TableName=table.table)
    return [str(column["Name"]) for column in answer["TableMetadata"].get("Columns", [])]


def run(
    gathering: Gathering, aws: Aws, workgroup: str, text: str, values: list[Value], byte_cap: int
) -> list[dict[str, str]]:
    """The rows, each as column to text; null is left out. `text` holds names of the registry, and `?` for each value.

    Raises Rejected where the workgroup has no limit of bytes or one above the cap, Incomplete for what ran too long or
    found too many rows, and the other AwsErrors. The bytes that were scanned are counted either way.
    """
    limit = _limit(gathering, aws, workgroup, byte_cap)
    asked: dict[str, Any] = {"QueryString": text, "WorkGroup": workgroup, "QueryExecutionContext": {"Catalog": CATALOG}}
    if values:
        asked["ExecutionParameters"] = [str(value) for value in values]
    # the same question of the same moment is the same query, also if its first answer was lost
    token = hashlib.sha256(f"{text} {values} {gathering.now.isoformat()}".encode()).hexdigest()
    started: Any = gathering.call(aws, START, **asked, ClientRequestToken=token)
    query = started["QueryExecutionId"]
    _completed(gathering, aws, query, limit)
    return _all_rows(gathering, aws, query)


def _days(window: Window) -> tuple[date, date]:
    """A file is laid down by when it was delivered, up to a quarter of an hour after what it tells of."""
    return window.start.date(), (window.end + timedelta(minutes=15)).date()


def _fitting(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise Rejected(START.name, "not_to_be_asked_for")
    return text


def _limit(gathering: Gathering, aws: Aws, workgroup: str, byte_cap: int) -> int:
    answer: Any = gathering.call(aws, WORKGROUP, WorkGroup=workgroup)
    limit = answer["WorkGroup"].get("Configuration", {}).get("BytesScannedCutoffPerQuery")
    if not isinstance(limit, int) or not 0 < limit <= byte_cap:
        raise Rejected(WORKGROUP.name, "workgroup_without_byte_limit")
    return limit


def _completed(gathering: Gathering, aws: Aws, query: str, limit: int) -> None:
    scanned = 0
    for _ in range(POLLS):
        answer: Any = gathering.call(aws, STATE, QueryExecutionId=query)
        execution = answer["QueryExecution"]
        state = execution["Status"]["State"]
        scanned = int((execution.get("Statistics") or {}).get("DataScannedInBytes") or 0)
        if state not in {"QUEUED", "RUNNING"}:
            break
        if aws.timeout_at():
            break
        aws.sleep(1.0)
    gathering.bytes_read += scanned
    if state == "SUCCEEDED":
        return
    if state in {"QUEUED", "RUNNING"}:
        # a query that nobody waits for still costs; that it ended by itself meanwhile is no error of ours
        attempt(lambda: gathering.call(aws, STOP, QueryExecutionId=query))
        raise Incomplete(STATE.name, "deadline")
    if state == "CANCELLED" and scanned >= limit:
        raise Incomplete(STATE.name, "byte_cap")
    raise Rejected(STATE.name, f"query_{str(state).lower()}")


def _all_rows(gathering: Gathering, aws: Aws, query: str) -> list[dict[str, str]]:
    """The first row of the first page repeats the names of the columns."""
    rows: list[dict[str, str]] = []
    heading = 1
    for page in gathering.pages(aws, RESULTS, limit=ROWS // 1000 + 1, QueryExecutionId=query):
        found = page["ResultSet"]
        names = [column["Name"] for column in found["ResultSetMetadata"]["ColumnInfo"]]
        for row in found["Rows"][heading:]:
            cells = zip(names, row.get("Data", []), strict=False)
            rows.append({name: cell["VarCharValue"] for name, cell in cells if "VarCharValue" in cell})
        heading = 0
    if len(rows) >= ROWS:
        raise Incomplete(RESULTS.name, "row_limit")
    return rows
