"""Closing a finding that evidence shows benign: which one may be, and what is said on it."""

from agent.finding import Finding
from agent.receipt import Outcome, Receipt

ACTION = "securityhub_close_finding"

SEVERE = 70
"""From this severity on a finding is high or critical, and a person's to close."""

_SEQUENCE = "AttackSequence:"


def closable(finding: Finding) -> bool:
    """Whether it is one of those that may be closed at all: low or medium, no sample, no attack sequence."""
    return finding.severity < SEVERE and not finding.lifecycle.sample and not finding.type.startswith(_SEQUENCE)


def words(run_id: str, why: str, facts: list[str]) -> str:
    """What the finding says once it is closed: how to open it again first, so that a long reason cuts nothing else."""
    seen = f" By {', '.join(facts)}." if facts else ""
    return f"Closed as benign. Reopen: stanch undo {run_id}.{seen} {why}"


def shown_closed(receipt: Receipt) -> bool:
    """Whether it closed its finding, and reading back showed it closed."""
    read = receipt.verification is not None and receipt.verification.holds
    return receipt.change.action == ACTION and receipt.outcome is Outcome.DONE and read
