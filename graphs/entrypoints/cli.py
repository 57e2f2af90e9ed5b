"""`stanch`: run, approve, explain, undo."""

import sqlite3
import sys

import typer

from graphs.bootstrap import HomeUnusable, RegistryUnusable
from graphs.entrypoints import (
    cli_approvals,
    cli_closed,
    cli_explain,
    cli_export,
    cli_iam,
    cli_list,
    cli_parked,
    cli_policy,
    cli_runs,
    cli_sandbox,
    cli_standing,
    cli_studio,
    cli_undo,
)
from graphs.entrypoints.commands import Commands
from graphs.entrypoints.opening import REFUSED
from graphs.entrypoints.saying import as_wide, say
from tools.ledger import Unavailable
from tools.session import NoAws

app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
cli_runs.add_to(app)
app.command()(cli_list.runs)
app.command()(cli_explain.explain)
app.command()(cli_undo.undo)
app.command()(cli_standing.standing)
app.command()(cli_iam.iam)
app.command()(cli_closed.closed)
app.command()(cli_export.export)
app.add_typer(cli_approvals.app, name="approvals")
app.add_typer(cli_parked.app, name="parked")
app.add_typer(cli_policy.app, name="policy")
app.add_typer(cli_sandbox.app, name="sandbox")
app.command()(cli_studio.studio)


def main() -> None:
    """The console script. A home or a table that cannot be used is said in one line, whichever command met it."""
    try:
        app()
    except RegistryUnusable as error:
        say(str(error))
        sys.exit(REFUSED)
    except (HomeUnusable, NoAws, Unavailable, sqlite3.Error) as error:
        sys.exit(as_wide(str(error)))
    except OSError as error:
        sys.exit(as_wide(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)))
