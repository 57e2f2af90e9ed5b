"""`stanch studio`: the graph in LangGraph Studio, on an embedded AWS, with no key and no account."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from graphs.bootstrap import STUDIO, prepared, studio_environment
from graphs.entrypoints.opening import FAILED, configured, policies_of, stop
from graphs.entrypoints.printing import out, row

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
_NEEDS = ("langgraph_cli", "langgraph_api", "langgraph_runtime_inmem", "moto")


def studio(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Where the server listens, on this machine only.")
    ] = 2024,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the world, the runs and the threads of earlier.")
    ] = False,
) -> None:
    """Serve the graph to LangGraph Studio, on an embedded AWS of its own. Needs no key; ends with Ctrl-C."""
    config = ROOT / "langgraph.json"
    if not config.exists():
        stop(f"Studio runs from a clone of the repository: there is no {config}", FAILED)
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        stop(
            f"Studio needs the development packages ({', '.join(missing)} not found): `make setup` installs them",
            FAILED,
        )
    if not _free(port):
        stop(f"port {port} is taken on this machine: choose another with --port", FAILED)
    policies_of(configured())
    home = _home(fresh=fresh)
    api = f"http://{HOST}:{port}"
    row("Studio", f"https://smith.langchain.com/studio/?baseUrl={api}", 0)
    row("API", api, 0)
    row("world", str(home), 0)
    out.print("Studio's page comes from the internet and works with the API from your browser. Ctrl-C ends the server.")
    _become(config, home, port)


def _free(port: int) -> bool:
    """Whether nobody listens there. The server itself would take another port and not say so where we print it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _home(*, fresh: bool) -> Path:
    """The folder of world, ledger and threads. Ends the command if another server has it open."""
    from graphs.sandbox_home import WORLD  # moto is loaded for the sandbox only
    from tools.sandbox.store import WorldBusy, WorldStore

    home = prepared(configured().home / STUDIO)
    try:
        with WorldStore(home / WORLD, wait_seconds=0) as store:
            if fresh:
                store.forget()
    except WorldBusy:
        stop(f"another Studio server works in {home}: end it first, or set STANCH_HOME to another folder", FAILED)
    return prepared(home)


def _become(config: Path, home: Path, port: int) -> None:
    """Turn into the server. It runs in the home, so that its threads lie beside the world that they are about."""
    sys.stdout.flush()
    os.chdir(home)
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    command += ["--host", HOST, "--port", str(port), "--config", str(config)]
    os.execve(sys.executable, command, studio_environment(ROOT))  # noqa: S606 - this very interpreter, no shell
