"""Whose answers count, and whether a request has all that it needs."""

from collections.abc import Iterable

from agent.target import Target
from agent.verdict import Approval, Need, Request
from graphs.people import canonical, known, people, subjects
from graphs.service import Service
from tools.registry import Registry


def heard(answers: list[Approval], request: Request, targets: Iterable[Target], service: Service) -> list[Approval]:
    """The answers that somebody who may answer gave to exactly this request; what a stranger wrote decides nothing."""
    barred = subjects(targets, request.actions)
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
    """Whether the approvers, each counted once, satisfy one of the minimal sets that policy named."""
    given = {name for answer in answers if answer.decision == "approve" and (name := canonical(answer.by))}
    return any(_satisfied(need, given, registry) for need in request.needs or [Need(count=1)])


def _satisfied(need: Need, given: set[str], registry: Registry) -> bool:
    listed = people(registry)
    held = {role for person in given for role in listed.get(person, [])}
    counted = given & set(listed) if need.count > 1 or need.roles else given
    return len(counted) >= need.count and held.issuperset(need.roles)
