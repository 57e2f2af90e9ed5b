"""The report of what never became a finding: no graph, no AWS call, no lease."""

from datetime import datetime

from agent.event import Event
from agent.finding import Finding, Refusal
from agent.report import FindingSummary, Report, Status
from agent.verdict import Mode
from tools.ledger import run_id_for


def refused(
    event: Event,
    position: int,
    refusal: Refusal,
    mode: Mode,
    sandbox: bool,
    now: datetime,
    finding: Finding | None = None,
) -> Report:
    """Refused or skipped, with the reason, what it was about, and where."""
    return Report(
        run_id=run_id_for(f"{event.digest}#{position}", 0, sandbox=sandbox),
        status=Status(refusal.status),
        reason=reason_of(refusal),
        mode=mode,
        sandbox=sandbox,
        event_digest=event.digest,
        finding=None if finding is None else FindingSummary.of(finding),
        started_at=event.received_at,
        ended_at=now,
    )


def reason_of(refusal: Refusal) -> str:
    """A refusal in one line, with its place once: `malformed: detail.accountId: missing`, `echo: our own update (detail)`."""
    placed = refusal.where in ("", "$") or refusal.detail.startswith(refusal.where)
    return f"{refusal.reason}: {refusal.detail}" + ("" if placed else f" ({refusal.where})")
