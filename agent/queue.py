"""The two queues: what somebody does to us now, and what stands wrong and can wait for a while."""

from enum import StrEnum

from agent.finding import Finding, Origin
from agent.report import FindingSummary


class Queue(StrEnum):
    """Where a finding stands in line."""

    THREAT = "threat"
    POSTURE = "posture"


_CHECKERS = {Origin.ACCESS_ANALYZER, Origin.CONFIG, Origin.INSPECTOR, Origin.SECURITY_HUB}
"""Services that check how things are configured, and see nobody do anything."""


def queue_of(finding: Finding | FindingSummary) -> Queue:
    """Posture is what a service finds by checking: its controls and rules, a policy of Macie's. All else is a threat."""
    checked = finding.origin in _CHECKERS or (finding.origin == Origin.MACIE and finding.type.startswith("Policy:"))
    return Queue.POSTURE if checked else Queue.THREAT
