"""`stanch closed`: the low and medium findings that were closed as benign, and those left, what matters most first."""

import json
from datetime import timedelta
from typing import Annotated

import typer

from graphs.closed import Line, Summary, summary
from graphs.entrypoints.opening import ledgers, nothing, now_in, registry_of
from graphs.entrypoints.printing import moment, out, row, shown, where

LONGEST = 365
"""Days that a summary looks back at most."""
SHOWN = 10
"""Findings left open that a terminal shows; --json gives all."""


def closed(
    days: Annotated[int, typer.Option("--days", min=1, max=LONGEST, help="How far to look back.")] = 7,
    json_: Annotated[bool, typer.Option("--json", help="Print the summaries as JSON.")] = False,
) -> None:
    """Sum up low and medium findings: how many were closed as benign, of what, and which of the others matter most."""
    made = {
        here: summary(ledger, registry_of(sandbox=here), now_in(ledger, sandbox=here) - timedelta(days=days))
        for here, ledger in ledgers().items()
    }
    if json_:
        told = [{"sandbox": here, **each.model_dump(mode="json")} for here, each in made.items()]
        print(json.dumps(told, indent=2))  # noqa: T201 - the JSON is the output
        return
    for sandbox, each in made.items():
        _say(each, sandbox)
    if not any(each.closed or each.left for each in made.values()):
        out.print(nothing("No low or medium finding was worked."), soft_wrap=True)


def _say(each: Summary, sandbox: bool) -> None:
    if not each.closed and not each.left:
        return
    out.print(f"[bold]{len(each.closed)} closed as benign since {moment(each.since)}[/]{where(sandbox)}")
    for name, count in each.closed_by_type():
        row(str(count), shown(name))
    for line in each.closed:
        row("closed", f"{_named(line)}: stanch undo {line.run_id}")
    out.print(f"[bold]{len(each.left)} left open, what matters most first[/]{where(sandbox)}")
    for line in each.left[:SHOWN]:
        row(f"sev. {line.severity}", _named(line))
        row("", f"{line.run_id} {line.status.replace('_', ' ')}: {shown(line.reason, 160)}")
    if len(each.left) > SHOWN:
        row("", f"and {len(each.left) - SHOWN} more: --json lists all")


def _named(line: Line) -> str:
    targets = ", ".join(line.targets) or "nothing that was named"
    return shown(f"{line.type} on {targets} in {line.account} {line.region} ({line.environment})")
