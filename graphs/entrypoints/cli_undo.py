"""`stanch undo`: take a run's actions back; or let one go that does not read any more as we left it."""

from typing import Annotated

import typer

from graphs.after_undo import is_back
from graphs.bootstrap import actor
from graphs.entrypoints.opening import REFUSED, configured, of_run, stop
from graphs.entrypoints.printing import as_json, exit_code, line
from graphs.entrypoints.run_argument import Run
from graphs.letting_go import let_go as let_go_of
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo


def undo(
    run: Run,
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help="One action, like A1. Default: all.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who takes it back.")] = "",
    let_go: Annotated[
        bool, typer.Option("--let-go", help="Write nothing: say that what drifted is not ours any more.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why it is let go, in your words.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Take a run's actions back exactly, the last first; stop on drift. Whoever types this is its approver.

    Exit code 0: all that was asked for is taken back, also where another action stands; 1: it is not; 2: refused.
    """
    action = action.upper()
    if let_go and not (action and reason.strip()):
        stop("--let-go is about one action, and needs a --reason", REFUSED)
    if reason and not let_go:
        stop("--reason goes with --let-go", REFUSED)
    with of_run(run) as runs:
        person = by or actor(configured())
        report = (
            let_go_of(runs.service, run, action, person, reason.strip())
            if let_go
            else undo_run(runs.service, run, action or None, person)
        )
    if isinstance(report, NothingToUndo):
        stop(report.detail, REFUSED)
    print(as_json([report])) if json_ else line(report)  # noqa: T201 - the JSON is the output
    raise typer.Exit(0 if let_go or is_back(report, action) else exit_code([report]))
