"""Who took a role on, and which of these sessions a revoke would cut."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.activity import Activity
from agent.record import iso
from agent.target import Target
from tools.gathering import Gathering

FACTS = (
    "role.live_sessions", "role.other_live_sessions", "role.other_callers", "role.services", "role.instances",
    "role.functions",
)  # fmt: skip
LONGEST = timedelta(hours=12)
"""A role's own limit says nothing of the sessions that services make; none lasts longer than this."""
_LISTED = 12


@dataclass(frozen=True)
class Role:
    """A role as IAM describes it."""

    target: Target
    arn: str
    lasts: timedelta
    """The longest session that somebody may ask for."""


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
        "role.services": len({event.service for event in taken if event.actor_type == "AWSService"}),
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


def _names(taken: Iterable[Activity], service: str) -> set[str]:
    """EC2 and Lambda name a session after the instance and the function, and nobody else can call as they do."""
    return {event.session_name for event in taken if event.actor_type == "AWSService" and event.service == service}
