"""How much somebody called AWS lately: whom a containment would cut, measured before anybody is asked about it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from agent.activity import Activity, activity
from agent.plan import Effect
from agent.record import iso
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import home
from tools.newest import DAYS, Page, newest
from tools.pace import LOOKUP_EVENTS

LOOKUP = AwsCall("cloudtrail", "LookupEvents", "cloudtrail:LookupEvents", "*", frozenset({Phase.PLAN}))
_PAGE = 50
_LASTING = {
    "AssumeRole": timedelta(hours=12),
    "GetSessionToken": timedelta(hours=36),
    "GetFederationToken": timedelta(hours=36),
}
"""The longest session that each gives."""


def measured(aws: Aws, attribute: str, value: str, whose: str, regions: Iterable[str] = ()) -> list[Effect]:
    """Calls, callers and sessions of the last days, in the partition's home and these Regions; one page of each, newest first.

    `attribute` is LookupEvents' own: AccessKeyId or Username. What cannot be read is said, and stops nothing.
    """
    where = list(dict.fromkeys([home(aws.partition), *regions]))
    try:
        events, more = lately(aws, attribute, value, where)
    except AwsError as error:
        return [Effect(what=f"Calls {whose} in the last {DAYS} days could not be measured ({error.code}).")]
    when = f"in the last {DAYS} days, in {' and '.join(where)}" + (", at least." if more else ".")
    return [
        Effect(what=f"Calls {whose} {when}", count=len(events)),
        Effect(what="Addresses that these calls came from.", count=len({event.address for event in events})),
        Effect(
            what="Sessions that these calls opened and that may still go on.",
            count=sum(_may_go_on(event, aws.now()) for event in events),
        ),
    ]


def lately(aws: Aws, attribute: str, value: str, where: Iterable[str]) -> tuple[list[Activity], bool]:
    """The calls of the last days on the newest page of each Region, and whether there are more. Raises AwsError."""
    since = aws.now() - timedelta(days=DAYS)
    found: list[Any] = []
    more = False
    for region in where:
        page = _newest(aws.at(region), attribute, value)
        listed = page.get("Events", [])
        recent = [raw for raw in listed if raw.get("EventTime", since) >= since]
        found += recent
        more = more or (bool(page.get("NextToken")) and len(recent) == len(listed))
    return [event for raw in found if (event := activity(raw.get("CloudTrailEvent"))) is not None], more


def regions_of(uses: Iterable[dict[str, Any]]) -> list[str]:
    """The Regions in which keys were last used, from `AccessKeyLastUsed`; `N/A` is none."""
    named = (str(used.get("Region", "")) for used in uses)
    return [region for region in named if region not in ("", "N/A", "aws-global")]


def _may_go_on(event: Activity, now: datetime) -> bool:
    lasting = _LASTING.get(event.name)
    return lasting is not None and not event.error and event.at >= iso(now - lasting)


def _newest(aws: Aws, attribute: str, value: str) -> Page:
    """The newest page: the one that a source has just read, if there is one."""
    kept = newest(aws).page(aws, attribute, value)
    if kept is not None:
        return kept
    if aws.clients.paced:
        LOOKUP_EVENTS.wait(f"{aws.account}/{aws.region}")
    now = aws.now()
    answer = aws.need(
        LOOKUP,
        LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}],
        StartTime=now - timedelta(days=DAYS),
        EndTime=now,
        MaxResults=_PAGE,
    )
    return cast(Page, answer)
