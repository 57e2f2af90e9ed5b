"""How far back a source looks for what belongs to a finding."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tools.source import Question

BEFORE = timedelta(hours=24)
"""Before the finding was first seen: what led to it."""
LONGEST = timedelta(days=90)
"""As long as CloudTrail's event history keeps anything."""


@dataclass(frozen=True)
class Window:
    """From a day before the finding until now."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, question: Question) -> "Window":
        """The finding's window. A finding with no time of its own, or one from the future, gets the last day."""
        seen = question.finding.first_seen or question.finding.last_seen or question.now
        start = max(min(seen, question.now) - BEFORE, question.now - LONGEST)
        return cls(start=start, end=question.now)


TRAIL_LAG = timedelta(minutes=15)
"""How long CloudTrail may take: finding nothing of what happened since then is not a zero yet."""


def settled(question: Question) -> bool:
    """Whether what the finding saw is so long ago that CloudTrail has it by now."""
    last = question.finding.last_seen
    return last is not None and last <= question.now - TRAIL_LAG
