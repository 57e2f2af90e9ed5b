"""Who took a role on, and which of these sessions a revoke would cut."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.activity import Activity
from agent.finding import Finding
from agent.plan import Effect
from agent.record import iso
from agent.target import Target, TargetKind
from tools import recent_use
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, about, home
from tools.newest import DAYS

FACTS = (
    "role.live_sessions", "role.other_live_sessions", "role.other_callers", "role.services", "role.instances",
    "role.functions",
)  # fmt: skip
REGIONS = AwsCall("ec2", "DescribeRegions", "ec2:DescribeRegions", "*", frozenset({Phase.PLAN}))
MEASURING = frozenset({REGIONS, recent_use.LOOKUP})
LONGEST = timedelta(hours=12)
"""A role's own limit says nothing of the sessions that services make; none lasts longer than this."""
_LISTED = 12
_SESSION = re.compile(r"AROA[A-Z0-9]{12,28}:([\w+=,.@-]{2,64})", re.ASCII)


@dataclass(frozen=True)
class Role:
    """A role as IAM describes it."""

    target: Target
    arn: str
    lasts: timedelta
    """The longest session that somebody may ask for."""


@dataclass(frozen=True)
class Measured:
    """Whom a revoke would cut, and how many sessions it would not."""

    effects: list[Effect]
    newer: int
    """Sessions that were seen to be made at or after the moment."""


def session_name(identity: str) -> str:
    """The name that a session's holder chose, if it is one that AWS takes."""
    named = _SESSION.fullmatch(identity)
    return named.group(1) if named else ""


def named_sessions(finding: Finding) -> list[Target]:
    """The sessions that the finding is about and that can be asked for by name."""
    return [one for one in about(finding, TargetKind.ROLE_SESSION) if session_name(one.id)]


def own_names(finding: Finding) -> list[str]:
    """The names of the sessions that the finding is about: EC2 names an instance's after the instance."""
    machines = [one.id for one in about(finding, TargetKind.INSTANCE)]
    return list(dict.fromkeys([*(session_name(one.id) for one in named_sessions(finding)), *machines]))


def in_role(events: Iterable[Activity], role: str | None, name: str) -> list[Activity]:
    """What a session of that name did in this role: others may give sessions of other roles the same name."""
    return [
        event
        for event in events
        if event.actor_type == "AssumedRole" and event.actor == role and event.principal.partition(":")[2] == name
    ]


def measured(aws: Aws, role: Role, moment: datetime) -> Measured:
    """Who took the role on in the last days: one page of each Region that the account has enabled, newest first.

    What cannot be read is said, and stops nothing. CloudTrail may not have the last quarter of an hour yet.
    """
    regions, gaps = _enabled(aws)
    taken: list[Activity] = []
    more = False
    for region in regions:
        try:
            seen, left = recent_use.lately(aws, "ResourceName", role.arn, [region])
        except AwsError as error:
            gaps.append(f"Sessions that were made in {region} could not be counted ({error.code}).")
            continue
        taken += [event for event in seen if event.assumed_role == role.arn and event.session_key]
        more = more or left
    older = [event for event in taken if event.at < iso(moment)]
    effects = _effects(older, role, aws.now(), ", at least" if more or gaps else "")
    return Measured([*effects, *(Effect(what=gap) for gap in gaps)], len(taken) - len(older))


def _enabled(aws: Aws) -> tuple[list[str], list[str]]:
    """The Regions, the partition's home first, and in words why there may be more."""
    near = home(aws.partition)
    try:
        answer: Any = aws.at(near).need(REGIONS)
    except AwsError as error:
        return [near], [
            f"In which Regions the account works could not be read ({error.code}): counted in {near} alone."
        ]
    return list(dict.fromkeys([near, *sorted(str(one["RegionName"]) for one in answer["Regions"])])), []


def _effects(taken: list[Activity], role: Role, now: datetime, least: str) -> list[Effect]:
    live = [event for event in taken if _alive(event, role, now)]
    counted = {
        "Sessions of the role that may still go on": len(live),
        "Callers that made these sessions": len({event.caller for event in live}),
        f"AWS services that took the role on in the last {DAYS} days": len(_services(taken)),
        "Instances among them": len(_names(taken, "ec2.amazonaws.com")),
        "Functions among them": len(_names(taken, "lambda.amazonaws.com")),
    }
    return [Effect(what=f"{what}{least}.", count=count) for what, count in counted.items()]


def tell(
    gathering: Gathering, role: Role, taken: list[Activity], gap: str, mine: Callable[[Activity], bool], now: datetime
) -> None:
    """The sessions that may still be alive, counted; what was not read, there may be more of.

    `mine` says of a call whether it made a session that the finding itself is about.
    """
    live = [event for event in taken if _alive(event, role, now)]
    others = [event for event in live if not mine(event)]
    for name, count in {
        "role.live_sessions": len(live),
        "role.other_live_sessions": len(others),
        "role.other_callers": len({event.caller for event in others}),
        "role.services": len(_services(taken)),
        "role.instances": len(_names(taken, "ec2.amazonaws.com")),
        "role.functions": len(_names(taken, "lambda.amazonaws.com")),
    }.items():
        gathering.settle(name, role.target, None if gap and not count else count, gap)
    if others:
        newest = sorted(others, key=lambda event: (event.at, event.id), reverse=True)[:_LISTED]
        lines = [f"{event.at} {event.caller} as {event.session_name} from {event.address}"[:320] for event in newest]
        gathering.excerpt("other sessions of the role", "\n".join(lines))


def _alive(event: Activity, role: Role, now: datetime) -> bool:
    lasts = LONGEST if event.actor_type == "AWSService" else role.lasts
    return event.at >= iso(now - lasts)


def _services(taken: Iterable[Activity]) -> set[str]:
    return {event.service for event in taken if event.actor_type == "AWSService"}


def _names(taken: Iterable[Activity], service: str) -> set[str]:
    """EC2 and Lambda name a session after the instance and the function, and nobody else can call as they do."""
    return {event.session_name for event in taken if event.actor_type == "AWSService" and event.service == service}
