"""verify: read back what was done. Containment is said only after this."""

from dataclasses import replace

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.receipt import MAY_STAND, Outcome, Receipt, Verification
from graphs.keeping import keep, noted
from graphs.service import Service
from graphs.state import Acted, Context, Planned
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally

STEP = "verify"
"""What AWS answered when the effects were read back is kept under this name."""
_LOOKED_AT = {*MAY_STAND, Outcome.ALREADY, Outcome.FAILED}


def verify(state: Planned, runtime: Runtime[Context], service: Service) -> Acted:
    """Each receipt with what reading back showed; also of an action that failed, since its call may have taken effect."""
    tally = Tally()
    looked: list[Looked] = []
    watched = replace(service, looked=looked.append)
    receipts = {
        action_id: _verified(receipt, runtime.context.fence, watched, tally)
        for action_id, receipt in state.receipts.items()
        if receipt.verification is None
        and receipt.outcome in _LOOKED_AT
        and (receipt.calls or receipt.outcome is not Outcome.FAILED)
    }
    kept = keep(service, state.run_id, STEP, looked)
    return Acted(receipts=receipts, calls={"verify": tally.by_phase}, **noted(STEP, kept, len(looked)))


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
