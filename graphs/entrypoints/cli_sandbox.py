"""`stanch sandbox`: the embedded AWS of this home."""

import json
import os
import re
import shlex
import signal
import sqlite3
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.report import Status
from graphs.bootstrap import LEDGER, REGISTRY, SANDBOX, prepared
from graphs.entrypoints.opening import FAILED, REFUSED, configured, stop
from graphs.entrypoints.printing import moment, out, plain, shown
from graphs.entrypoints.reading import Unreadable, read
from graphs.run_list import UNDO
from tools.ledger import SqliteLedger

PATIENCE_SECONDS = 3.0

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def _about() -> None:
    """The embedded AWS of this home."""


@app.command()
def reset(
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask. Where nobody is at a terminal, nobody is asked.")
    ] = False,
) -> None:
    """Forget the world, and the runs that happened in it. Not while a run is at work in it."""
    from graphs.sandbox_home import WORLD  # moto is loaded for the sandbox only
    from tools.sandbox.store import WorldBusy, WorldStore

    home = configured().home / SANDBOX
    if not home.exists():
        out.print("There is no sandbox here.")
        return
    held = _held(home)
    if not yes and at_a_terminal() and not typer.confirm(f"Forget {held}?", err=True):
        stop("Nothing was forgotten.", FAILED)
    try:
        with WorldStore(home / WORLD, wait_seconds=PATIENCE_SECONDS) as store:
            store.forget()
    except WorldBusy as error:
        stop(f"{error}: wait until it ends, or end it", FAILED)
    out.print(f"Forgotten: {shown(held)}.")
    out.print("The sandbox is empty.")


def at_a_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" + ("" if number == 1 else "s")


def _held(home: Path) -> str:
    """What a reset forgets, in words."""
    path = home / LEDGER
    told = f"the world under {home}"
    if not path.exists():
        return told
    try:
        ledger = SqliteLedger(path, sandbox=True)
        runs = [row for row in ledger.runs() if not row.incident.startswith(UNDO)]
        standing = len(ledger.standing())
    except sqlite3.Error:
        return f"{told}, and its ledger, which cannot be read"
    waiting = sum(row.status is Status.AWAITING_APPROVAL for row in runs)
    asked = f" ({waiting} of them waiting)" if waiting else ""
    return f"{told}, its {_counted(len(runs), 'run')}{asked}, {_counted(standing, 'effect')} in place, and all receipts and evidence"


@app.command()
def advance(
    by: Annotated[str, typer.Argument(metavar="DURATION", help="How far: `90m`, `2h`, `1d`, `1d12h`.")],
) -> None:
    """Move the world's clock on, which stands still between commands: a request runs out, a block ends, what was not yet is.

    A later finding does not move it.
    """
    from graphs import sandbox_home  # moto is loaded for the sandbox only
    from tools.sandbox.store import WorldBusy, WorldUnreadable
    from tools.sandbox.world import WorldError

    home = configured().home / SANDBOX
    much = _duration(by)
    if not home.exists():
        stop("there is no sandbox here yet", REFUSED)
    try:
        now = sandbox_home.advance(home, much)
    except WorldError as error:
        stop(str(error), REFUSED)
    except (WorldBusy, WorldUnreadable) as error:
        stop(str(error), FAILED)
    out.print(f"It is {moment(now)} in the sandbox.")


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?", text, re.ASCII)
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    if days + hours + minutes == 0:
        stop(f"{plain(text, 40)!r} is no duration: 90m, 2h, 1d or 1d12h is", REFUSED)
    return timedelta(days=days, hours=hours, minutes=minutes)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    world: Annotated[Path | None, typer.Option("--world", help="A world.yaml for a new sandbox.")] = None,
    event: Annotated[
        Path | None,
        typer.Option(
            "--event", help="An event: without --world its resources are made, with it only its finding is put in."
        ),
    ] = None,
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
    except WorldError as error:
        stop(str(error), REFUSED)
    except (WorldBusy, NotKept) as error:
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
