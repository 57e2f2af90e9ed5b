"""execute: do what is allowed, in the catalogue's order, each effect claimed before its first call."""

from dataclasses import replace
from datetime import datetime

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.plan import Change, PlannedAction
from agent.receipt import MAY_STAND, Drifted, Outcome, Receipt, Verification
from agent.verdict import Ruling, Verdict
from graphs.keeping import keep, noted
from graphs.lapsing import lapsing
from graphs.order import runnable
from graphs.refused_before import said_before
from graphs.ruling import rule
from graphs.service import Service
from graphs.state import Acted, Context, Planned
from tools.action import Action, actions
from tools.aws import UNREADABLE, Aws, AwsError, Phase, Tally, Unreachable, may_have_worked
from tools.ledger import Claim, Held

STEP = "execute"
"""What was asked to act is kept under this name, with how many answers and receipts there were before it."""


def execute(state: Planned, runtime: Runtime[Context], service: Service) -> Acted:
    """A receipt for each action that ran or tried to. The facts are computed again first, and both are kept."""
    tally = Tally()
    receipts: dict[str, Receipt] = {}
    verdicts: dict[str, Verdict] = {}
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    now, before = state, said_before(state, service)
    for action in state.plan.actions:
        if action not in runnable(now):
            continue
        verdicts[action.id] = rule(action, now, runtime.context.mode, service, before)
        if verdicts[action.id].ruling is Ruling.ALLOW:
            receipts[action.id] = _run(action, state.run_id, runtime.context.fence, watched, tally)
        now = state.model_copy(
            update={"receipts": {**state.receipts, **receipts}, "verdicts": {**state.verdicts, **verdicts}}
        )
    name = f"execute:{len(state.decisions)}"
    step = f"{STEP}-{len(state.decisions)}-{len(state.receipts)}"
    kept = keep(service, state.run_id, step, looked)  # at the end: nothing waits for it
    return Acted(receipts=receipts, verdicts=verdicts, calls={name: tally.by_phase}, **noted(step, kept, len(looked)))


def _run(action: PlannedAction, run_id: str, fence: int, service: Service, tally: Tally) -> Receipt:
    change = action.change
    if not change.needed:
        return _already(action, run_id, fence, service)
    claim = service.ledger.claim(run_id, fence, change, service.clock())
    if isinstance(claim, Held) and claim.state == "standing":
        _lapse(change, service)
        claim = service.ledger.claim(run_id, fence, change, service.clock())
    if isinstance(claim, Held):
        detail = f"{claim.run_id} has claimed the same effect ({claim.state})"
        return receipt_for(action, run_id, service).model_copy(update={"detail": detail})
    if claim.taken_over:
        _answer_for(action, claim, fence, service, run_id)
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.EXECUTE, module.CALLS, tally)
    aws = replace(aws, before_write=lambda: service.ledger.sending(run_id, fence, change, service.clock()))
    receipt = perform(module, aws, change, receipt_for(action, run_id, service), sent=claim.sent)
    ours = claim.sent or any(may_have_worked(call) for call in receipt.calls)
    receipt = _said(receipt, claim, ours=ours)
    service.ledger.record(receipt, fence)
    if receipt.outcome in (*MAY_STAND, Outcome.ALREADY):
        _need(action, run_id, service)
    if receipt.outcome is not Outcome.DONE and not ours:
        service.ledger.release(run_id, change)
    return receipt


def _answer_for(action: PlannedAction, claim: Claim, fence: int, service: Service, run_id: str) -> None:
    """What the other run left is this one's to list, to sweep and to take back, whatever comes of its own calls."""
    blank = receipt_for(action, run_id, service).model_copy(update={"outcome": Outcome.UNSURE})
    service.ledger.record(_said(blank, claim, ours=True), fence)
    _need(action, run_id, service)
    service.ledger.unneeded(claim.taken_over, action.change)


def _said(receipt: Receipt, claim: Claim, *, ours: bool) -> Receipt:
    """A receipt that does not say that nothing was done where something may have been, nor whose work it goes on with."""
    unsure = ours and receipt.outcome in (Outcome.FAILED, Outcome.DRIFTED)
    told = f"goes on with what {claim.taken_over} left" if claim.taken_over else ""
    detail = "; ".join(part for part in (receipt.detail, told) if part)
    return receipt.model_copy(update={"outcome": Outcome.UNSURE if unsure else receipt.outcome, "detail": detail})


def _lapse(change: Change, service: Service) -> None:
    """What stood does not hold any more, or nothing would have to change: the run that made it is told so."""
    run_id = service.ledger.lapsed(change)
    report = None if run_id is None else service.ledger.report(run_id)
    if report is not None:
        reason = f"{change.action} on {change.target.id} no longer holds: somebody took it back"
        seen = Verification(how="unverified", detail="somebody took it back", at=service.clock())
        lapsed = lapsing(report, change, seen, service)
        service.ledger.amend(lapsed.model_copy(update={"reason": reason}), service.clock())


def _already(action: PlannedAction, run_id: str, fence: int, service: Service) -> Receipt:
    """Nothing to write: the run only needs the effect to stay."""
    _need(action, run_id, service)
    receipt = receipt_for(action, run_id, service).model_copy(update={"outcome": Outcome.ALREADY})
    service.ledger.record(receipt, fence)
    return receipt


def _need(action: PlannedAction, run_id: str, service: Service) -> None:
    """Keep a time-boxed effect in place for this run too, whoever put it there."""
    spec, until = service.catalogue.get(action.change.action), action.change.params.get("expires_at")
    if spec is not None and spec.time_boxed and isinstance(until, str):
        service.ledger.need(run_id, action.change, datetime.fromisoformat(until))


def perform(module: Action, aws: Aws, change: Change, blank: Receipt, *, sent: bool) -> Receipt:
    """Execute, and again once when no answer came: a compare-and-set may be repeated safely.

    What is found done is ours only if a write of ours may have left before (`sent`, or in this call); else somebody else did it.
    """
    started = len(aws.tally.writes)
    try:
        try:
            done = module.execute(aws, change)
        except Unreachable:
            done = module.execute(aws, change)
    except AwsError as error:
        return blank.model_copy(update={"detail": str(error), "calls": aws.tally.writes[started:]})
    except UNREADABLE as error:
        detail = f"AWS answered what we cannot read ({type(error).__name__})"
        return blank.model_copy(update={"detail": detail, "calls": aws.tally.writes[started:]})
    calls = aws.tally.writes[started:]
    if isinstance(done, Drifted):
        return blank.model_copy(update={"outcome": Outcome.DRIFTED, "detail": done.what, "calls": calls})
    outcome, detail = Outcome(done.outcome), done.detail
    if outcome is Outcome.ALREADY and (sent or any(may_have_worked(call) for call in calls)):
        outcome, detail = Outcome.DONE, "found done: the call took effect before its answer was kept"
    return blank.model_copy(update={"outcome": outcome, "detail": detail, "calls": calls, "made": done.made})


def receipt_for(action: PlannedAction, run_id: str, service: Service) -> Receipt:
    """A receipt that says failed until it is known better."""
    return Receipt(run_id=run_id, action_id=action.id, change=action.change, outcome=Outcome.FAILED, at=service.clock())
