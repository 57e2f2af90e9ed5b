"""Reports on a terminal: somebody else's text is shown with its control characters spelled out."""

import json
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.receipt import Outcome
from agent.report import Report, ReportedAction, Status
from graphs.plain import plain as plain

out = Console(highlight=False)

_GOOD = {Status.CONTAINED, Status.NO_ACTION, Status.UNDONE, Status.PROPOSED}
_BAD = {Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.LAPSED}
_LABEL = 10
"""Width of the words on the left."""


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
    return escape(plain(text, limit))


def row(label: str, text: str, indent: int = 2) -> None:
    """One line with a word on the left, wrapped under itself."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(f"[bold]{label}[/]", text)
    padded = Table.grid(padding=(0, 0, 0, indent))
    padded.add_row(grid)
    out.print(padded)


def tone(status: Status) -> str:
    """The colour of a status."""
    return "green" if status in _GOOD else "red" if status in _BAD else "yellow"


def line(report: Report) -> None:
    """One run on a few lines."""
    out.print(f"[bold]{report.run_id}[/]  [{tone(report.status)}]{report.status.replace('_', ' ')}[/]")
    row("why", shown(report.reason, 600))
    if report.finding is not None:
        row("finding", f"{shown(report.finding.type)} in {report.finding.account} {report.finding.region}")
    for action in report.actions:
        _action(action)
    if report.waits_for:
        row("waits for", shown(report.waits_for))
        row("answer", f"stanch approvals show {report.run_id}")
    if any(_stands(action) for action in report.actions):
        for number, text in enumerate(report.leaves_open):
            row("" if number else "still open", shown(text))
    if report.told is not None:
        told = [report.told.outcome.replace("_", " "), report.told.workflow, report.told.detail]
        row("hub", shown(" ".join(word for word in told if word)))


def _stands(action: ReportedAction) -> bool:
    undone = action.undone is not None and action.undone.outcome is Outcome.UNDONE
    return action.receipt is not None and action.receipt.outcome is Outcome.DONE and not undone


def _action(action: ReportedAction) -> None:
    change, verdict = action.planned.change, action.verdict
    ruling = verdict.ruling if verdict else "not judged"
    policies = f" [dim]by {shown(', '.join(verdict.policies))}[/]" if verdict and verdict.policies else ""
    row(action.planned.id, f"{change.action} on {shown(change.target.id)}: {ruling}{policies}{_came_of(action)}")
    if action.undo and _stands(action):
        row("", f"[dim]{shown(action.undo)}[/]")


def _came_of(action: ReportedAction) -> str:
    """What came of it, after a comma; empty if it did not run."""
    text = ""
    if action.receipt is not None:
        checked = action.receipt.verification
        text += f", {action.receipt.outcome}" + (f", {checked.how.replace('_', ' ')}" if checked else "")
    if action.undone is not None:
        text += f", then {'undone' if action.undone.outcome is Outcome.UNDONE else 'undo ' + action.undone.outcome}"
        text += f" ({shown(action.undone.detail)})" if action.undone.detail else ""
    return text
