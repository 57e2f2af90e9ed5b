"""verify: read back what was done. Containment is said only after this."""

from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.receipt import MAY_STAND, Outcome, Receipt, Verification
from graphs.keeping import keep, noted
from graphs.service import Service
from graphs.state import Acted, Context, Planned, State
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally

STEP = "verify"
"""What AWS answered when the effects were read back is kept under this name."""
_LOOKED_AT = {*MAY_STAND, Outcome.ALREADY, Outcome.FAILED}


def verify(state: Planned, runtime: Runtime[Context], service: Service) -> Acted:
    """Each receipt with what reading back showed; also of an action that failed, since its call may have taken effect."""
    return _looked_at(state.run_id, state.receipts, runtime.context.fence, service)


def verified(state: State, fence: int, service: Service) -> State:
    """The same of a run that ends without going on through the graph: its state, with what reading back showed."""
    seen = _looked_at(state.run_id, state.receipts, fence, service)
    more = {
        "receipts": {**state.receipts, **seen.receipts},
        "evidence": {**state.evidence, **(seen.evidence or {})},
        "calls": {**state.calls, **seen.calls},
    }
    return state.model_copy(update=more)


def _looked_at(run_id: str, receipts: dict[str, Receipt], fence: int, service: Service) -> Acted:
    tally = Tally()
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    seen = {
        action_id: _verified(receipt, fence, watched, tally)
        for action_id, receipt in receipts.items()
        if receipt.verification is None
        and receipt.outcome in _LOOKED_AT
        and (receipt.calls or receipt.outcome is not Outcome.FAILED)
    }
    kept = keep(service, run_id, STEP, looked)
    return Acted(receipts=seen, calls={"verify": tally.by_phase}, **noted(STEP, kept, len(looked)))


def _verified(receipt: Receipt, fence: int, service: Service, tally: Tally) -> Receipt:
    change = receipt.change
    action = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.VERIFY, action.CALLS, tally)
    try:
        verification = action.verify(aws, change)
    except AwsError as error:
        verification = Verification(how="unverified", detail=f"could not read back: {error}", at=service.clock())
    except UNREADABLE as error:
        detail = f"could not read back: AWS answered what we cannot read ({type(error).__name__})"
        verification = Verification(how="unverified", detail=detail, at=service.clock())
    outcome = receipt.outcome
    if outcome in (Outcome.FAILED, Outcome.UNSURE) and verification.holds:
        outcome = Outcome.DONE if outcome is Outcome.UNSURE else Outcome.ALREADY
    verified = receipt.model_copy(
        update={"verification": verification.model_copy(update={"at": service.clock()}), "outcome": outcome}
    )
    service.ledger.record(verified, fence)
    return verified
