"""The reports as a table for a terminal, readable at 80 columns."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agent.report import Report, Status
from evals.visible import printable

STYLES: dict[Status, str] = {
    Status.CONTAINED: "green",
    Status.UNDONE: "green",
    Status.AWAITING_APPROVAL: "yellow",
    Status.ESCALATED: "yellow",
    Status.PROPOSED: "cyan",
    Status.UNVERIFIED: "magenta",
    Status.PARTIALLY_CONTAINED: "magenta",
    Status.LAPSED: "magenta",
    Status.FAILED: "bold red",
    Status.DENIED: "red",
}

_COLUMNS = (("disposition", 11), ("actions", 13), ("verdict", 7), ("outcome", 10), ("how verified", 8))
_ROOM = 21
"""Width that is left for the finding at 80 columns."""
_VERIFIED = {"observed": "observed", "by_configuration": "by config", "unverified": "no"}


def table(reports: list[Report], seconds: list[float]) -> Table:
    """One row a report: finding, disposition, actions, verdict, outcome, how verified, seconds."""
    drawn = Table(box=SIMPLE_HEAD, padding=0, show_edge=False, header_style="bold", expand=True)
    drawn.add_column("finding", ratio=1, overflow="fold")
    for name, width in _COLUMNS:
        drawn.add_column(name, width=width, overflow="fold")
    drawn.add_column("s", justify="right", width=4)
    for report, took in zip(reports, seconds, strict=True):
        drawn.add_row(*_row(report), Text(f"{took:.1f}", style="dim"))
    return drawn


def _row(report: Report) -> list[Text]:
    finding = Text(_finding(report))
    if report.finding and report.finding.targets:
        finding.append("\n" + printable(report.finding.targets[0].id, 38), style="dim")
    actions = report.actions
    return [
        finding,
        Text(_words(report.disposition or "-")),
        Text("\n".join(_words(action.planned.change.action.partition("_")[2]) for action in actions) or "-"),
        Text("\n".join(dict.fromkeys(action.verdict.ruling for action in actions if action.verdict)) or "-"),
        Text(_words(report.status), style=STYLES.get(report.status, "")),
        Text("\n".join(_verified(report)) or "-"),
    ]


def _finding(report: Report) -> str:
    """A long type is shown by what stands after its slash (the page has the whole of it), to break after its dots."""
    if report.finding is None:
        return "(not a finding)"
    shown = printable(report.finding.type, 60)
    return shown if len(shown) <= _ROOM else shown.rsplit("/", 1)[-1].replace(".", ". ").replace(":", ": ")


def _verified(report: Report) -> list[str]:
    checks = [action.receipt.verification for action in report.actions if action.receipt]
    return list(dict.fromkeys(_VERIFIED[check.how] for check in checks if check))


def _words(name: str) -> str:
    return name.replace("_", " ")
