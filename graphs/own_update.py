"""Whether a finding with our note on it is our own update that comes back, or comes anew: the ledger's record of our writes says it."""

from datetime import timedelta

from agent.finding import Finding
from graphs.service import Service
from graphs.tell import TELLING
from tools.ledger import earlier

COMES_BACK = timedelta(minutes=15)
"""How long after our update its event may still be on the way."""
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
    told = [receipt.at for each in runs for receipt in ledger.receipts(each) if receipt.action_id == TELLING]
    return any(service.clock() - at <= COMES_BACK for at in told)
