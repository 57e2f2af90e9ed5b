"""LookupEvents: the events of one subject in every Region asked, at the pace and within the deadline that there is."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from agent.activity import Activity, activity
from agent.casefile import Looked
from tools.aws import Aws, AwsCall, AwsError, Incomplete, Phase, Tally
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
AT_ONCE = 6
"""Regions that are asked at the same time: each is a connection more."""
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
class _Part:
    """What one Region told: put to the whole once every Region has answered, in the order in which they were asked."""

    seen: Seen
    gathering: Gathering
    tally: Tally
    looked: list[Looked]


@dataclass(frozen=True)
class History:
    """The event history as one source asks it."""

    gathering: Gathering
    aws: Aws
    question: Question
    byte_cap: int

    def look_up(self, where: Iterable[str], attributes: Sequence[tuple[str, str]]) -> Seen:
        """LookupEvents takes one attribute and answers for one Region, so each pair is a look-up of its own.

        Each Region has a rate of its own, so they are asked beside each other; the first is asked though it be late.
        Each may read the same share of what the cap leaves, whichever answers first. What one of them raises is raised
        once what all have read is counted and told.
        """
        regions = list(where)
        share = max(self.byte_cap - self.gathering.bytes_read, 0) // max(1, len(regions))
        parts = [_Part(Seen(), self.gathering.beside(), Tally(), []) for _ in regions]

        def read(number: int) -> None:
            self._read(parts[number], regions[number], attributes, share, late=number > 0 and self.aws.timeout_at())

        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(regions)))) as pool:
            reads = [pool.submit(read, number) for number in range(len(regions))]
        whole = Seen()
        for part in parts:
            self._add(whole, part)
        for each in reads:
            each.result()
        return whole

    def _read(self, part: _Part, region: str, attributes: Sequence[tuple[str, str]], share: int, *, late: bool) -> None:
        seen = part.seen
        if late:
            seen.gap, seen.unread = "deadline", [region]
            return
        looked = None if self.aws.looked is None else part.looked.append
        aws = replace(self.aws, region=region, tally=part.tally, looked=looked)
        for attribute in attributes:
            try:
                for raw in self._events(aws, part.gathering, attribute, share):
                    seen.keep(activity(raw))
            except AwsError as error:
                seen.gap, seen.unread = seen.gap or error.code, [region]

    def _add(self, whole: Seen, part: _Part) -> None:
        for event in part.seen.events.values():
            whole.keep(event)
        whole.gap = whole.gap or part.seen.gap
        whole.unread += part.seen.unread
        self.gathering.add(part.gathering)
        self.aws.tally.add(part.tally)
        if self.aws.looked is not None:
            for one in part.looked:
                self.aws.looked(one)

    def _events(self, aws: Aws, gathering: Gathering, attribute: tuple[str, str], share: int) -> Iterator[Any]:
        """The window's events. LookupEvents tells the newest first: what it was asked for beyond the window is for planning."""
        name, value = attribute
        window = Window.of(self.question)
        lately = window.end - timedelta(days=DAYS)
        pages = gathering.pages(
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
                gathering.bytes_read += len(raw)
                yield raw
            if page.get("NextToken"):
                if gathering.bytes_read > share:
                    raise Incomplete(LOOKUP.name, "byte_cap")
                _pace(aws)


def _pace(aws: Aws) -> None:
    if aws.clients.paced:
        LOOKUP_EVENTS.wait(f"{aws.account}/{aws.region}")
