"""`stanch` in processes of their own, forked from one that has everything imported; they may be killed at a chosen call."""

import atexit
import json
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

HERE = Path(__file__).parent
EVENTS = HERE.parent / "data" / "events"
WRITES = "writes.log"


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (negative: the signal), what it printed, and the AWS calls it made."""

    code: int
    out: str
    err: str
    made: list[str]

    @property
    def report(self) -> dict:
        """The one report that was printed as JSON."""
        (report,) = json.loads(self.out)
        return report


def context() -> ForkServerContext:
    """Processes forked from a server that has imported all that a run needs."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.processes.warm"])
    return made


def stanch(home: Path, *arguments: str, kill_after: int = 0, env: dict[str, str] | None = None) -> Ended:
    """Run one command under that home, with these variables set as well; SIGKILL it after that AWS call took effect."""
    home.mkdir(parents=True, exist_ok=True)
    out, err, calls = (home / name for name in ("out.txt", "err.txt", "calls.txt"))
    for path in (out, err, calls):
        path.write_text("", encoding="utf-8")
    process = context().Process(target=_command, args=(home, arguments, kill_after, out, err, calls, env or {}))
    process.start()
    process.join(120)
    assert process.exitcode is not None, "the command did not end"
    printed, said, made = (path.read_text(encoding="utf-8") for path in (out, err, calls))
    return Ended(process.exitcode, printed, said, made.splitlines())


def writes(home: Path) -> list[str]:
    """Every write that took effect under that home, over all its processes, in order."""
    path = home / WRITES
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _command(
    home: Path, arguments: tuple[str, ...], kill_after: int, out: Path, err: Path, calls: Path, env: dict[str, str]
) -> None:
    """In the child: watch the sandbox from when it is ready, then be the command line."""
    from tools.sandbox.engine import Sandbox

    os.environ.update(env, STANCH_HOME=str(home / "home"))
    ready = Sandbox.on_write

    def watched(sandbox: Sandbox, callback) -> None:
        ready(sandbox, callback)
        sandbox.faults.after.append(lambda call: _after(call, home, calls, kill_after))

    Sandbox.on_write = watched
    sys.argv = ["stanch", *arguments]
    os.environ["COLUMNS"] = "80"
    sys.stdout, sys.stderr = out.open("w", encoding="utf-8"), err.open("w", encoding="utf-8")
    from graphs.entrypoints.cli import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()


_ONE_AT_A_TIME = threading.Lock()
"""Sources call beside each other: two that wrote before either counted would pass the chosen number by."""


def _after(call, home: Path, calls: Path, kill_after: int) -> None:
    with _ONE_AT_A_TIME:
        with calls.open("a", encoding="utf-8") as file:
            file.write(call.name + "\n")
        if call.writes:
            with (home / WRITES).open("a", encoding="utf-8") as file:
                file.write(call.name + "\n")
        if len(calls.read_text(encoding="utf-8").splitlines()) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
