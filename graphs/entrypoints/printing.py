"""Reports on a terminal: somebody else's text is shown with its control characters spelled out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from agent.policy import decided_by, would
from agent.receipt import Outcome
from agent.report import FindingSummary, Report, ReportedAction, Status
from agent.target import in_words
from agent.verdict import Approval
from graphs.closed import is_closed
from graphs.entrypoints.asked import left_undone
from graphs.entrypoints.drifted import drifted, reads_now, ways_out
from graphs.plain import plain as plain

out = Console(highlight=False)

_GOOD = {Status.CONTAINED, Status.NO_ACTION, Status.UNDONE, Status.PROPOSED}
_BAD = {Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.LAPSED}
_ENDED = {Outcome.UNDONE: "undone", Outcome.LET_GO: "let go"}
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
    """One line with a word on the left, wrapped under itself, with the text's own indentation kept."""
    deeper = len(text) - len(text.lstrip(" "))
    edge = _LABEL + 1 + indent + deeper
    lines = Text.from_markup(text.strip(" ")).wrap(out, max(20, out.width - edge), overflow="fold") or [Text()]
    head = Text.from_markup(f"[bold]{label}[/]")
    head.truncate(_LABEL, pad=True)
    for number, part in enumerate(lines):
        part.rstrip()
        start = Text(" " * indent) + head + Text(" " * (1 + deeper)) if number == 0 else Text(" " * edge)
        out.print(start + part, soft_wrap=True)


def indented(text: str) -> None:
    """One line, wrapped under its own indentation."""
    edge = " " * (len(text) - len(text.lstrip(" ")))
    for part in Text.from_markup(text.strip(" ")).wrap(out, max(20, out.width - len(edge)), overflow="fold") or [
        Text()
    ]:
        part.rstrip()
        out.print(Text(edge) + part, soft_wrap=True)


def tone(status: Status) -> str:
    """The colour of a status."""
    return "green" if status in _GOOD else "red" if status in _BAD else "yellow"


def where(sandbox: bool) -> str:
    """Where a run happened, after its id: what happened on the real AWS needs no word."""
    return "  [dim]in the sandbox[/]" if sandbox else ""


def status_words(report: Report) -> str:
    """The status for people. A run that closed its finding says so beside it: nothing else was acted on."""
    words = report.status.replace("_", " ")
    return f"{words} but closing the finding" if is_closed(report) else words


def line(report: Report, answers: Sequence[str] = ()) -> None:
    """One run on a few lines. `answers`: the commands that answer it, where all that it asks is shown below."""
    status = f"[{tone(report.status)}]{status_words(report)}[/]"
    out.print(f"[bold]{report.run_id}[/]  {status}{where(report.sandbox)}")
    row("why", shown(report.reason, 600))
    if report.asked_by:
        row("again", f"as {shown(report.asked_by)} asked")
    if report.disposition is not None:
        said = next(iter(report.rationale.splitlines()), "")
        row(
            "judged",
            f"{report.disposition.replace('_', ' ')}, confidence {report.confidence}"
            + (f": {shown(said)}" if said else ""),
        )
    if report.finding is not None:
        _finding(report, report.finding)
    if report.related:
        row("related", "runs of the same case: " + ", ".join(map(shown, report.related)))
    for action in report.actions:
        _action(report, action)
    if report.waits_for:
        row("waits for", shown(report.waits_for))
        for number, text in enumerate(answers or [f"stanch approvals show {report.run_id}"]):
            row("" if number else "answer", text)
    for number, text in enumerate(report.leaves_open):
        row("" if number else "still open", shown(text))
    if report.told is not None:
        row("hub", shown(report.told.words))


def _finding(report: Report, finding: FindingSummary) -> None:
    """What it is, what of it was not understood, and which of its targets are not there any more."""
    row("finding", f"{shown(finding.type)} in {finding.account} {finding.region}")
    for number, text in enumerate(finding.left_out):
        row("" if number else "left out", shown(text))
    for key in [key for key, standing in report.unconfirmed.items() if standing == "gone"]:
        row("gone", shown(in_words(key)))
    for key in [key for key, standing in report.unconfirmed.items() if standing == "another"]:
        row("another", f"{shown(in_words(key))}: another user has this name now")


def moment(at: datetime) -> str:
    """A moment to the minute, in UTC: `2026-11-20 11:30 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def answered(approval: Approval) -> str:
    """Who answered what, when, and why if they said so."""
    word = {"approve": "approved", "reject": "rejected"}[approval.decision]
    role = f" ({approval.role})" if approval.role else ""
    said = f": {approval.reason}" if approval.reason else ", no reason given"
    return f"{word} {' and '.join(approval.action_ids)} by {approval.by}{role}, {moment(approval.at)}{said}"


def _action(report: Report, action: ReportedAction) -> None:
    change, verdict = action.planned.change, action.verdict
    undone = left_undone(report, action)
    ruling = f"asked, {undone};" if undone else verdict.ruling if verdict else "not judged"
    by = shown(", ".join(decided_by(verdict))) if verdict else ""
    policies = f" [dim]by {by}[/]" if by else ""
    row(action.planned.id, f"{change.action} on {shown(change.target.id)}: {ruling}{policies}{_came_of(action)}")
    if verdict is not None and verdict.refused is not None:
        row("", shown(verdict.refused.words, 500))
    for other in would(verdict) if verdict else []:
        row("", shown(other))
    for text in reads_now(action) if drifted(action) or action.lapsed else []:
        row("", shown(text, 700))
    if drifted(action):
        for number, text in enumerate(ways_out(report, action)):
            row("" if number else "ways out", shown(text))
    elif action.undo and (action.undone is None or action.undone.outcome not in _ENDED):
        row("", f"[dim]{shown(action.undo)}[/]")


def _came_of(action: ReportedAction) -> str:
    """What came of it, after a comma; empty if it did not run."""
    text = ""
    if action.receipt is not None:
        checked = action.receipt.verification
        text += f", {action.receipt.outcome}" + (f", {checked.how.replace('_', ' ')}" if checked else "")
    if action.lapsed is not None:
        text += f", holds no more ({shown(action.lapsed.detail)})"
    if action.undone is not None:
        text += f", then {_ENDED.get(action.undone.outcome, f'undo {action.undone.outcome}')}"
        text += f" ({shown(action.undone.detail)})" if action.undone.detail else ""
    return text
