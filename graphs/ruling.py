"""The facts of one action as of now, and what policy says of them: the one place that both judge and execute ask."""

from agent.evidence import Evidence
from agent.facts import Circumstances, facts_for
from agent.plan import PlannedAction
from agent.verdict import Approval, Facts, Mode, Request, Verdict, plan_digest
from graphs.order import came_back, failed_before
from graphs.quorum import heard
from graphs.refused_before import Said, said_before
from graphs.service import Service
from graphs.standings import standings_of
from graphs.state import Planned
from tools.source import sources


def rule(action: PlannedAction, state: Planned, mode: Mode, service: Service, before: Said | None = None) -> Verdict:
    """Policy's verdict on the action, with the approvals that are valid right now.

    `before`: what people said before, where it was read already; it is the same for all actions of a plan.
    """
    before = said_before(state, service) if before is None else before
    verdict = service.policies.judge(action.id, facts(action, state, mode, service, before))
    refused = before.of(action.change, state.finding.key)
    return verdict if refused is None else verdict.model_copy(update={"refused": refused})


def facts(action: PlannedAction, state: Planned, mode: Mode, service: Service, before: Said | None = None) -> Facts:
    """Every fact that policy sees of the action."""
    before = said_before(state, service) if before is None else before
    spec = service.catalogue.get(action.change.action)
    if spec is None:
        raise LookupError(action.change.action)
    slots = [*(slot.target for slot in state.slots.filled), *state.slots.overflow]
    near = [*state.finding.targets, *slots]
    return facts_for(
        spec,
        action,
        plan=state.plan,
        finding=state.finding,
        evidence=Evidence.model_construct(answers=state.evidence),  # checked already, at the node's door
        slots=state.slots,
        standings=standings_of(action.change.target, service.registry, near),
        circumstances=Circumstances(
            mode=mode,
            sandbox=service.settings.sandbox,
            now=service.clock(),
            undone_before=before.undone,
        ),
        approvals=valid_approvals(action, state, service),
        wanted=[name for name, source in sources().items() if source.wanted(state.finding)],
        refused_before=before.known(action.change, state.finding.key),
        predecessor_failed=bool(failed_before(action, state)),
    )


def valid_approvals(action: PlannedAction, state: Planned, service: Service) -> list[Approval]:
    """The approvals that cover exactly this action as it is planned now: bound, signed, unexpired, used by this run alone."""
    request = state.request
    decision = None if request is None else state.decisions.get(request.digest)
    if request is None or decision is None:
        return []
    ids = {asked.id for asked in request.actions}
    if ids.intersection(failed_before(action, state)):
        return []  # whoever approved both did not know that the first would fail
    if came_back(state):
        return []  # whoever approved took as being in place what is not
    asked = [planned for planned in state.plan.actions if planned.id in ids]
    if plan_digest(state.run_id, asked) != request.digest:
        return []
    return [a for a in decision.approvals if action.id in a.action_ids and valid(a, request, state, service)]


def valid(approval: Approval, request: Request, state: Planned, service: Service) -> bool:
    """Whether the approval may be counted: checked again at every use, and used up by the first run that counts it."""
    return (
        approval.run_id == state.run_id
        and approval.decision == "approve"
        and heard([approval], request, state.finding, service) == [approval]
        and service.clock() < min(approval.expires_at, request.expires_at)
        and service.ledger.consume(approval, state.run_id)
    )
