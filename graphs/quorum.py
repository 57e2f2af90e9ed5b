"""Whether a request has all the answers it needs."""

from agent.verdict import Approval, Need, Request
from graphs.people import canonical, people
from tools.registry import Registry


def complete(request: Request, answers: list[Approval], registry: Registry) -> bool:
    """Whether the approvers, each counted once, satisfy one of the minimal sets that policy named."""
    given = {name for answer in answers if answer.decision == "approve" and (name := canonical(answer.by))}
    return any(_satisfied(need, given, registry) for need in request.needs or [Need(count=1)])


def _satisfied(need: Need, given: set[str], registry: Registry) -> bool:
    listed = people(registry)
    held = {role for person in given for role in listed.get(person, [])}
    counted = given & set(listed) if need.count > 1 or need.roles else given
    return len(counted) >= need.count and held.issuperset(need.roles)
