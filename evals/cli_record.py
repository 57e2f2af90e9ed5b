"""`stanch-eval record`: a case of a run that ended, and whether replaying it comes to the same."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from evals.exam import Exam
from evals.loading import load
from evals.run import replay
from evals.visible import printable

FALLS_SHORT, REFUSED = 1, 2


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("record")(record_)


def record_(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, of this STANCH_HOME.")],
    out: Annotated[Path | None, typer.Option("--out", help="The case's folder. Default: one named by the run.")] = None,
    world: Annotated[
        Path | None, typer.Option(help="The world.yaml that it ran in. Default: from the finding.")
    ] = None,
) -> None:
    """Make a case of a run that ended: event, world and what to expect. It holds the event as it came, unmasked.

    Exit code 1: the case is there, but replayed it does not come out as the run did.
    """
    from evals.recording import NotRecorded, record  # heavy imports, which only this command needs
    from graphs.bootstrap import HomeUnusable
    from graphs.entrypoints.opening import ledger_of, ledgers, registry_of
    from tools.sandbox.world import WorldError
    from tools.session import NoAws

    ledger = ledger_of(run)
    sandbox = next((each.run(run) is not None for within, each in ledgers().items() if within), False)
    try:
        registry = registry_of(sandbox=sandbox).model_dump(mode="json", exclude_defaults=True)
        made = record(ledger, run, out or Path(run), registry, world)
    except (NotRecorded, HomeUnusable, NoAws, WorldError, OSError, ValidationError) as error:
        typer.echo(printable(str(error), 400), err=True)
        raise typer.Exit(REFUSED) from error
    typer.echo(f"recorded {run} as {made.folder}, its world from {made.world}")
    raise typer.Exit(0 if _tried(made.folder) else FALLS_SHORT)


def _tried(folder: Path) -> bool:
    """Replay the new case once, and say what a fuller world would have to change. Whether it comes out the same."""
    with tempfile.TemporaryDirectory(prefix="stanch-record-") as out:
        result = replay(load([folder]), Exam(), Path(out), lambda _: None)
    if result.summary.ok:
        typer.echo("replayed, it comes out as the run did; now say in expect.yaml why that is right")
        return True
    typer.echo("replayed, it does not come out as the run did: world.yaml lacks what AWS had then")
    for item in result.summary.not_ok:
        for check in item.checks:
            if not check.ok:
                typer.echo(f"  {printable(check.name, 80)}: {printable(check.message, 200)}")
    return False
