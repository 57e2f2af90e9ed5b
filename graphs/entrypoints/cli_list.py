"""`stanch runs`: every run, the newest first: how it ended, why, about what."""

import json
from datetime import timedelta
from typing import Annotated

import typer

from agent.report import Status
from graphs.entrypoints.opening import REFUSED, ledgers, nothing, now_in, stop
from graphs.entrypoints.printing import moment, out, row, shown, tone, where
from graphs.run_list import OPEN, ListedRun, RunList, run_list

SHOWN = 50
"""Runs that a terminal shows; --json gives all."""
_STATUSES = [*(status.value for status in Status), *OPEN]


def runs(
    status: Annotated[
        list[str] | None, typer.Option("--status", help="Only these, like proposed or dead; may be given again.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How far to look back.")] = 30,
    json_: Annotated[bool, typer.Option("--json", help="Print all of them as one JSON array.")] = False,
) -> None:
    """List the runs, the newest first: how each ended or stands, why, and about what."""
    wanted = [name.strip().lower().replace("-", "_").replace(" ", "_") for name in status or []]
    for unknown in [name for name in wanted if name not in _STATUSES]:
        stop(f"no such status: {unknown[:40]!r}: it is one of {', '.join(_STATUSES)}", REFUSED)
    found: list[RunList] = []
    for sandbox, ledger in ledgers().items():
        now = now_in(ledger, sandbox=sandbox)
        most = None if json_ else SHOWN
        found.append(run_list(ledger, now, now - timedelta(days=days), wanted, most, sandbox=sandbox))
    if json_:
        told = [each.model_dump(mode="json") for listed in found for each in listed.runs]
        print(json.dumps(told, indent=2))  # noqa: T201 - the JSON is the output
        return
    for listed in found:
        for each in listed.runs:
            _say(each)
        if listed.more:
            out.print(f"and {listed.more} more: --json lists all, --status and --days fewer")
    if not any(listed.runs for listed in found):
        out.print(nothing("There is no such run."), soft_wrap=True)


def _say(each: ListedRun) -> None:
    colour = tone(each.status) if isinstance(each.status, Status) else "red" if each.status == "dead" else "yellow"
    said = each.status.replace("_", " ")
    out.print(f"[bold]{each.run_id}[/]  [{colour}]{said}[/]  {moment(each.updated_at)}{where(each.sandbox)}")
    if each.type:
        row("finding", shown(f"{each.type}, severity {each.severity}, in {each.account} {each.region}"))
        row("about", shown(", ".join(each.targets) or "nothing that was named"))
    row("why", shown(each.reason, 240))
