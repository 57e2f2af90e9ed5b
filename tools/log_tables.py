"""Athena's tables over the logs that lie in S3, as the registry names them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from agent.record import Record
from agent.target import AccountId, Region

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,128}$")]
"""A database or a table."""
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,127}$")]
Workgroup = Annotated[str, Field(pattern=r"^stanch[A-Za-z0-9._-]{0,122}$")]
"""Its name begins with ours, because the roles may ask in no other: a query that is stopped is never somebody else's."""
_FORMATS = {"yyyy/MM/dd": "%Y/%m/%d", "yyyy-MM-dd": "%Y-%m-%d", "date": "%Y-%m-%d"}


class LogTable(Record):
    """One table, and which of its columns are partitions: a query without a day would read everything."""

    database: Name
    table: Name
    day: Column
    """The partition of the day."""
    day_format: Literal["yyyy/MM/dd", "yyyy-MM-dd", "date"] = "yyyy/MM/dd"
    """How it is written; `date` where its type is one."""
    account: Column | None = None
    """The partition of the account, if there is one."""
    region: Column | None = None
    """The partition of the Region, if there is one."""

    @property
    def quoted(self) -> str:
        """As SQL names it."""
        return f'"{self.database}"."{self.table}"'

    def written(self, day: date) -> str:
        """A day as SQL compares the partition with it."""
        text = f"'{day.strftime(_FORMATS[self.day_format])}'"
        return f"DATE {text}" if self.day_format == "date" else text


class LogTables(Record):
    """The `athena` key of the registry."""

    workgroup: Workgroup
    """Its limit on the bytes of one query is what keeps a query cheap: without one nothing is asked."""
    account: AccountId | None = None
    """Where the tables are, if not in the account of the finding."""
    region: Region | None = None
    """Where the tables are, if not in the Region of the finding."""
    trail: LogTable | None = None
    """CloudTrail's log files."""
    flow_logs: LogTable | None = None
    """VPC flow logs."""
