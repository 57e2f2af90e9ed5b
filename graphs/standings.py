"""What the registry says of a target, as the facts need it."""

from collections.abc import Iterable

from agent.facts import Standings
from agent.target import Target, TargetKind
from agent.verdict import Known
from tools.registry import Registry


def standings_of(target: Target, registry: Registry, near: Iterable[Target] = ()) -> Standings:
    """The registry's word. What it does not list is not protected; an account it does not list is unknown.

    `near` are the targets beside this one: a user whose key is listed is listed, as denying the user stops the key, and so is
    whoever is listed under the name that the finding knows the same user by.
    """
    account = registry.accounts.get(target.account)
    near = list(near)
    felt = [target, *(key for key in near if _holds(target, key)), *_under_other_names(target, near)]
    return Standings(
        environment=account.environment if account else "unknown",
        account_role=account.role if account else "unknown",
        protected=_listed(registry, registry.protected, *felt),
        break_glass=_listed(registry, registry.break_glass, *felt),
        own_part=any(registry.names(registry.own_parts, each) for each in felt),
        known_automation=_listed(registry, registry.automation, *felt),
        audit_store=_listed(registry, registry.audit_buckets, target),
        intended_public=_listed(registry, registry.public_buckets, target),
        never_block=target.kind is TargetKind.ADDRESS and registry.never_blocks(target.id),
    )


def _listed(registry: Registry, entries: list[str], *targets: Target) -> Known:
    return Known.YES if any(registry.names(entries, target) for target in targets) else Known.NO


def _holds(user: Target, key: Target) -> bool:
    kinds = (user.kind, key.kind) == (TargetKind.USER, TargetKind.ACCESS_KEY)
    return kinds and (key.owner, key.account) == (user.id, user.account)


def _under_other_names(target: Target, near: list[Target]) -> list[Target]:
    """The user that this is, or that has this key, as others of the targets name it: a rename leaves the unique id as it is."""
    users = [each for each in [target, *near] if each.kind is TargetKind.USER and each.unique_id is not None]
    known = {each.unique_id for each in users if each == target or _holds(each, target)}
    return [each for each in users if each.unique_id in known and each != target]
