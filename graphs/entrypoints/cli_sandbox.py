"""`stanch sandbox`: the embedded AWS of this home."""

import shutil

import typer

from graphs.bootstrap import SANDBOX, configuration
from graphs.entrypoints.printing import out

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def _about() -> None:
    """The embedded AWS of this home."""


@app.command()
def reset() -> None:
    """Forget the world, and the runs that happened in it."""
    home = configuration().home / SANDBOX
    if not home.exists():
        out.print("There is no sandbox here.")
        return
    shutil.rmtree(home)
    out.print("The sandbox is empty.")
