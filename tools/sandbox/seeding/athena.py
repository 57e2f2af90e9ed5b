"""Athena in a world: the trail's log files and flow logs as they lie in S3, with a table over each."""

import gzip
import hashlib
import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agent.record import Record
from tools.sandbox.athena_tables import TRAIL_COLUMNS, Catalog, Table
from tools.sandbox.seeding import cloudtrail
from tools.sandbox.seeding.flow_logs import FlowLog, lines
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.when import resolve

_NUMBERS = frozenset(
    {"version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags", "traffic-path"}
)
_SLOT = 300
"""Seconds that one file holds."""


class AthenaSection(Record):
    """The `athena` key of a world."""

    workgroup: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = "stanch"
    byte_limit: Annotated[int, Field(ge=10_000_000)] | None = 10_000_000_000
    """Bytes that one query may scan; null for no limit."""
    database: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")] = "logs"
    trail: BucketName | None = None
    """The bucket of a trail that keeps every event of `cloudtrail`. Its table is `cloudtrail`."""


def seed(place: Place, section: AthenaSection, events: cloudtrail.CloudTrailSection, flow_logs: list[FlowLog]) -> None:
    """Write the files and make the tables, and the workgroup that may ask them."""
    in_buckets = [flow_log for flow_log in flow_logs if flow_log.bucket is not None]
    if section.trail is None and not in_buckets:
        return
    _workgroup(place, section)
    tables = place.shelf(Catalog).tables
    if section.trail is not None:
        template = "AWSLogs/${account}/CloudTrail/${region}/${timestamp}/"
        tables[section.database, "cloudtrail"] = Table(TRAIL_COLUMNS, section.trail, template, "trail")
        _put(place, section.trail, _trail_files(place, events))
    for flow_log in in_buckets:
        columns = {name.replace("-", "_"): "BIGINT" if name in _NUMBERS else "VARCHAR" for name in flow_log.fields}
        template = "AWSLogs/${aws_account_id}/vpcflowlogs/${aws_region}/${day}/"
        holds: Any = flow_log.files
        tables[section.database, "flow_logs"] = Table(columns, str(flow_log.bucket), template, holds)
        _put(place, str(flow_log.bucket), _flow_files(place.at(flow_log.region), flow_log, columns))


def _workgroup(place: Place, section: AthenaSection) -> None:
    limit = {} if section.byte_limit is None else {"BytesScannedCutoffPerQuery": section.byte_limit}
    if section.workgroup not in place.backend("athena").work_groups:
        place.client("athena").create_work_group(
            Name=section.workgroup,
            Configuration={"EnforceWorkGroupConfiguration": True, **limit},
        )


def _put(place: Place, bucket: str, files: Iterable[tuple[str, bytes]]) -> None:
    s3 = place.client("s3")
    if bucket not in place.bucket_names():
        elsewhere = {"LocationConstraint": place.region}
        s3.create_bucket(
            Bucket=bucket, **({} if place.region == "us-east-1" else {"CreateBucketConfiguration": elsewhere})
        )
    for key, body in files:
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def _trail_files(place: Place, events: cloudtrail.CloudTrailSection) -> Iterable[tuple[str, bytes]]:
    """As CloudTrail delivers them: one file for each Region and five minutes."""
    files: dict[tuple[str, datetime], list[Any]] = {}
    for record in cloudtrail.records(place, events):
        at = _slot(resolve(str(record["eventTime"]), place.now).timestamp())
        files.setdefault((str(record["awsRegion"]), at), []).append(record)
    for (region, at), kept in files.items():
        body = json.dumps({"Records": kept}).encode()
        name = f"{place.account}_CloudTrail_{region}_{at:%Y%m%dT%H%MZ}_{_unique(body)}.json.gz"
        yield f"AWSLogs/{place.account}/CloudTrail/{region}/{at:%Y/%m/%d}/{name}", gzip.compress(body, mtime=0)


def _flow_files(place: Place, flow_log: FlowLog, columns: dict[str, str]) -> Iterable[tuple[str, bytes]]:
    """As VPC delivers them: one file for each five minutes, the fields' names first."""
    files: dict[datetime, list[str]] = {}
    for milliseconds, line in lines(place, flow_log):
        files.setdefault(_slot(milliseconds / 1000), []).append(line)
    for at, kept in files.items():
        text = "\n".join([" ".join(flow_log.fields), *kept, ""]).encode()
        ending = "log.gz" if flow_log.files == "text" else "log.parquet"
        body = gzip.compress(text, mtime=0) if flow_log.files == "text" else _parquet(kept, columns)
        name = (
            f"{place.account}_vpcflowlogs_{place.region}_{flow_log.identity}_{at:%Y%m%dT%H%MZ}_{_unique(text)}.{ending}"
        )
        yield f"AWSLogs/{place.account}/vpcflowlogs/{place.region}/{at:%Y/%m/%d}/{name}", body


def _parquet(kept: list[str], columns: dict[str, str]) -> bytes:
    import duckdb

    defined = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    with duckdb.connect(":memory:", config={"threads": 1}) as made, tempfile.TemporaryDirectory() as folder:
        made.execute(f"CREATE TABLE flows ({defined})")
        rows = [[None if cell == "-" else cell for cell in line.split(" ")] for line in kept]
        made.executemany(f"INSERT INTO flows VALUES ({', '.join('?' for _ in columns)})", rows)  # noqa: S608 - our own columns
        path = Path(folder, "flows.parquet")
        made.execute(f"COPY flows TO '{path}' (FORMAT parquet, COMPRESSION gzip)")
        return path.read_bytes()


def _slot(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds // _SLOT * _SLOT, UTC)


def _unique(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
