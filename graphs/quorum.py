"""Whose answers count, and whether a request has all that it needs."""

from agent.finding import Finding
from agent.report import FindingSummary
from agent.verdict import Approval, Need, Request
from graphs.people import canonical, known, people, subjects
from graphs.service import Service
from tools.registry import Registry

NOBODY = "nobody answered in time"
"""Why a run is expired whose request nobody answered."""


def heard(
    answers: list[Approval], request: Request, finding: Finding | FindingSummary | None, service: Service
) -> list[Approval]:
    """The answers that somebody who may answer gave to exactly this request; what a stranger wrote decides nothing."""
    barred = subjects(finding, request.actions)
    return [answer for answer in answers if _counts(answer, request, barred, service)]


def _counts(answer: Approval, request: Request, barred: set[str], service: Service) -> bool:
    person = canonical(answer.by)
    unsigned_in_sandbox = answer.signature == "" and service.settings.sandbox
    return (
        answer.run_id == request.run_id
        and answer.digest == request.digest
        and person == answer.by
        and person not in barred
        and (known(person, service.registry) or unsigned_in_sandbox)
        and (unsigned_in_sandbox or service.signed(answer))
    )


def complete(request: Request, answers: list[Approval], registry: Registry) -> bool:
    """Whether every action that somebody approved has all that it needs, from those who approved it, each counted once."""
    given: dict[str, set[str]] = {}
    for answer in answers:
        person = canonical(answer.by)
        if answer.decision == "approve" and person is not None:
            for action in answer.action_ids:
                given.setdefault(action, set()).add(person)
    return bool(given) and all(_has_its_needs(request, action, who, registry) for action, who in given.items())


def _has_its_needs(request: Request, action: str, given: set[str], registry: Registry) -> bool:
    needs = request.needs_of.get(action) or request.needs or [Need(count=1)]
    return any(_satisfied(need, given, registry) for need in needs)


def _satisfied(need: Need, given: set[str], registry: Registry) -> bool:
    listed = people(registry)
    held = {role for person in given for role in listed.get(person, [])}
    counted = given & set(listed) if need.count > 1 or need.roles else given
    return len(counted) >= need.count and held.issuperset(need.roles)
