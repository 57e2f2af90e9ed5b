"""The reports as a table for a terminal, readable at 80 columns."""

from collections import Counter

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from agent.report import Report, Status
from evals.view import nameless, ruled
from evals.visible import folded, printable

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

_LEFT, _SECONDS = 19, 5
"""Widths of the outer columns: the longest status is `partially contained`."""
_ROOM = 52
"""What is left for the finding at 80 columns."""


def table(reports: list[Report], seconds: list[float], names: list[str]) -> Table:
    """One row a report: on the left how it ended, in the middle which it is, what about and what may be done, then the seconds."""
    drawn = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold", expand=True, leading=1)
    drawn.add_column("outcome\ndisposition\nhow verified", width=_LEFT, overflow="fold")
    drawn.add_column("case\nfinding\ntarget\nverdict: actions", ratio=1, overflow="fold")
    drawn.add_column("s", justify="right", width=_SECONDS)
    for report, took, name in zip(reports, seconds, names, strict=True):
        drawn.add_row(
            _ended(report), Text(f"{_short(name)}\n", style="bold") + _about(report), Text(f"{took:.1f}", style="dim")
        )
    return drawn


def _ended(report: Report) -> Text:
    lines = [_words(report.status), _words(report.disposition or "-"), *_verified(report)]
    told = Text("\n".join(lines))
    told.stylize(STYLES.get(report.status, ""), 0, len(lines[0]))
    return told


def _about(report: Report) -> Text:
    if report.finding is None:
        return Text(f"({nameless(report)})\n{printable(report.reason, 200)}")
    told = Text(_type(report.finding.type))
    for target in report.finding.targets[:1]:
        told.append("\n" + printable(target.id, 64), style="dim")
    if report.status in (Status.REFUSED, Status.SKIPPED):
        told.append("\n" + printable(report.reason, 200), style="dim")
    for ruling, names in _by_ruling(report).items():
        told.append(f"\n{ruling}: {', '.join(names)}")
    return told


def _short(name: str) -> str:
    return printable(name, _ROOM)


def _type(name: str) -> str:
    return folded(printable(name, 128), _ROOM)


def _by_ruling(report: Report) -> dict[str, list[str]]:
    """The actions under what policy says of them, in the plan's order."""
    found: dict[str, list[str]] = {}
    for action in report.actions:
        ruling = ruled(report, action.verdict) if action.verdict else "not judged"
        found.setdefault(ruling, []).append(_words(action.planned.change.action.partition("_")[2]))
    return {ruling: _counted(names) for ruling, names in found.items()}


def _counted(names: list[str]) -> list[str]:
    """Each once, with how often where that is more: `protect evidence \u00d79`."""
    return [name if count == 1 else f"{name} \u00d7{count}" for name, count in Counter(names).items()]


def _verified(report: Report) -> list[str]:
    checks = [action.receipt.verification for action in report.actions if action.receipt]
    return list(dict.fromkeys(_words(check.how) for check in checks if check))


def _words(name: str) -> str:
    return name.replace("_", " ")
