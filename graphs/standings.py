"""What the registry says of a target, as the facts need it."""

from agent.facts import Standings
from agent.target import Target, TargetKind
from agent.verdict import Known
from tools.registry import Registry


def standings_of(target: Target, registry: Registry) -> Standings:
    """The registry's word. What it does not list is not protected; an account it does not list is unknown."""
    account = registry.accounts.get(target.account)
    return Standings(
        environment=account.environment if account else "unknown",
        account_role=account.role if account else "unknown",
        protected=_listed(registry, registry.protected, target),
        break_glass=_listed(registry, registry.break_glass, target),
        own_part=registry.names(registry.own_parts, target),
        known_automation=_listed(registry, registry.automation, target),
        audit_store=_listed(registry, registry.audit_buckets, target),
        intended_public=_listed(registry, registry.public_buckets, target),
        never_block=target.kind is TargetKind.ADDRESS and registry.never_blocks(target.id),
    )


def _listed(registry: Registry, entries: list[str], target: Target) -> Known:
    return Known.YES if registry.names(entries, target) else Known.NO
