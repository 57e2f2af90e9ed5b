"""`stanch sandbox`: the embedded AWS of this home."""

import typer

from graphs.bootstrap import SANDBOX, configuration
from graphs.entrypoints.opening import FAILED, stop
from graphs.entrypoints.printing import out

PATIENCE_SECONDS = 3.0

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def _about() -> None:
    """The embedded AWS of this home."""


@app.command()
def reset() -> None:
    """Forget the world, and the runs that happened in it. Not while a run is at work in it."""
    from graphs.sandbox_home import WORLD  # moto is loaded for the sandbox only
    from tools.sandbox.store import WorldBusy, WorldStore

    home = configuration().home / SANDBOX
    if not home.exists():
        out.print("There is no sandbox here.")
        return
    try:
        with WorldStore(home / WORLD, wait_seconds=PATIENCE_SECONDS) as store:
            store.forget()
    except WorldBusy as error:
        stop(f"{error}: wait until it ends, or end it", FAILED)
    out.print("The sandbox is empty.")
