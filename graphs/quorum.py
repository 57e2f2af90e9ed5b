"""Whether a request has all the answers it needs."""

from agent.verdict import Approval, Need, Request
from tools.registry import Registry


def complete(request: Request, answers: list[Approval], registry: Registry) -> bool:
    """Whether the approvers, each counted once, satisfy one of the minimal sets that policy named."""
    people = {answer.by for answer in answers if answer.decision == "approve"}
    return any(_satisfied(need, people, registry) for need in request.needs or [Need(count=1)])


def _satisfied(need: Need, people: set[str], registry: Registry) -> bool:
    held = {role for person in people for role in registry.people.get(person, [])}
    return len(people) >= need.count and held.issuperset(need.roles)
