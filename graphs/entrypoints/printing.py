"""Reports on a terminal: somebody else's text is shown with its control characters spelled out."""

import json
import unicodedata
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from agent.report import Report, ReportedAction, Status

out = Console(highlight=False)

_GOOD = {Status.CONTAINED, Status.NO_ACTION, Status.UNDONE, Status.PROPOSED}
_BAD = {Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.LAPSED}


def exit_code(reports: Sequence[Report]) -> int:
    """0 done or waiting as asked, 1 something failed, is unverified or partial, 2 the input was refused."""
    statuses = {report.status for report in reports}
    if statuses & _BAD:
        return 1
    return 2 if Status.REFUSED in statuses else 0


def as_json(reports: Sequence[Report]) -> str:
    """One JSON array of reports."""
    return json.dumps([report.model_dump(mode="json") for report in reports], indent=2)


def shown(text: str, limit: int = 300) -> str:
    """Text that somebody else wrote, for a terminal: no control or invisible character, no markup."""
    cut = text[:limit]
    plain = "".join(c if c == " " or unicodedata.category(c)[0] not in "CZ" else f"\\u{{{ord(c):x}}}" for c in cut)
    return escape(plain)


def _tone(status: Status) -> str:
    return "green" if status in _GOOD else "red" if status in _BAD else "yellow"


def line(report: Report) -> None:
    """One run on a few lines."""
    tone = _tone(report.status)
    out.print(f"[bold]{report.run_id}[/]  [{tone}]{report.status.replace('_', ' ')}[/]  {shown(report.reason)}")
    if report.finding is not None:
        out.print(f"  finding   {shown(report.finding.type)} in {report.finding.account} {report.finding.region}")
    for action in report.actions:
        _action(action)
    if report.waits_for:
        out.print(f"  waits for {shown(report.waits_for)}")
        out.print(f"  answer    stanch approvals show {report.run_id}")
    for text in report.leaves_open:
        out.print(f"  open      {shown(text)}")
    if report.told is not None:
        told = " ".join([report.told.outcome.replace("_", " "), report.told.workflow, report.told.detail]).strip()
        out.print(f"  hub       {shown(told)}")


def _action(action: ReportedAction) -> None:
    change = action.planned.change
    ruling = action.verdict.ruling if action.verdict else "not judged"
    receipt = action.receipt
    how = ""
    if receipt is not None:
        how = f", {receipt.outcome}"
        how += f", {receipt.verification.how.replace('_', ' ')}" if receipt.verification else ""
    policies = ", ".join(action.verdict.policies) if action.verdict else ""
    out.print(
        f"  {action.planned.id:9} {change.action} on {shown(change.target.id)}: {ruling} [dim]{shown(policies)}[/]{how}"
    )
    if action.undo:
        out.print(f"  undo      {shown(action.undo)}")
