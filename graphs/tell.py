"""Telling Security Hub how a run ended: planned, judged, claimed, written and read back like any action."""

from dataclasses import replace

from agent.finding import Finding
from agent.note import workflow_for
from agent.plan import Answer, Change, Confidence, Disposition, Inapplicable, Plan, PlannedAction, Slots
from agent.receipt import Outcome
from agent.record import JsonObject
from agent.report import Report, Status, Told
from agent.verdict import Ruling
from graphs.closing import closed
from graphs.execute import perform, receipt_for
from graphs.hub_finding import entry, kept_at
from graphs.refused_before import Said
from graphs.ruling import rule
from graphs.service import Service
from graphs.state import Context, Planned, State
from graphs.status import status_of
from tools.action import actions
from tools.aws import UNREADABLE, Aws, AwsError, Phase, Tally
from tools.ledger import Held
from tools.two_hubs import workflow_of

ACTION = "securityhub_update_finding"
TELLING = "TELL"
"""The id of that action in every run."""
NOT_HELD = "Security Hub does not hold this finding: it was given by hand, or its service does not send it there"


def tell(state: State, context: Context, service: Service, tally: Tally) -> Told:
    """Write how the run ended on its finding, if Security Hub keeps it and policy lets us."""
    if state.finding is None or state.plan is None:
        return Told(outcome="not_kept_there")
    if closed([*state.receipts.values()]):
        return Told(outcome="not_needed", detail="closing it wrote our note there")
    view = Planned(
        run_id=state.run_id, finding=state.finding, evidence=state.evidence, slots=state.slots or Slots(),
        plan=state.plan, request=state.request, decisions=state.decisions,
    )  # fmt: skip
    status, reason = status_of(state, context.mode)
    return _say(view, status, reason, context, service, tally)


def tell_undone(report: Report, finding: Finding, context: Context, service: Service, tally: Tally) -> Told:
    """Write on the finding what of its containment was taken back."""
    if closed([action.receipt for action in report.actions if action.receipt is not None]):
        return Told(
            outcome="not_needed", detail="the finding has its earlier status and note again, or they are others'"
        )
    nothing = Answer(disposition=Disposition.UNCERTAIN, confidence=Confidence.LOW)
    plan = Plan(
        disposition=nothing.disposition, confidence=nothing.confidence, rationale="", cites=[], answered_by="",
        playbook=nothing,
    )  # fmt: skip
    view = Planned(run_id=report.run_id, finding=finding, evidence={}, slots=Slots(), plan=plan)
    return _say(view, report.status, report.reason, context, service, tally)


def _say(view: Planned, status: Status, reason: str, context: Context, service: Service, tally: Tally) -> Told:
    finding = view.finding
    where = kept_at(finding)
    if where is None:
        return Told(outcome="not_kept_there", detail="the event does not say under what name Security Hub holds it")
    words: JsonObject = {
        "workflow": workflow_for(status, finding),
        "note": f"Stanch {view.run_id}: {status.replace('_', ' ')}. {reason}",
    }
    aws = service.aws(finding.account, finding.region, Phase.TELL, actions()[ACTION].CALLS, tally)
    try:
        change = actions()[ACTION].plan(aws, entry(finding, where), where | words, view.run_id)
    except (AwsError, *UNREADABLE) as error:
        return Told(outcome=Outcome.FAILED, detail=str(error))
    if isinstance(change, Inapplicable):
        return Told(outcome="not_kept_there", detail=NOT_HELD)
    if not change.needed:
        return Told(outcome="not_needed", workflow=workflow_of(change.after))
    return _write(change, view, context, service, aws)


def _write(change: Change, view: Planned, context: Context, service: Service, aws: Aws) -> Told:
    action = PlannedAction(id=TELLING, slot="NONE", change=change, proposed_by_model=False, proposed_by_playbook=False)
    verdict = rule(action, view, context.mode, service, Said())  # nobody is asked whether to tell
    if verdict.ruling is not Ruling.ALLOW:
        return Told(outcome="not_allowed", detail=", ".join(verdict.policies))
    claim = service.ledger.claim(view.run_id, context.fence, change, service.clock())
    if isinstance(claim, Held):
        return Told(outcome=Outcome.FAILED, detail=f"{claim.run_id} is telling the same")
    blank = receipt_for(action, view.run_id, service)
    aws = replace(aws, before_write=lambda: service.ledger.sending(view.run_id, context.fence, change, service.clock()))
    receipt = perform(actions()[ACTION], aws, change, blank, sent=claim.sent)
    try:
        read_back = actions()[ACTION].verify(aws, change)
    except (AwsError, *UNREADABLE) as error:
        return Told(outcome=Outcome.FAILED, workflow="", detail=f"could not read back: {error}")
    service.ledger.record(receipt.model_copy(update={"verification": read_back}), context.fence)
    detail = receipt.detail if read_back.holds else f"{receipt.detail} {read_back.detail}".strip()
    outcome = receipt.outcome if read_back.holds or receipt.outcome is not Outcome.DONE else Outcome.FAILED
    return Told(outcome=outcome, workflow=workflow_of(change.after), detail=detail)
