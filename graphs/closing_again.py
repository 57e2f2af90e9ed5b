"""A closing that somebody approved, planned again by evidence of now: a request may have waited for days."""

from agent import playbook
from agent.case import build
from agent.closing import ACTION
from agent.evidence import Answered, Evidence
from agent.finding import Finding
from agent.masking import Masker
from agent.plan import Inapplicable, Plan
from graphs.asking import asked
from graphs.closing import with_closing
from graphs.service import Service
from graphs.state import Planned
from tools.aws import Tally
from tools.source import sources


def closed_again(state: Planned, service: Service, tally: Tally) -> tuple[Plan, dict[str, Answered]]:
    """The plan as it is now, and what was read for it. Where evidence shows it benign no more, nothing is closed.

    By other facts than those of the request it says other words, which is another change: that asks again.
    """
    read = {name: asked(name, state.finding, state.run_id, service, tally) for name in _needed(state.finding)}
    masker = Masker(nonce=state.run_id[-6:])
    evidence = Evidence(answers={**state.evidence, **read})
    case = build(state.finding, evidence, state.slots, masker)
    told = playbook.answer(case, service.catalogue)
    told = told.model_copy(update={"rationale": masker.unmask(told.rationale)})
    plan = state.plan.model_copy(update={"playbook": told, "actions": []})
    plan = with_closing(plan, playbook.closing(case), state.run_id, state.finding, service, tally)
    if not plan.actions and not plan.dropped:
        plan = plan.model_copy(update={"dropped": [_open_again(state.plan, told.rationale)]})
    return plan, read


def _needed(finding: Finding) -> list[str]:
    """The sources that tell what a closing of such a finding rests on."""
    names = playbook.closing_facts(finding.situation)
    return [name for name, one in sources().items() if one.wanted(finding) and not names.isdisjoint(one.SPEC.facts)]


def _open_again(before: Plan, why: str) -> Inapplicable:
    detail = f"looked at again before it was closed, and it is not beyond doubt benign now: {why}"
    return Inapplicable(action=ACTION, target=before.actions[0].change.target, reason="not_benign", detail=detail[:300])
