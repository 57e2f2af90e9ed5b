"""The report of a state, whatever the run has reached: the same document for a waiting run and a finished one."""

from datetime import UTC

from agent.catalogue import Reversal
from agent.evidence import Answered, Standing
from agent.left_open import still_open
from agent.need import in_words
from agent.plan import PlannedAction
from agent.receipt import MAY_STAND
from agent.report import FindingSummary, Report, ReportedAction, SourceSummary, Status, Told
from agent.verdict import Mode
from graphs.left_open import made_for_others
from graphs.people import subjects
from graphs.refused_before import refused_in
from graphs.service import Service
from graphs.state import Calls, State
from graphs.status import status_of
from graphs.unmeetable import nobody


def compose(state: State, mode: Mode, service: Service, told: Told | None = None) -> Report:
    """Everything that the run has to say so far."""
    status, reason = status_of(state, mode)
    plan = state.plan
    actions = [_reported(action, state, service) for action in (plan.actions if plan else [])]
    made = made_for_others(state)
    return Report(
        run_id=state.run_id,
        status=status,
        reason=reason,
        waits_for=_waits_for(status, state, service),
        mode=mode,
        sandbox=service.settings.sandbox,
        event_digest=state.event.digest,
        asked_by=state.event.asked_by,
        finding=None if state.finding is None else FindingSummary.of(state.finding),
        evidence=[_source(answer) for _, answer in sorted(state.evidence.items())],
        disposition=plan.disposition if plan else None,
        confidence=plan.confidence if plan else None,
        rationale=plan.rationale if plan else "",
        cites=plan.cites if plan else [],
        playbook_disposition=plan.playbook.disposition if plan else None,
        answered_by=plan.answered_by if plan else "",
        fallback_reason=plan.fallback_reason if plan else None,
        actions=actions,
        dropped=plan.dropped if plan else [],
        unconfirmed=state.slots.unconfirmed if state.slots else {},
        approvals=[approval for decision in state.decisions.values() for approval in decision.approvals],
        leaves_open=still_open(actions, made, service.catalogue),
        made_for_others=made,
        told=told,
        input_tokens=plan.input_tokens if plan else 0,
        output_tokens=plan.output_tokens if plan else 0,
        calls=summed(state.calls),
        started_at=state.event.received_at,
        ended_at=service.clock(),
    )


def _waits_for(status: Status, state: State, service: Service) -> str:
    if status is not Status.AWAITING_APPROVAL or state.request is None:
        return ""
    until = f"{state.request.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    needs = in_words(state.request.needs) or "an approval"
    why_not = nobody(state.request.needs, subjects(state.finding, state.request.actions), service.registry)
    return f"{needs} until {until}" + (f"; {why_not}" if why_not else "")


def _source(answer: Answered) -> SourceSummary:
    known = [fact for fact in answer.facts if fact.standing is Standing.KNOWN]
    others = [fact for fact in answer.facts if fact.standing is not Standing.KNOWN]
    return SourceSummary(
        source=answer.source,
        standing=answer.standing,
        facts={fact.id: fact.value for fact in known},
        not_known={fact.id: f"{fact.standing}{': ' + fact.note if fact.note else ''}" for fact in others},
        calls=answer.calls,
        pages=answer.pages,
        bytes_read=answer.bytes_read,
        note=answer.note,
        chain=answer.chain,
    )


def _reported(action: PlannedAction, state: State, service: Service) -> ReportedAction:
    spec = service.catalogue.get(action.change.action)
    receipt = state.receipts.get(action.id)
    undo = ""
    if receipt is not None and receipt.outcome in MAY_STAND:
        exact = spec is not None and spec.reversal is Reversal.EXACT
        undo = f"stanch undo {state.run_id} {action.id}" if exact else "nothing to take back: it only adds"
    return ReportedAction(
        planned=action,
        summary=spec.summary if spec else "",
        verdict=state.verdicts.get(action.id),
        receipt=receipt,
        undo=undo,
        refused=refused_in(state.decisions).get(action.id) if receipt is None else None,
    )


def summed(tasks: dict[str, Calls]) -> Calls:
    """The calls of all tasks by phase and operation, sorted."""
    total: Calls = {}
    for calls in tasks.values():
        for phase, by_name in calls.items():
            into = total.setdefault(phase, {})
            for name, count in by_name.items():
                into[name] = into.get(name, 0) + count
    return {phase: dict(sorted(total[phase].items())) for phase in sorted(total)}
