"""The log of a Lambda function: one line a report, whose fields nobody else can shape. Metric filters of the template read it."""

import logging
from collections.abc import Iterable

from agent.report import Report
from graphs.plain import plain

log = logging.getLogger("stanch")


def note(reports: Iterable[Report]) -> None:
    """One line for each report: a warning where somebody has to look."""
    for report in reports:
        log.log(logging.WARNING if report.needs_somebody else logging.INFO, "%s", line(report))


def line(report: Report) -> str:
    """Fields, and last the reason, in which nothing looks like a field."""
    fields = {
        "needs_somebody": "yes" if report.needs_somebody else "no", "run": report.run_id, "status": report.status,
        "mode": report.mode,
    }  # fmt: skip
    if report.finding is not None:
        fields |= {"account": report.finding.account, "region": report.finding.region}
        fields |= {"severity": str(report.finding.severity)}
    told = " ".join(f"{name}={plain(value, 60).replace(' ', '_')}" for name, value in fields.items())
    return f"ended {told} {plain(report.reason, 300).replace('=', ': ')}"
