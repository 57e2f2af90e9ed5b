"""What an earlier run made that the run which finishes its work can use as it is."""

from agent.catalogue import ActionSpec
from agent.receipt import Outcome, Receipt
from agent.report import Status
from agent.target import Target
from tools.ledger import Ledger, earlier

_UNFINISHED = {Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.FAILED}


def made_before(run_id: str, spec: ActionSpec, target: Target, ledger: Ledger) -> list[str]:
    """The ids from the last receipt of the same action on the same target, as far back as runs on this version of the finding
    ended unfinished. A new version is new activity, and what was taken back ran on in between: both ask for it anew."""
    run = ledger.run(run_id)
    for name in earlier(run) if run is not None else []:
        before = ledger.run(name)
        if run is None or before is None or before.status not in _UNFINISHED or before.version != run.version:
            return []
        made = [receipt.made for receipt in ledger.receipts(name) if _counts(receipt, spec, target)]
        if any(made):
            return made[-1]
    return []


def _counts(receipt: Receipt, spec: ActionSpec, target: Target) -> bool:
    same = receipt.change.action == spec.id and receipt.change.target.key == target.key
    read_back = receipt.verification is not None and receipt.verification.holds
    return same and receipt.outcome is Outcome.DONE and read_back
