"""The log of a Lambda function: one line a report, with nothing in it that somebody else could shape."""

import logging
from collections.abc import Iterable

from agent.report import Report
from graphs.plain import plain

log = logging.getLogger("stanch")


def note(reports: Iterable[Report]) -> None:
    """One line for each report."""
    for report in reports:
        log.info("%s %s: %s", report.run_id, report.status, plain(report.reason, 300))
