"""Tables of the sandbox's Athena: where their objects lie in S3, how they are partitioned, and what one object holds."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Cell = Any
"""A value as DuckDB takes it: text, number, or JSON's nesting."""

_ISSUER = "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, username VARCHAR)"
_SESSION = f"STRUCT(attributes STRUCT(mfaauthenticated VARCHAR, creationdate VARCHAR), sessionissuer {_ISSUER})"
_IDENTITY = (
    "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, invokedby VARCHAR, "
    f"accesskeyid VARCHAR, username VARCHAR, sessioncontext {_SESSION})"
)
TRAIL_COLUMNS = {
    "eventversion": "VARCHAR", "useridentity": _IDENTITY, "eventtime": "VARCHAR", "eventsource": "VARCHAR",
    "eventname": "VARCHAR", "awsregion": "VARCHAR", "sourceipaddress": "VARCHAR", "useragent": "VARCHAR",
    "errorcode": "VARCHAR", "errormessage": "VARCHAR", "requestparameters": "VARCHAR", "responseelements": "VARCHAR",
    "additionaleventdata": "VARCHAR", "requestid": "VARCHAR", "eventid": "VARCHAR", "readonly": "VARCHAR",
    "resources": "STRUCT(arn VARCHAR, accountid VARCHAR, type VARCHAR)[]", "eventtype": "VARCHAR",
    "apiversion": "VARCHAR", "recipientaccountid": "VARCHAR", "sharedeventid": "VARCHAR", "vpcendpointid": "VARCHAR",
    "vpcendpointaccountid": "VARCHAR", "eventcategory": "VARCHAR",
}  # fmt: skip
"""The columns that AWS's own statement for a table of CloudTrail makes, in DuckDB's words."""
_AS_TEXT = {"requestparameters", "responseelements", "additionaleventdata"}
_HIVE = {"VARCHAR": "string", "BIGINT": "bigint", "INTEGER": "int", "DATE": "date"}


@dataclass
class Table:
    """One table over objects in S3."""

    columns: dict[str, str]
    """Name to DuckDB's type, in order."""
    bucket: str
    template: str
    """Keys of its objects begin so: `AWSLogs/${account}/CloudTrail/${region}/${day}/`."""
    holds: Literal["trail", "text", "parquet"]

    @property
    def partitions(self) -> list[str]:
        """The names of the partition columns, all of them text."""
        return re.findall(r"\$\{([a-z_]+)\}", self.template)

    def place(self, key: str) -> dict[str, str] | None:
        """The partition that an object lies in; None if it belongs to no partition of this table."""
        found = re.match(_pattern(self.template), key)
        return found.groupdict() if found else None

    def metadata(self, name: str) -> dict[str, Any]:
        """As GetTableMetadata answers it."""
        columns = [{"Name": column, "Type": _hive(kind)} for column, kind in self.columns.items()]
        keys = [{"Name": column, "Type": "string"} for column in self.partitions]
        return {"Name": name, "TableType": "EXTERNAL_TABLE", "Columns": columns, "PartitionKeys": keys}


@dataclass
class Catalog:
    """The tables of an account in one Region, by database and name."""

    tables: dict[tuple[str, str], Table] = field(default_factory=dict)


def rows(table: Table, body: bytes) -> Iterator[dict[str, Cell]]:
    """The rows of one compressed object; Parquet is read by whoever can."""
    text = gzip.decompress(body).decode()
    if table.holds == "trail":
        for record in json.loads(text)["Records"]:
            yield {name: _cell(name, value) for name, value in _lowered(record).items() if name in table.columns}
    else:
        # the table says which column stands where, and that the first line is a heading
        for line in text.splitlines()[1:]:
            cells = line.split(" ")
            yield {name: _plain(cell, kind) for (name, kind), cell in zip(table.columns.items(), cells, strict=False)}


def _pattern(template: str) -> str:
    pieces = re.split(r"\$\{([a-z_]+)\}", template)
    return "".join(re.escape(piece) if n % 2 == 0 else _part(piece) for n, piece in enumerate(pieces))


def _part(name: str) -> str:
    """A day takes three folders, anything else one."""
    return rf"(?P<{name}>\d{{4}}/\d\d/\d\d)" if name in ("day", "timestamp") else f"(?P<{name}>[^/]+)"


def _lowered(record: dict[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in record.items()}


def _cell(name: str, value: Any) -> Cell:
    if value is None or name not in _AS_TEXT:
        return _nested(value)
    return json.dumps(value, separators=(",", ":"))


def _nested(value: Any) -> Any:
    """Hive's struct fields have lower-case names."""
    if isinstance(value, dict):
        return {name.lower(): _nested(inner) for name, inner in value.items()}
    return [_nested(inner) for inner in value] if isinstance(value, list) else value


def _plain(cell: str, kind: str) -> Cell:
    if kind in ("BIGINT", "INTEGER"):
        return int(cell) if re.fullmatch(r"-?\d+", cell) else None
    return cell


def _hive(kind: str) -> str:
    return _HIVE.get(kind) or kind.lower().replace("varchar", "string")
