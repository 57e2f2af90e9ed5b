"""What became of low and medium findings: which were closed as benign, and which of those left matter most."""

from datetime import datetime

from agent.closing import ACTION, SEVERE
from agent.plan import Disposition
from agent.receipt import Outcome
from agent.record import Moment, Record
from agent.report import FindingSummary, Report, Status
from tools.ledger import Ledger
from tools.registry import Registry

_SETTLED = {Status.CONTAINED, Status.SKIPPED, Status.REFUSED}
_WORST_FIRST = [Disposition.TRUE_POSITIVE, Disposition.UNCERTAIN, None, Disposition.BENIGN]
MEDIUM = 40
"""From this severity on a finding is medium."""


class Line(Record):
    """One finding."""

    run_id: str
    status: Status
    type: str
    severity: int
    account: str
    region: str
    environment: str
    disposition: Disposition | None
    targets: list[str]
    reason: str
    at: Moment
    """When its run ended."""


class Summary(Record):
    """The low and medium findings whose runs ended since then."""

    since: Moment
    closed: list[Line] = []
    left: list[Line] = []
    """The one that matters most first: medium before low, true before uncertain before benign, production first, the oldest first."""

    def closed_by_type(self) -> list[tuple[str, int]]:
        """How many were closed of each type, the most first."""
        types = [line.type for line in self.closed]
        return sorted(((name, types.count(name)) for name in set(types)), key=lambda pair: (-pair[1], pair[0]))


def summary(ledger: Ledger, registry: Registry, since: datetime) -> Summary:
    """Of each incident its latest run counts."""
    latest: dict[str, tuple[int, str]] = {}
    for row in ledger.runs():
        if row.updated_at >= since and not row.incident.startswith("undo:"):
            latest[row.incident] = max(latest.get(row.incident, (-1, "")), (row.generation, row.run_id))
    reports = [report for _, run_id in latest.values() if (report := ledger.report(run_id)) is not None]
    closed: list[Line] = []
    left: list[Line] = []
    for report in reports:
        if report.finding is None or report.finding.severity >= SEVERE or report.status in _SETTLED:
            continue
        (closed if is_closed(report) else left).append(_line(report, report.finding, registry))
    return Summary(since=since, closed=sorted(closed, key=lambda line: (line.at, line.run_id)), left=_ordered(left))


def is_closed(report: Report) -> bool:
    """Whether the run closed its finding, and nobody has opened it again as far as this is known."""
    closings = [a for a in report.actions if a.planned.change.action == ACTION and a.receipt is not None]
    return report.status is Status.NO_ACTION and any(
        a.receipt is not None and a.receipt.outcome is Outcome.DONE and a.undone is None for a in closings
    )


def _ordered(lines: list[Line]) -> list[Line]:
    return sorted(
        lines,
        key=lambda line: (
            line.severity < MEDIUM, _WORST_FIRST.index(line.disposition), line.environment != "prod",
            -line.severity, line.at, line.run_id,
        ),
    )  # fmt: skip


def _line(report: Report, finding: FindingSummary, registry: Registry) -> Line:
    entry = registry.accounts.get(finding.account)
    return Line(
        run_id=report.run_id,
        status=report.status,
        type=finding.type,
        severity=finding.severity,
        account=finding.account,
        region=finding.region,
        environment=entry.environment if entry else "unknown",
        disposition=report.disposition,
        targets=[target.id for target in finding.targets],
        reason=report.reason,
        at=report.ended_at,
    )
