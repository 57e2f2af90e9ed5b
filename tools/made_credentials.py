"""Keys and passwords that a user made for other users: a way back in that containing the maker leaves open."""

from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from agent.activity import Activity
from agent.finding import Finding, Origin
from agent.target import GLOBAL, Target, TargetKind
from tools.gathering import Gathering, about
from tools.principal_calls import trusted
from tools.registry import Registry

USER_FACTS = ("user.made_for_others",)
MADE_FACTS = ("new_key.made_by", "new_access.made_by")

INTRUDER = "named_key"
"""With a key that the finding names, and not from our own networks."""
OWNER = "own_network"
"""With such a key, from our own networks."""
ANOTHER = "another"
"""By somebody else than the user whose it is."""

LIMIT = 5
"""How many of them become targets: each takes a slot or two, of sixteen that there are."""
_OF_KEYS = frozenset({"CloudTrail:CreateAccessKey", "CloudTrail:UpdateAccessKey"})
_OF_USERS = frozenset({"CloudTrail:CreateLoginProfile", "CloudTrail:UpdateLoginProfile", "CloudTrail:DetachUserPolicy"})


def tell(
    gathering: Gathering, user: Target, events: Iterable[Activity], gap: str, finding: Finding, registry: Registry
) -> None:
    """How many the user made, and each as a related target, those that an intruder made first.

    `events` are the user's own calls, `gap` why some may be missing.
    """
    keys = {key.id for key in about(finding, TargetKind.ACCESS_KEY)}
    made: dict[Target, str] = {}
    for event, target in _made(events, user):
        if made.get(target) != INTRUDER:
            made[target] = _who(event.key in keys, trusted(event, registry))
    gathering.settle("user.made_for_others", user, None if gap else len(made), gap)
    for target in sorted(made, key=lambda each: (made[each] != INTRUDER, each.key))[:LIMIT]:
        gathering.target(target)
        if target.owner is None:
            gathering.known("new_access.made_by", target, made[target])
        else:
            gathering.target(_user(target.owner, user))
            gathering.known("new_key.made_by", target, made[target])


def tell_named(gathering: Gathering, finding: Finding, registry: Registry) -> None:
    """The same of a key or user whose new credential is what the finding is about."""
    if finding.origin is not Origin.CLOUDTRAIL:
        return
    keys = about(finding, TargetKind.ACCESS_KEY)
    by_user = any(key.owner in finding.actors for key in keys)
    addresses = finding.remote_addresses
    who = _who(by_user, bool(addresses) and all(registry.trusts(each.id) for each in addresses))
    for key in keys if finding.type in _OF_KEYS else []:
        if key.owner is not None and key.owner not in finding.actors:
            gathering.known("new_key.made_by", key, who)
    for user in about(finding, TargetKind.USER) if finding.type in _OF_USERS else []:
        if user.id not in finding.actors:
            gathering.known("new_access.made_by", user, who)


def _who(with_named_key: bool, at_home: bool) -> str:
    if not with_named_key:
        return ANOTHER
    return OWNER if at_home else INTRUDER


def _made(events: Iterable[Activity], maker: Target) -> Iterator[tuple[Activity, Target]]:
    """Credentials of others in the maker's account. What has no well-formed name is none."""
    for event in events:
        if not event.made_for or event.made_for == maker.id:
            continue
        try:
            user = _user(event.made_for, maker)
            yield event, _key(event.made_key, user) if event.made_key else user
        except ValidationError:
            continue


def _user(name: str, maker: Target) -> Target:
    return Target(kind=TargetKind.USER, id=name, account=maker.account, region=GLOBAL, partition=maker.partition)


def _key(key_id: str, user: Target) -> Target:
    return Target.model_validate({**user.model_dump(), "kind": TargetKind.ACCESS_KEY, "id": key_id, "owner": user.id})
