"""`stanch`: run, approve, explain, undo."""

import typer

from graphs.entrypoints import cli_approvals, cli_export, cli_parked, cli_policy, cli_runs, cli_sandbox

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
cli_runs.add_to(app)
app.command()(cli_export.export)
app.add_typer(cli_approvals.app, name="approvals")
app.add_typer(cli_parked.app, name="parked")
app.add_typer(cli_policy.app, name="policy")
app.add_typer(cli_sandbox.app, name="sandbox")


def main() -> None:
    """The console script."""
    app()
