"""verify: read back what was done. Containment is said only after this."""

from langgraph.runtime import Runtime

from agent.receipt import Outcome, Receipt, Verification
from graphs.service import Service
from graphs.state import Acted, Context, Planned
from tools.action import actions
from tools.aws import AwsError, Phase, Tally

_LOOKED_AT = {Outcome.DONE, Outcome.PARTIAL, Outcome.ALREADY, Outcome.FAILED}


def verify(state: Planned, runtime: Runtime[Context], service: Service) -> Acted:
    """Each receipt with what reading back showed; also of an action that failed, since its call may have taken effect."""
    tally = Tally()
    receipts = {
        action_id: _verified(receipt, service, tally)
        for action_id, receipt in state.receipts.items()
        if receipt.verification is None
        and receipt.outcome in _LOOKED_AT
        and (receipt.calls or receipt.outcome is not Outcome.FAILED)
    }
    return Acted(receipts=receipts, calls={"verify": tally.by_phase})


def _verified(receipt: Receipt, service: Service, tally: Tally) -> Receipt:
    change = receipt.change
    action = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.VERIFY, action.CALLS, tally)
    try:
        verification = action.verify(aws, change)
    except AwsError as error:
        verification = Verification(how="unverified", detail=f"could not read back: {error}", at=service.clock())
    outcome = receipt.outcome
    if outcome is Outcome.FAILED and verification.holds:
        outcome = Outcome.DONE
    verified = receipt.model_copy(
        update={"verification": verification.model_copy(update={"at": service.clock()}), "outcome": outcome}
    )
    service.ledger.record(verified)
    return verified
