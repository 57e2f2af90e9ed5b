"""One run in the seven words, for a terminal."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from agent.evidence import unit
from agent.plural import plural
from agent.policy import explain as explain_verdict
from agent.receipt import Outcome, Receipt
from agent.report import Report, ReportedAction, SourceSummary, proposed_by
from agent.verdict import Verdict
from graphs.entrypoints.asked import left_undone
from graphs.entrypoints.drifted import fields_read
from graphs.entrypoints.printing import answered, line, moment, out, row, shown


def explain(report: Report) -> None:
    """Everything that led from the event to the report, in that order."""
    line(report)
    out.print()
    row("event", f"received {moment(report.started_at)}, sha256 {report.event_digest}", 0)
    _finding(report)
    for source in report.evidence:
        _evidence(source)
    _plan(report)
    for action in report.actions:
        if action.verdict is not None:
            _verdict(action.verdict, left_undone(report, action))
    for _, _, say in sorted(_happened(report), key=lambda each: each[:2]):
        say()
    for number, text in enumerate(report.leaves_open):
        row("" if number else "still open", shown(text), 0)
    row("ended", f"{moment(report.ended_at)}, after {_calls(report)}", 0)


def _happened(report: Report) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
    """What was answered, done and taken back: when, which of two of one moment comes first, and how to say it."""
    for approval in report.approvals:
        yield approval.at, 0, partial(row, "answer", shown(answered(approval), 600), 0)
    for action in report.actions:
        if action.receipt is not None:
            yield action.receipt.at, 1, partial(_receipt, action.receipt, "receipt")
    for action in report.actions[::-1]:
        at = action.undone.at if action.undone is not None else report.ended_at
        if action.lapsed is not None:
            yield action.lapsed.at, 2, partial(_lapsed, action)
        let_go = action.undone is not None and action.undone.outcome is Outcome.LET_GO
        if action.undo_verdict is not None and not let_go:
            yield at, 2, partial(_verdict, action.undo_verdict)
        if action.undone is not None:
            yield at, 2, partial(_receipt, action.undone, "undo")


def _finding(report: Report) -> None:
    if report.finding is None:
        return
    found = report.finding
    row("finding", shown(found.key, 600), 0)
    row("", f"{found.origin}, {found.situation}, severity {found.severity}", 0)
    row("", f"title, in their words: “{shown(found.title)}”", 0)
    for target in found.targets:
        owner = f" of {shown(target.owner)}" if target.owner else ""
        row("", f"{target.kind} {shown(target.id)}{owner}", 0)


def _evidence(source: SourceSummary) -> None:
    parts = [source.standing, plural(source.calls, "call")]
    parts += [plural(source.pages, "page")] if source.pages else []
    parts += [shown(source.note)] if source.note else []
    row("evidence", f"{source.source}: {', '.join(parts)}", 0)
    for name, value in source.facts.items():
        amount = unit(name.partition("@")[0]) if value is not None else ""
        row("", f"{_fact(name)} = {shown(json.dumps(value))}{amount}", 0)
    for name, why in source.not_known.items():
        row("", f"{_fact(name)} [yellow]{shown(why)}[/]", 0)


def _fact(identity: str) -> str:
    """`key.active@aws:…:access_key:AKIA…` as `key.active of AKIA…`."""
    name, _, key = identity.partition("@")
    return shown(f"{name} of {key.split(':', 4)[-1]}" if key else name)


def _plan(report: Report) -> None:
    if report.disposition is None:
        return
    fallback = f" ({shown(report.fallback_reason)})" if report.fallback_reason else ""
    row("plan", f"{report.disposition}, confidence {report.confidence}", 0)
    row("", f"answered by {shown(report.answered_by)}{fallback}", 0)
    for action in report.actions:
        wanted = proposed_by(action.planned, report.answered_by)
        row("", f"{action.planned.id} {action.planned.change.action}, proposed by {wanted}", 0)
    row("", shown(report.rationale, 1200), 0)
    if report.cites:
        row("", "rests on " + ", ".join(dict.fromkeys(_fact(cite) for cite in report.cites)), 0)
    for dropped in report.dropped:
        row("", f"not planned: {shown(dropped.action)}: {dropped.reason} {shown(dropped.detail)}", 0)


def _verdict(verdict: Verdict, left: str = "") -> None:
    for number, text in enumerate(explain_verdict(verdict, left).splitlines()):
        row("" if number else "verdict", shown(text, 600), 0)


def _receipt(receipt: Receipt, word: str) -> None:
    change = receipt.change
    came = f"{receipt.outcome.replace('_', ' ')}, {moment(receipt.at)}" + (
        f": {shown(receipt.detail)}" if receipt.detail else ""
    )
    row(word, f"{receipt.action_id} {change.action}: {came}", 0)
    if receipt.undo_of is None:
        row("", f"before {shown(json.dumps(change.before), 700)}", 0)
        row("", f"after {shown(json.dumps(change.after), 700)}", 0)
    for text in fields_read(receipt.found, change.after):
        row("", shown(text, 700), 0)
    for call in receipt.calls:
        row("", f"call {call.operation} {shown(call.request_id)} {shown(call.error)}", 0)
    if receipt.verification is not None:
        row("", f"verified {receipt.verification.how.replace('_', ' ')}: {shown(receipt.verification.detail)}", 0)


def _lapsed(action: ReportedAction) -> None:
    if action.lapsed is None:
        return
    change = action.planned.change
    row("lapsed", f"{action.planned.id} {change.action}: {moment(action.lapsed.at)}: {shown(action.lapsed.detail)}", 0)
    for text in fields_read(action.lapsed.found, change.after):
        row("", shown(text, 700), 0)


def _calls(report: Report) -> str:
    """How many AWS calls were made, by phase."""
    phases = [f"{sum(calls.values())} {phase}" for phase, calls in report.calls.items() if calls]
    return f"{sum(sum(calls.values()) for calls in report.calls.values())} AWS calls ({', '.join(phases) or 'none'})"
