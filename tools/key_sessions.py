"""From role to role: the sessions that a key made, the sessions that those made, and what all of them did."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from agent.activity import SENSITIVE, Activity
from agent.target import GLOBAL, Target, TargetKind
from tools.gathering import Gathering

UNFOLLOWED = "key.sessions_unfollowed"
KEY_FACTS = (
    "key.assumed_roles", "key.session_calls", "key.session_sensitive_calls", "key.sessions_only_trusted", UNFOLLOWED,
)  # fmt: skip
SUSPECT = "role.session_suspect_calls"
ROLE_FACTS = ("role.session_calls", SUSPECT)

SESSIONS = 5
"""How many sessions are followed: each is a look-up in every Region, of two a second that the account shares."""
DEPTH = 3
"""How many sessions deep: AWS lets roles be chained without end, an hour at a time."""


@dataclass
class Followed:
    """What was seen of a key's sessions."""

    roles: dict[str, int] = field(default_factory=dict)
    """ARN of each role that was taken on, with the calls that were seen in it."""
    calls: list[Activity] = field(default_factory=list)
    made: list[Activity] = field(default_factory=list)
    """The calls that made sessions, also of those that were not followed."""
    followed: int = 0
    gap: str = ""

    @property
    def all_followed(self) -> bool:
        """Whether no session was left aside."""
        return self.followed == len(self.made)


def follow(
    of_key: list[Activity],
    look: Callable[[str], tuple[list[Activity], str]],
    first: Callable[[Activity], Any],
    late: Callable[[], bool],
) -> Followed:
    """Look up each session by its key, those that come `first` before others. `look` gives events and a gap."""
    found = Followed()
    level = of_key
    for _ in range(DEPTH):
        made = sorted((event for event in level if event.session_key), key=first)
        found.made += made
        level = []
        for event in made:
            if found.followed == SESSIONS or late():
                break
            found.followed += 1
            calls, gap = look(event.session_key)
            found.gap = found.gap or gap
            level += calls
            if event.assumed_role:
                found.roles[event.assumed_role] = found.roles.get(event.assumed_role, 0) + len(calls)
        found.calls += level
    for event in found.made:
        if event.assumed_role:
            found.roles.setdefault(event.assumed_role, 0)
    return found


def tell(
    gathering: Gathering,
    key: Target,
    found: Followed,
    gap: str,
    young: Callable[[], str],
    trusted: Callable[[str], bool],
) -> None:
    """What the sessions did, with the roles of the key's own account as related targets. `gap`: why some may be missing.

    `young` says why calls of the sessions may still be on their way, if they may.
    """
    gap = gap or found.gap
    sensitive = sum(event.name in SENSITIVE for event in found.calls)
    gathering.settle("key.assumed_roles", key, None if gap else len(found.roles), gap)
    gathering.settle(UNFOLLOWED, key, None if gap else len(found.made) - found.followed, gap)
    for name, count in (("key.session_calls", len(found.calls)), ("key.session_sensitive_calls", sensitive)):
        late = young() if not count and found.made else ""
        if late and not gap:
            gathering.not_yet(name, key, late)
        else:
            gathering.settle(name, key, None if gap and not count else count, gap)
    _tell_addresses(gathering, key, found, gap, trusted)
    suspect = _suspect(found, trusted)
    for arn, calls in list(found.roles.items())[:SESSIONS]:
        role = _role(arn, key)
        if role is not None:
            gathering.target(role)
            gathering.known("role.session_calls", role, calls)
            _tell_suspect(gathering, role, suspect[arn], found, gap)


def _suspect(found: Followed, trusted: Callable[[str], bool]) -> Counter[str]:
    """By ARN of the role: the calls in its sessions that came from elsewhere, or that attackers make."""
    role_of = {event.session_key: event.assumed_role for event in found.made}
    return Counter(
        role_of.get(call.key, "") for call in found.calls if call.name in SENSITIVE or not trusted(call.address)
    )


def _tell_suspect(gathering: Gathering, role: Target, calls: int, found: Followed, gap: str) -> None:
    """At least so many; none only where every session was followed."""
    if calls or gap or found.all_followed:
        gathering.settle(SUSPECT, role, None if gap and not calls else calls, gap)
    else:
        gathering.absent(SUSPECT, role, "not_all_followed")


def _tell_addresses(
    gathering: Gathering, key: Target, found: Followed, gap: str, trusted: Callable[[str], bool]
) -> None:
    """Whether the sessions worked from our own networks alone: known where one did not, or where all was seen."""
    name = "key.sessions_only_trusted"
    if any(not trusted(event.address) for event in found.calls):
        gathering.known(name, key, False)
    elif gap:
        gathering.failed(name, key, gap)
    elif not found.calls or not found.all_followed:
        gathering.absent(name, key, "not_all_followed" if found.made else "no_sessions")
    else:
        gathering.known(name, key, True)


def _role(arn: str, key: Target) -> Target | None:
    """The role, if it is one of the key's own account that somebody may act on."""
    _, partition, _, _, account, path = arn.split(":", 5)
    if account != key.account or path.startswith(("role/aws-service-role/", "role/aws-reserved/")):
        return None
    try:
        return Target(
            kind=TargetKind.ROLE, id=path.rsplit("/", 1)[-1], account=account, region=GLOBAL, partition=partition
        )
    except ValidationError:
        return None
