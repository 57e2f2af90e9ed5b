"""`stanch policy`: check, test and explain what decides."""

from pathlib import Path
from typing import Annotated

import typer

from agent.policy import Policies, run_examples
from agent.policy import check as check_policies
from agent.policy import explain as explain_verdict
from graphs.bootstrap import registry
from graphs.entrypoints.asked import left_undone
from graphs.entrypoints.opening import FAILED, REFUSED, configured, report_of, stop
from graphs.entrypoints.printing import indented, out, shown
from graphs.unmeetable import unheld
from tools.action import catalogue

app = typer.Typer(no_args_is_help=True, help=__doc__)

Folder = Annotated[
    Path | None,
    typer.Argument(help="A directory of Cedar files. Default: that of STANCH_POLICIES, else the bundled ones."),
]


@app.command()
def check(folder: Folder = None) -> None:
    """Validate against the schema and lint; with STANCH_REGISTRY, say which roles nobody there has."""
    chosen = _chosen(folder)
    _say(
        check_policies(chosen, catalogue=catalogue()), "every policy is valid, scoped, explained and exercised", chosen
    )
    if configured().registry is not None:
        for policy, roles in unheld(Policies.load(chosen, catalogue=catalogue()), registry(configured())):
            out.print(
                shown(f"{policy} asks for {' or '.join(roles)}: nobody in the registry's `people`"), soft_wrap=True
            )


@app.command()
def test(folder: Folder = None) -> None:  # noqa: PT028 - a command, not a pytest function
    """Run the examples that stand beside the policies."""
    chosen = _chosen(folder)
    _say(run_examples(chosen, catalogue=catalogue()), "every example decides as it says", chosen)


def _chosen(folder: Path | None) -> Path | None:
    """The directory that is meant; None means the bundled policies. Ends the command for one that cannot be listed."""
    chosen = folder or configured().policies
    try:
        _ = chosen and next(chosen.iterdir(), None)
    except OSError as error:
        stop(f"{'' if folder else 'STANCH_POLICIES: '}{chosen}: {error.strerror}", REFUSED)
    return chosen


def _say(faults: list[str], fine: str, folder: Path | None) -> None:
    for fault in faults:
        out.print(shown(fault, 1000), soft_wrap=True)
    if faults:
        raise typer.Exit(FAILED)
    out.print(fine if folder is None else f"{fine}: {shown(str(folder), 300)}", soft_wrap=True)


@app.command()
def explain(run: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Say which policies decided on a run's actions, from which facts."""
    report = report_of(run)
    for action in report.actions:
        if action.verdict is not None:
            for text in explain_verdict(action.verdict, left_undone(report, action)).splitlines():
                indented(shown(text, 1000))
    if not report.actions:
        out.print(f"{report.run_id} judged no action: {shown(report.reason)}")
