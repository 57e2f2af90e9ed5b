"""`stanch sandbox`: the embedded AWS of this home."""

import json
import os
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from graphs.bootstrap import REGISTRY, SANDBOX, prepared
from graphs.entrypoints.opening import FAILED, REFUSED, configured, stop
from graphs.entrypoints.printing import out
from graphs.entrypoints.reading import Unreadable, read

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

    home = configured().home / SANDBOX
    if not home.exists():
        out.print("There is no sandbox here.")
        return
    try:
        with WorldStore(home / WORLD, wait_seconds=PATIENCE_SECONDS) as store:
            store.forget()
    except WorldBusy as error:
        stop(f"{error}: wait until it ends, or end it", FAILED)
    out.print("The sandbox is empty.")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    world: Annotated[Path | None, typer.Option("--world", help="A world.yaml for a new sandbox.")] = None,
    event: Annotated[Path | None, typer.Option("--event", help="An event whose resources the world has too.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print endpoint and credentials as JSON.")] = False,
) -> None:
    """Serve the sandbox to other processes on this machine until interrupted. What they need is printed.

    `aws s3control` cannot connect: the AWS CLI puts the account before the host, and no such name is on loopback.
    """
    from graphs import sandbox_home  # moto is loaded for the sandbox only
    from tools.sandbox.serving import serving
    from tools.sandbox.store import WorldBusy
    from tools.sandbox.world import WorldError
    from tools.sandbox.worldstate import NotKept

    body = _event(event)
    home = prepared(configured().home / SANDBOX)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        with sandbox_home.held(home, body, world) as (sandbox, registry):
            account, region = next(iter(registry.accounts)), sandbox_home.region_of(home)
            with serving(sandbox, account, region, port) as endpoint:
                keys = endpoint.credentials
                _print(
                    {
                        "AWS_ENDPOINT_URL": endpoint.url,
                        "AWS_ACCESS_KEY_ID": keys.access_key,
                        "AWS_SECRET_ACCESS_KEY": keys.secret,
                        "AWS_SESSION_TOKEN": keys.token or "",
                        "AWS_DEFAULT_REGION": region,
                        "STANCH_REGISTRY": str(home / REGISTRY),
                    },
                    json_,
                )
                over.wait()
    except (WorldError, WorldBusy) as error:
        stop(str(error), REFUSED)
    except NotKept as error:
        stop(str(error), FAILED)
    except OSError as error:
        stop(f"port {port}: {error.strerror}", REFUSED)


def _event(file: Path | None) -> Any:
    if file is None:
        return None
    try:
        body = read(file.read_bytes())
    except OSError as error:
        stop(f"{file}: {error.strerror}", REFUSED)
    if isinstance(body, Unreadable):
        stop(f"{file}: {body.why}", REFUSED)
    return body


def _print(variables: dict[str, str], json_: bool) -> None:
    """For a shell to evaluate, or a program to read; at once, as whoever started this waits for it, and then no more."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines.append("# not reached by the AWS CLI: s3control, which puts the account before the host")
    lines.append(f"# ends with ctrl-C, or: kill {os.getpid()}")
    print(json.dumps(variables) if json_ else "\n".join(lines), flush=True)  # noqa: T201 - what the command is for
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # `$(...)` waits until nobody has the pipe any more
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
