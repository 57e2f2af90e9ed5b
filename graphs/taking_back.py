"""Take back what one receipt says was done, and read that all is as it was before."""

from agent.plan import Change
from agent.receipt import Drifted, Outcome, Receipt, Verification
from agent.report import ReportedAction
from agent.secret_text import differing
from graphs.service import Service
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally


def take_back(action: ReportedAction, run_id: str, service: Service, tally: Tally) -> Receipt:
    """The receipt of taking one action back: undone only if all reads as it was before."""
    change = action.planned.change
    earlier = len(tally.writes)
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.UNDO, module.CALLS, tally)
    receipt = Receipt(
        run_id=run_id, action_id=action.planned.id, change=change, outcome=Outcome.FAILED, at=service.clock(),
        undo_of=action.planned.id,
    )  # fmt: skip
    try:
        done = module.undo(aws, change)
    except (AwsError, *UNREADABLE) as error:
        return receipt.model_copy(update={"detail": str(error), "calls": tally.writes[earlier:]})
    if isinstance(done, Drifted):
        found = differing(done.found, change.after)
        return receipt.model_copy(update={"outcome": Outcome.DRIFTED, "detail": done.what, "found": found})
    back = read_back(change, run_id, service, tally)
    outcome = Outcome.UNDONE if back.holds and done.outcome != "partial" else Outcome.FAILED
    return receipt.model_copy(
        update={"outcome": outcome, "detail": done.detail, "calls": tally.writes[earlier:], "verification": back}
    )


def read_back(change: Change, run_id: str, service: Service, tally: Tally) -> Verification:
    """Plan the same change again: what it would start from is what is there now."""
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.PLAN, module.CALLS, tally)
    now = service.clock()
    try:
        again = module.plan(aws, change.target, change.params, run_id)
    except (AwsError, *UNREADABLE) as error:
        return Verification(how="unverified", detail=f"could not read back: {error}", at=now)
    if isinstance(again, Change) and _as_before(again, change):
        return Verification(how="by_configuration", detail="reads as it was before", at=now)
    return Verification(how="unverified", detail="does not read as it was before", at=now)


def _as_before(again: Change, change: Change) -> bool:
    """Whether all that the change wrote reads as it was, as far as it is still there; what it did not write is others'."""
    untouched = [name for name, value in change.before.items() if value == change.after.get(name)]
    there = {name: value for name, value in again.before.items() if name not in untouched}
    return bool(again.before) and all(name in change.before and change.before[name] == there[name] for name in there)
