"""From role to role: the sessions that a key made, the sessions that those made, and what all of them did."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from agent.activity import SENSITIVE, Activity
from agent.target import GLOBAL, Target, TargetKind
from tools.gathering import Gathering

KEY_FACTS = (
    "key.assumed_roles", "key.sessions_made", "key.session_calls", "key.session_sensitive_calls",
    "key.sessions_only_trusted", "key.sessions_followed",
)  # fmt: skip
SUSPECT = "role.session_suspect_calls"
ROLE_FACTS = ("role.session_calls", SUSPECT)

SESSIONS = 5
"""How many sessions are followed: each is a look-up in every Region, of two a second that the account shares."""
DEPTH = 3
"""How many sessions deep: AWS lets roles be chained without end, an hour at a time."""
NOT_FOLLOWED = "not_all_followed"
"""Sessions were left aside: what they did is not known, and is no zero."""
ELSEWHERE = "another_account"
"""The role is another account's: what its session did is in that account's event history, which is not asked."""


@dataclass
class Followed:
    """What was seen of a key's sessions."""

    roles: dict[str, int] = field(default_factory=dict)
    """ARN of each role that was taken on, with the calls that were seen in it."""
    calls: list[Activity] = field(default_factory=list)
    made: list[Activity] = field(default_factory=list)
    """The calls that made sessions, also of those that were not followed."""
    elsewhere: list[Activity] = field(default_factory=list)
    """Those of them whose sessions are another account's, or of an account that nobody can tell."""
    followed: int = 0
    left: set[str] = field(default_factory=set)
    """ARNs of roles that have sessions which were not followed."""
    gap: str = ""

    @property
    def all_followed(self) -> bool:
        """Whether no session was left aside."""
        return self.followed == len(self.made) and not self.elsewhere


def follow(
    of_key: list[Activity],
    look: Callable[[str], tuple[list[Activity], str]],
    first: Callable[[Activity], Any],
    late: Callable[[], bool],
    account: str,
) -> Followed:
    """Look up each session by its key, those that come `first` before others, and of those one of each role before a second.

    `look` gives events of the `account` and a gap.
    """
    found = Followed()
    level = of_key
    for _ in range(DEPTH):
        made = _in_turn((event for event in level if event.makes_session), first)
        found.made += made
        level = []
        for event in made:
            there = event.session_account(account)
            if there != account:
                found.elsewhere.append(event)
            if there not in {account, ""} or not event.session_key:
                found.left.add(event.assumed_role)
                continue
            if found.followed == SESSIONS:
                found.left.add(event.assumed_role)
                continue
            if late():
                found.gap = found.gap or "deadline"
                found.left.add(event.assumed_role)
                continue
            found.followed += 1
            calls, gap = look(event.session_key)
            found.gap = found.gap or gap
            level += calls
            if event.assumed_role:
                found.roles[event.assumed_role] = found.roles.get(event.assumed_role, 0) + len(calls)
        found.calls += level
    deeper = [event for event in level if event.makes_session]
    found.made += deeper
    found.left |= {event.assumed_role for event in deeper}
    for event in found.made:
        if event.assumed_role:
            found.roles.setdefault(event.assumed_role, 0)
    return found


def _in_turn(made: Iterable[Activity], first: Callable[[Activity], Any]) -> list[Activity]:
    """No number of sessions in one role may hide the only one in another."""
    turns: Counter[str] = Counter()
    ranked: list[tuple[Any, int, Activity]] = []
    for event in sorted(made, key=first):
        ranked.append((first(event), turns[event.assumed_role], event))
        turns[event.assumed_role] += 1
    return [event for _, _, event in sorted(ranked, key=lambda each: each[:2])]


def tell(
    gathering: Gathering,
    key: Target,
    found: Followed,
    gap: str,
    young: Callable[[], str],
    fresh: str,
    trusted: Callable[[Activity], bool],
) -> None:
    """What the sessions did, with the roles of the key's own account as related targets. `gap`: why some may be missing.

    `young` says why calls of the sessions may still be on their way, if they may, and `fresh` why the making of one may.
    A count that is not zero is at least that.
    """
    gap = gap or found.gap
    sensitive = sum(event.name in SENSITIVE for event in found.calls)
    late = young() if found.made else ""
    left = not found.all_followed
    _count(gathering, "key.assumed_roles", key, len(found.roles), gap, left=left)
    _count(gathering, "key.sessions_made", key, len(found.made), gap, fresh, left=False)
    _count(gathering, "key.session_calls", key, len(found.calls), gap, late, left=left)
    _count(gathering, "key.session_sensitive_calls", key, sensitive, gap, late, left=left)
    _tell_addresses(gathering, key, found, gap, late, trusted)
    misused = suspect(found, trusted)
    for arn, calls in list(found.roles.items())[:SESSIONS]:
        role = _role(arn)
        if role is None:
            continue
        if role.account != key.account:
            for name in ROLE_FACTS:
                gathering.absent(name, role, ELSEWHERE)
        else:
            gathering.target(role)
            _count(gathering, "role.session_calls", role, calls, gap, left=arn in found.left)
            _count(gathering, SUSPECT, role, misused[arn], gap, left=not found.all_followed)


def suspect(found: Followed, trusted: Callable[[Activity], bool]) -> Counter[str]:
    """By ARN of the role: the calls in its sessions that came from elsewhere, or that attackers make.

    Under the empty one: calls in sessions that are of no role."""
    role_of = {event.session_key: event.assumed_role for event in found.made}
    return Counter(role_of.get(call.key, "") for call in found.calls if call.name in SENSITIVE or not trusted(call))


def _count(gathering: Gathering, name: str, about: Target, seen: int, gap: str, late: str = "", *, left: bool) -> None:
    """What was seen was there; that there was nothing holds only where all was looked for."""
    if seen or not (gap or late or left):
        gathering.known(name, about, seen)
    elif gap:
        gathering.failed(name, about, gap)
    elif late:
        gathering.not_yet(name, about, late)
    else:
        gathering.absent(name, about, NOT_FOLLOWED)


def _tell_addresses(
    gathering: Gathering, key: Target, found: Followed, gap: str, late: str, trusted: Callable[[Activity], bool]
) -> None:
    """Whether all was followed, and from our own networks alone: known where one call was not, or where all was seen."""
    name, whole = "key.sessions_only_trusted", "key.sessions_followed"
    if late and not gap and found.all_followed:
        gathering.not_yet(whole, key, late)
    else:
        gathering.settle(whole, key, False if not found.all_followed else None if gap else True, gap)
    if any(not trusted(event) for event in found.calls):
        gathering.known(name, key, False)
    elif gap:
        gathering.failed(name, key, gap)
    elif late:
        gathering.not_yet(name, key, late)
    elif not found.calls or not found.all_followed:
        gathering.absent(name, key, NOT_FOLLOWED if found.made else "no_sessions")
    else:
        gathering.known(name, key, True)


def own_role(arn: str, key: Target) -> Target | None:
    """The role, if it is one of the key's own account that somebody may act on."""
    role = _role(arn)
    return role if role is not None and role.account == key.account else None


def _role(arn: str) -> Target | None:
    """The role, if it is one that somebody may act on."""
    _, partition, _, _, account, path = arn.split(":", 5)
    if path.startswith(("role/aws-service-role/", "role/aws-reserved/")):
        return None
    try:
        return Target(
            kind=TargetKind.ROLE, id=path.rsplit("/", 1)[-1], account=account, region=GLOBAL, partition=partition
        )
    except ValidationError:
        return None
