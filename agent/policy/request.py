"""Facts as Cedar is asked about them."""

from agent.policy.source import cedar_action
from agent.record import JsonObject
from agent.verdict import Facts, Need

_ENTITY_OF = {
    "mode": "Mode",
    "disposition": "Disposition",
    "reversal": "Reversal",
    "environment": "Environment",
    "account_role": "AccountRole",
    "protected": "Known",
    "break_glass": "Known",
    "audit_store": "Known",
    "intended_public": "Known",
    "known_automation": "Known",
    "refused_before": "Known",
    "outside_readers": "Known",
    "shared_host": "Known",
    "address_own": "Known",
    "address_proxied": "Known",
}
APPROVAL_FACTS = frozenset({"approvers", "approver_roles"})
"""Facts that a hypothetical approval changes."""
NOT_IN_CONTEXT = frozenset({"action", "direction", "target_kind", "target_key", "approvers", "approver_roles"})
"""Facts that Cedar gets as the action, as the resource, or counted."""


def given(facts: Facts) -> Need:
    """The approvals that there are, as policy counts them: distinct people, and the roles they hold between them."""
    return Need(count=len(set(facts.approvers) - {""}), roles=sorted(set(facts.approver_roles)))


def request_of(facts: Facts, approvals: Need) -> JsonObject:
    """The Cedar request for these facts, with these approvals in place of the real ones."""
    return {
        "principal": {"type": "Stanch::Service", "id": "stanch"},
        "action": {"type": "Stanch::Action", "id": cedar_action(facts.action, facts.direction)},
        "resource": {"type": "Stanch::Target", "id": facts.target_key},
        "context": _context(facts, approvals),
    }


def entity_of(facts: Facts) -> JsonObject:
    """The target as a Cedar entity. Its key is data: quotes and Cedar source in it mean nothing."""
    return {
        "uid": {"type": "Stanch::Target", "id": facts.target_key},
        "attrs": {"kind": _entity("Kind", facts.target_kind)},
        "parents": [],
    }


def _context(facts: Facts, approvals: Need) -> JsonObject:
    context = facts.model_dump(mode="json", exclude=set(NOT_IN_CONTEXT))
    for name, kind in _ENTITY_OF.items():
        context[name] = _entity(kind, context[name])
    context["now"] = {"__extn": {"fn": "datetime", "arg": context["now"]}}
    return context | {"approver_count": approvals.count, "approver_roles": list(approvals.roles)}


def _entity(kind: str, value: str) -> JsonObject:
    return {"__entity": {"type": f"Stanch::{kind}", "id": value}}
