"""A need that nobody can meet: those listed lack the role, or are too few, and the request would wait in silence."""

from agent.plural import plural
from agent.policy import Policies
from agent.policy.ladder import roles_of
from agent.verdict import Need
from graphs.people import people
from tools.registry import Registry


def nobody(needs: list[Need], barred: set[str], registry: Registry) -> str:
    """Why no listed person can give what is asked; empty if they can. `barred`: whom the finding is about."""
    roles = {name: held for name, held in people(registry).items() if name not in barred}
    if not needs or any(_enough(need, roles, registry) for need in needs):
        return ""
    lacking = sorted(
        {role for need in needs for role in need.roles} - {role for held in roles.values() for role in held}
    )
    if lacking:
        return f"nobody who may answer is {' or '.join(lacking)} in the registry's `people`"
    return f"the registry's `people` has {plural(len(roles), 'person', 'people')} who may answer"


def unheld(policies: Policies, registry: Registry) -> list[tuple[str, list[str]]]:
    """The policies in force that ask for people of certain roles, of whom nobody is listed."""
    held = {role for roles in people(registry).values() for role in roles}
    asking = [(policy.id, sorted(roles_of(policy))) for policy in policies.all if not policy.shadow]
    return [(policy, roles) for policy, roles in asking if roles and not held.intersection(roles)]


def _enough(need: Need, roles: dict[str, list[str]], registry: Registry) -> bool:
    if need.count == 1 and not need.roles and not registry.people:
        return True  # where nobody is listed, anybody may give one approval
    return len(roles) >= need.count and {role for held in roles.values() for role in held}.issuperset(need.roles)
