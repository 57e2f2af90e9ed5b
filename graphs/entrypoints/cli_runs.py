"""`stanch run`, `explain`, `undo`, `standing`, `catalogue`: one event in, and what came of it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.event import Event
from agent.verdict import Mode
from graphs.bootstrap import actor, configuration
from graphs.entrypoints.explaining import explain as explain_report
from graphs.entrypoints.opening import REFUSED, ledger_of, ledgers, of_run, opened, stop
from graphs.entrypoints.printing import as_json, exit_code, line, out, shown
from graphs.undo import NothingToUndo, undo_run
from tools.action import catalogue as all_actions

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands that have no group of their own."""
    for command in (run, explain, undo, standing, catalogue):
        app.command()(command)


def run(
    event: Annotated[Path, typer.Argument(metavar="EVENT.json", help="The event; - reads standard input.")],
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Run on the embedded AWS of this home.")] = False,
    world: Annotated[Path | None, typer.Option("--world", help="A world.yaml for a new sandbox.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Default: STANCH_MODE, else observe.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON array of reports.")] = False,
) -> None:
    """Work the findings of one event. Exit code 0: done or waiting; 1: failed, unverified or partial; 2: refused."""
    body = _read(event)
    with opened(sandbox=sandbox, mode=mode, event=body, world=world) as runs:
        reports = runs.deliver(Event(body=body, received_at=runs.service.clock(), via="cli"))
    if json_:
        print(as_json(reports))  # noqa: T201 - the JSON is the output
    else:
        for report in reports:
            line(report)
    raise typer.Exit(exit_code(reports))


def _read(path: Path) -> Any:
    name = "standard input" if str(path) == "-" else str(path)
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        stop(f"{name}: {error.strerror}", REFUSED)
    except UnicodeDecodeError as error:
        stop(f"{name}: not UTF-8 at byte {error.start}", REFUSED)
    except json.JSONDecodeError as error:
        stop(f"{name}: not JSON at line {error.lineno}, column {error.colno}: {error.msg}", REFUSED)
    except RecursionError:
        stop(f"{name}: nested too deeply to be an event", REFUSED)


def explain(run: Run) -> None:
    """Say what a run saw, decided and did, in order."""
    report = ledger_of(run).report(run)
    if report is None:
        stop(f"{run} is still being worked", REFUSED)
    explain_report(report)


def undo(
    run: Run,
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help="One action, like A1. Default: all.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who takes it back.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Take a run's actions back exactly, the last first; stop on drift. Whoever types this is its approver."""
    with of_run(run) as runs:
        report = undo_run(runs.service, run, action or None, by or actor(configuration()))
    if isinstance(report, NothingToUndo):
        stop(report.detail, REFUSED)
    print(as_json([report])) if json_ else line(report)  # noqa: T201 - the JSON is the output
    raise typer.Exit(exit_code([report]))


def standing() -> None:
    """List the containments that stand."""
    receipts = [receipt for ledger in ledgers().values() for receipt in ledger.standing()]
    for receipt in receipts:
        change = receipt.change
        if change.action != "securityhub_update_finding":
            out.print(f"{receipt.run_id} {receipt.action_id}  {change.action} on {shown(change.target.key)}")
    if not receipts:
        out.print("Nothing stands.")


def catalogue() -> None:
    """List every action: what it is about, its way back, and whom it may disturb."""
    for spec in all_actions().actions:
        out.print(
            f"[bold]{spec.id}[/]  {spec.target}, {spec.reversal.replace('_', ' ')}, disruption {int(spec.disruption)}"
        )
        out.print(f"  {spec.summary} Feels it: {spec.disrupts}")
