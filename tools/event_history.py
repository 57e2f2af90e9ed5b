"""LookupEvents: the events of one subject in every Region asked, at the pace and within the deadline that there is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.activity import Activity, activity
from tools.aws import Aws, AwsCall, AwsError, Incomplete, Phase
from tools.gathering import Gathering
from tools.newest import DAYS, newest
from tools.pace import LOOKUP_EVENTS
from tools.source import Question
from tools.window import Window

LOOKUP = AwsCall(
    "cloudtrail", "LookupEvents", permission="cloudtrail:LookupEvents", resource="*", phases=frozenset({Phase.READ})
)
PAGES = 20
"""A thousand events a look-up: ten seconds of the budget that everybody in the account shares."""
LAG = "cloudtrail_lag"
"""Events take up to 15 minutes: finding none of what happened since then is not a zero yet."""


@dataclass
class Seen:
    """The events of one subject, and why some may be missing."""

    events: dict[str, Activity] = field(default_factory=dict)
    gap: str = ""
    unread: list[str] = field(default_factory=list)
    """Regions of which not all was read."""

    def keep(self, event: Activity | None) -> None:
        """Each event once. One that is not readable may have been any."""
        if event is None:
            self.gap = self.gap or "unreadable_event"
        else:
            self.events[event.id or f"{event.at} {event.name} {len(self.events)}"] = event


@dataclass(frozen=True)
class History:
    """The event history as one source asks it."""

    gathering: Gathering
    aws: Aws
    question: Question
    byte_cap: int

    def look_up(self, where: Iterable[str], attributes: Sequence[tuple[str, str]]) -> Seen:
        """LookupEvents takes one attribute and answers for one Region, so each pair is a look-up of its own."""
        seen = Seen()
        for number, region in enumerate(where):
            if number and self.aws.timeout_at():
                seen.gap = seen.gap or "deadline"
                seen.unread.append(region)
                continue
            for attribute in attributes:
                try:
                    for raw in self._events(self.aws.at(region), attribute):
                        seen.keep(activity(raw))
                except AwsError as error:
                    seen.gap = seen.gap or error.code
                    seen.unread += [] if region in seen.unread else [region]
        return seen

    def _events(self, aws: Aws, attribute: tuple[str, str]) -> Iterator[Any]:
        """The window's events. LookupEvents tells the newest first: what it was asked for beyond the window is for planning."""
        name, value = attribute
        window = Window.of(self.question)
        lately = window.end - timedelta(days=DAYS)
        pages = self.gathering.pages(
            aws,
            LOOKUP,
            limit=PAGES,
            LookupAttributes=[{"AttributeKey": name, "AttributeValue": value}],
            StartTime=min(window.start, lately),
            EndTime=window.end,
            MaxResults=50,
        )
        _pace(aws)
        for number, page in enumerate(pages):
            if not number:
                newest(aws).keep(aws, name, value, page)
            for event in page.get("Events", []):
                if "EventTime" in event and event["EventTime"] < window.start:
                    return
                raw = event.get("CloudTrailEvent", "")
                self.gathering.bytes_read += len(raw)
                yield raw
            if self.gathering.bytes_read > self.byte_cap:
                raise Incomplete(LOOKUP.name, "byte_cap")
            if page.get("NextToken"):
                _pace(aws)


def _pace(aws: Aws) -> None:
    if aws.clients.paced:
        LOOKUP_EVENTS.wait(f"{aws.account}/{aws.region}")
