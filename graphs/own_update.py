"""Whether a finding with our note on it is our own update that comes back, or comes anew: the ledger's record of our writes says it."""

from datetime import datetime, timedelta

from agent import closing
from agent.finding import Finding
from agent.intake.node import untrusted
from agent.note import REOPENED, is_unsigned, signed
from agent.receipt import Receipt
from graphs import tell
from graphs.service import Service
from tools.ledger import RunRow, earlier
from tools.two_hubs import words_of

COMES_BACK = timedelta(minutes=15)
"""How long after our update its event may still be on the way."""
_OURS = (tell.ACTION, closing.ACTION)
"""What writes on a finding, and so do its undos."""
_LOOKED_AT = 2
"""Of so many runs of the incident, the last ones: what an earlier one told has long come back."""


def comes_back(finding: Finding, service: Service) -> bool:
    """Whether we wrote on the finding just now. Of a finding that the ledger does not know, another ledger's run wrote.

    The note is no witness: whoever may update the finding can write one in our name.
    """
    ledger = service.ledger
    run = ledger.latest(finding.key)
    if run is None:
        return True
    runs = [run.run_id, *earlier(run)][:_LOOKED_AT]
    told = [receipt.at for each in runs for receipt in ledger.receipts(each) if receipt.change.action in _OURS]
    return any(service.clock() - at <= COMES_BACK for at in told)


def witnessed(finding: Finding, service: Service) -> Finding:
    """The finding, with our name and time on a comment that the ledger says we wrote, to the letter.

    A comment of the newer Security Hub has neither. What only looks like ours stays without a name, and is no echo.
    """
    run = service.ledger.latest(finding.key) if is_unsigned(finding) else None
    at = None if run is None else _written(run, finding, service)
    return finding if at is None else signed(finding, at)


def _written(run: RunRow, finding: Finding, service: Service) -> datetime | None:
    """When we last wrote the comment that is on the finding."""
    receipts = (each for one in [run.run_id, *earlier(run)][:_LOOKED_AT] for each in service.ledger.receipts(one))
    written = [(receipt.at, _words(receipt)) for receipt in receipts if receipt.change.action in _OURS]
    same = [at for at, words in written if words is not None and untrusted(words) == finding.lifecycle.note]
    return max(same, default=None)


def _words(receipt: Receipt) -> str | None:
    """What a receipt left on the finding. Taking back what had no comment before it leaves words too."""
    if receipt.undo_of is None:
        return words_of(receipt.change.after)
    return words_of(receipt.change.before) or REOPENED
