"""The facts of one action as of now, and what policy says of them: the one place that both judge and execute ask."""

from agent.facts import Standings, facts_for

from agent.evidence import Evidence
from agent.plan import PlannedAction
from agent.verdict import Approval, Facts, Mode, Request, Verdict, plan_digest
from graphs.service import Service
from graphs.standings import standings_of
from graphs.state import Planned


def rule(action: PlannedAction, state: Planned, mode: Mode, service: Service) -> Verdict:
    """Policy's verdict on the action, with the approvals that are valid right now."""
    return service.policies.judge(action.id, facts(action, state, mode, service))


def facts(action: PlannedAction, state: Planned, mode: Mode, service: Service) -> Facts:
    """Every fact that policy sees of the action."""
    approvals = valid_approvals(action, state, service)
    standings: Standings = standings_of(action.change.target, service.registry)
    spec = service.catalogue.get(action.change.action)
    if spec is None:
        raise LookupError(action.change.action)
    return facts_for(
        spec=spec,
        action=action,
        finding=state.finding,
        evidence=Evidence(answers=state.evidence),
        slots=state.slots,
        plan=state.plan,
        standings=standings,
        mode=mode,
        sandbox=service.settings.sandbox,
        now=service.clock(),
        approvers=sorted({approval.by for approval in approvals}),
        approver_roles=sorted(
            {role for approval in approvals for role in service.registry.people.get(approval.by, [])}
        ),
    )


def valid_approvals(action: PlannedAction, state: Planned, service: Service) -> list[Approval]:
    """The approvals that cover exactly this action as it is planned now: bound, signed, unexpired, used by this run alone."""
    request = state.request
    decision = None if request is None else state.decisions.get(request.digest)
    if request is None or decision is None:
        return []
    asked = [a for a in state.plan.actions if a.id in {b.id for b in request.actions}]
    if plan_digest(state.run_id, asked) != request.digest:
        return []
    return [a for a in decision.approvals if action.id in a.action_ids and _valid(a, request, state, service)]


def _valid(approval: Approval, request: Request, state: Planned, service: Service) -> bool:
    bound = approval.run_id == state.run_id and approval.digest == request.digest
    named = {target.id for target in state.finding.targets} | {target.owner for target in state.finding.targets}
    return (
        bound
        and approval.decision == "approve"
        and approval.by not in named
        and service.clock() < min(approval.expires_at, request.expires_at)
        and (service.signed(approval) or (approval.signature == "" and service.settings.sandbox))
        and service.ledger.consume(approval, state.run_id)
    )
