"""Closing what is benign: planned by code where model and playbook agree, and nobody wants anything done."""

from agent.closing import ACTION, closable, words
from agent.finding import Finding
from agent.plan import Change, Disposition, Inapplicable, Plan, PlannedAction
from agent.receipt import Outcome, Receipt
from agent.record import JsonObject
from agent.target import Target
from graphs.hub_finding import entry, kept_at
from graphs.resting import with_ours
from graphs.service import Service
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally

NO_SLOT = "NONE"


def with_closing(
    plan: Plan, facts: list[str] | None, run_id: str, finding: Finding, service: Service, tally: Tally
) -> Plan:
    """The plan with the closing of its finding, or with why it stays open. `facts`: what shows it benign, None for nothing."""
    plan = with_ours(plan, run_id, finding.targets, service)
    where = kept_at(finding)
    if facts is None or where is None or not _agreed(plan) or not closable(finding):
        return plan
    params = where | {"note": words(run_id, plan.playbook.rationale, facts)}
    change = closing_change(entry(finding, where), params, run_id, service, tally)
    if isinstance(change, Inapplicable):
        return plan.model_copy(update={"dropped": [*plan.dropped, change]})
    action = PlannedAction(id="A1", slot=NO_SLOT, change=change, proposed_by_model=True, proposed_by_playbook=True)
    return plan.model_copy(update={"actions": [action]})


def closing_change(
    target: Target, params: JsonObject, run_id: str, service: Service, tally: Tally
) -> Change | Inapplicable:
    """The closing as it would be now, or why it cannot be."""
    aws = service.aws(target.account, target.region, Phase.PLAN, actions()[ACTION].CALLS, tally)
    try:
        return actions()[ACTION].plan(aws, target, params, run_id)
    except (AwsError, *UNREADABLE) as error:
        return Inapplicable(action=ACTION, target=target, reason="read_failed", detail=str(error)[:300])


def _agreed(plan: Plan) -> bool:
    """Whether a model and the playbook both call it benign and want nothing: what only one of them says stays open."""
    benign = plan.disposition is plan.playbook.disposition is Disposition.BENIGN
    return benign and plan.fallback_reason is None and not plan.actions and not plan.dropped


def closes(plan: Plan) -> bool:
    """Whether all that this plan would do is to close the finding."""
    return [action.change.action for action in plan.actions] == [ACTION]


def closed(receipts: list[Receipt]) -> bool:
    """Whether the finding was closed, or may have been: then its note is what the closing wrote."""
    return any(each.change.action == ACTION and each.outcome in (Outcome.DONE, Outcome.UNSURE) for each in receipts)
