"""Whether an access key that somebody activated is one that we gave back: the ledger's record of our undos says it, not a name."""

from datetime import timedelta

from agent.finding import Finding
from agent.plan import Change
from agent.receipt import Receipt
from agent.target import Target, TargetKind
from graphs.service import Service
from tools.actions import iam_deactivate_key

APART = timedelta(minutes=5)
"""How far apart our record of an undo and CloudTrail's of its call may be: two clocks, and what was read in between."""


def is_our_undo(finding: Finding, service: Service) -> bool:
    """Whether one of our own roles made the call, and the ledger says that this key was given back just then.

    Taking back a deactivation is an alarm in itself, but for who did it.
    """
    if finding.type != "CloudTrail:UpdateAccessKey":
        return False
    registry = service.registry
    ours = [t for t in finding.targets if t.kind is TargetKind.ROLE and registry.names(registry.own_parts, t)]
    keys = [target for target in finding.targets if target.kind is TargetKind.ACCESS_KEY]
    return bool(ours and keys) and all(_given_back(key, finding, service) for key in keys)


def _given_back(key: Target, finding: Finding, service: Service) -> bool:
    change = Change(action=iam_deactivate_key.SPEC.id, target=key, before={}, after={"status": "Inactive"})
    claim = service.ledger.claimed(change)
    receipts = [] if claim is None else service.ledger.receipts(claim.run_id)
    return any(_is_it(receipt, change, finding) for receipt in receipts)


def _is_it(receipt: Receipt, change: Change, finding: Finding) -> bool:
    at = finding.first_seen
    undone = receipt.undo_of is not None and receipt.change.key == change.key and bool(receipt.calls)
    return undone and at is not None and abs(at - receipt.at) <= APART
