"""The runs of a ledger as a list: how each ended or stands, why, about what; one whose process is gone is said so."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from agent.record import Moment, Record
from agent.report import Status
from graphs.abandoned import finding_of_event
from graphs.answering import too_late
from tools.ledger import Ledger, RunRow

OPEN = ("working", "dead", "handed_over")
"""How a run stands that has no status yet: worked by somebody alive, by nobody, or left for the function that writes."""
UNDO = "undo:"
"""How the incident of an undo's lease begins."""


class ListedRun(Record):
    """One run of the list."""

    run_id: str
    sandbox: bool
    status: Status | Literal["working", "dead", "handed_over"]
    reason: str
    mode: str
    opened_at: Moment
    updated_at: Moment
    """When it ended, asked or was amended last."""
    type: str = ""
    severity: int | None = None
    account: str = ""
    region: str = ""
    targets: list[str] = []


class RunList(Record):
    """The newest runs first, and how many more there are."""

    runs: list[ListedRun] = []
    more: int = 0


def run_list(
    ledger: Ledger, now: datetime, since: datetime | None, statuses: Collection[str], most: int | None, *, sandbox: bool
) -> RunList:
    """Runs that changed since then and stand so, if any status is named; reports are read of those that are listed alone."""
    idle = {row.run_id: row for row in ledger.idle(now)}
    found = [(row, _standing(row, idle)) for row in ledger.runs(since)]
    kept = [(row, how) for row, how in found if _counts(row, how) and (not statuses or str(how) in statuses)]
    shown = kept if most is None else kept[:most]
    return RunList(runs=[_listed(row, how, ledger, now, sandbox) for row, how in shown], more=len(kept) - len(shown))


def _standing(row: RunRow, idle: Collection[str]) -> Status | Literal["working", "dead", "handed_over"]:
    if row.status is not None:
        return row.status
    if row.run_id not in idle:
        return "working"
    return "handed_over" if row.handed_over else "dead"


def _counts(row: RunRow, how: str) -> bool:
    """The lease of an undo is no run of its own: what it did stands in its run's report. One that died is to be known."""
    return how == "dead" or not row.incident.startswith(UNDO)


def _listed(
    row: RunRow,
    how: Status | Literal["working", "dead", "handed_over"],
    ledger: Ledger,
    now: datetime,
    sandbox: bool,
) -> ListedRun:
    report = ledger.report(row.run_id) if row.status is not None else None
    late = too_late(ledger.request(row.run_id), now, sandbox) if row.status is Status.AWAITING_APPROVAL else ""
    finding = report.finding if report is not None else None
    finding = finding or finding_of_event(ledger, row.run_id)
    return ListedRun(
        run_id=row.run_id,
        sandbox=sandbox,
        status=how,
        reason=late or (report.reason if report is not None else _why(row, how)),
        mode=row.mode,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        type=finding.type if finding else "",
        severity=finding.severity if finding else None,
        account=finding.account if finding else "",
        region=finding.region if finding else "",
        targets=[target.id for target in finding.targets] if finding else [],
    )


def _why(row: RunRow, how: str) -> str:
    """What is to be said of a run that has no report."""
    if row.incident.startswith(UNDO):
        run = row.incident.removeprefix(UNDO)
        return f"an undo of {run} whose process is gone: ask for it again: stanch undo {run}"
    return {
        "working": "it is being worked",
        "dead": f"its process is gone before it ended: stanch explain {row.run_id}",
        "handed_over": "it waits for the function that makes writes",
    }[how]
