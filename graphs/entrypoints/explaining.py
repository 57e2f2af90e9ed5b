"""One run in the seven words, for a terminal."""

import json

from agent.policy import explain as explain_verdict
from agent.report import Report, ReportedAction
from graphs.entrypoints.printing import line, out, shown


def explain(report: Report) -> None:
    """Everything that led from the event to the report, in that order."""
    line(report)
    out.print(
        f"\n[bold]event[/]     sha256 {report.event_digest}, received {report.model_dump(mode='json')['started_at']}"
    )
    if report.finding is not None:
        found = report.finding
        out.print(f"[bold]finding[/]   {shown(found.key)}")
        out.print(
            f"          {found.origin}, {found.situation}, severity {found.severity}; title (theirs): “{shown(found.title)}”"
        )
        for target in found.targets:
            owner = f" of {shown(target.owner)}" if target.owner else ""
            out.print(f"          {target.kind} {shown(target.id)}{owner}")
    _evidence(report)
    if report.disposition is not None:
        fallback = f" ({shown(report.fallback_reason)})" if report.fallback_reason else ""
        out.print(
            f"[bold]plan[/]      {report.disposition}, confidence {report.confidence}; answered by {shown(report.answered_by)}{fallback}"
        )
        out.print(f"          {shown(report.rationale, 1200)}")
        for cite in report.cites:
            out.print(f"          rests on {shown(cite)}")
    for dropped in report.dropped:
        out.print(f"          not planned: {shown(dropped.action)}: {dropped.reason} {shown(dropped.detail)}")
    for action in report.actions:
        _verdict(action)
    for approval in report.approvals:
        out.print(f"          {approval.decision} by {shown(approval.by)}: {shown(approval.reason)}")
    for action in report.actions:
        _receipt(action)


def _evidence(report: Report) -> None:
    for source in report.evidence:
        out.print(f"[bold]evidence[/]  {source.source}: {source.standing}, {source.calls} calls {shown(source.note)}")
        for name, value in source.facts.items():
            out.print(f"          {shown(name)} = {shown(json.dumps(value))}")
        for name, why in source.not_known.items():
            out.print(f"          {shown(name)} [yellow]{shown(why)}[/]")


def _verdict(action: ReportedAction) -> None:
    if action.verdict is not None:
        out.print(
            "[bold]verdict[/]   " + shown(explain_verdict(action.verdict), 4000).replace("\\u{a}", "\n          ")
        )


def _receipt(action: ReportedAction) -> None:
    receipt, change = action.receipt, action.planned.change
    if receipt is None:
        return
    out.print(f"[bold]receipt[/]   {action.planned.id} {change.action}: {receipt.outcome} {shown(receipt.detail)}")
    out.print(f"          before {shown(json.dumps(change.before), 600)}")
    out.print(f"          after  {shown(json.dumps(change.after), 600)}")
    for call in receipt.calls:
        out.print(f"          call   {call.operation} {shown(call.request_id)} {shown(call.error)}")
    if receipt.verification is not None:
        out.print(
            f"          verified {receipt.verification.how.replace('_', ' ')}: {shown(receipt.verification.detail)}"
        )
