"""`stanch`: run, approve, explain, undo."""

import sys

import typer

from graphs.entrypoints import cli_approvals, cli_policy, cli_runs, cli_sandbox
from graphs.entrypoints.opening import FAILED
from tools.ledger import Unavailable

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
cli_runs.add_to(app)
app.add_typer(cli_approvals.app, name="approvals")
app.add_typer(cli_policy.app, name="policy")
app.add_typer(cli_sandbox.app, name="sandbox")


def main() -> None:
    """The console script."""
    try:
        app()
    except Unavailable as error:
        print(error, file=sys.stderr)  # noqa: T201 - the line that the caller is owed
        sys.exit(FAILED)
