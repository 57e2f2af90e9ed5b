"""What a finding alone says against working it: needs no graph, no AWS and no ledger."""

from datetime import datetime

from agent.finding import Finding, Refusal
from agent.intake.triage import triage
from agent.note import OUR_NAME
from tools.registry import Registry


def screen(
    finding: Finding,
    registry: Registry,
    *,
    minimum_severity: int,
    samples_are_real: bool,
    since: datetime | None = None,
    heeds_note: bool = True,
    sent: bool = False,
) -> Refusal | None:
    """Why the finding is not worked: a sample, an echo, settled, old, or of an account that is not ours.

    `heeds_note`: whether our note on it makes it an echo. `sent`: by a person who wants just this one worked.
    """
    return triage(
        finding,
        served={account: entry.regions for account, entry in registry.accounts.items()},
        minimum_severity=minimum_severity,
        samples_are_real=samples_are_real,
        our_name=OUR_NAME,
        since=since,
        heeds_note=heeds_note,
        sent=sent,
    )
