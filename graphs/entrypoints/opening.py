"""Opening what one command needs: a ledger to read, or the service on the sandbox or the real AWS; errors become one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import botocore.exceptions
import typer
from pydantic import ValidationError

from agent.verdict import Mode
from graphs.bootstrap import LEDGER, SANDBOX, checkpointed, configuration, prepared, real
from graphs.configuration import Configuration
from graphs.holding import alive
from graphs.runs import Runs
from tools.ledger import SqliteLedger

FAILED, REFUSED = 1, 2


def stop(message: str, code: int) -> NoReturn:
    """Say one line on standard error and end with the code."""
    print(message, file=sys.stderr)  # noqa: T201 - the line that the caller is owed
    raise typer.Exit(code)


def ledgers() -> dict[bool, SqliteLedger]:
    """The ledgers of this home: the sandbox's under True, the real one under False. Reading them needs no AWS."""
    home = _home()
    places = {True: home / SANDBOX / LEDGER, False: home / LEDGER}
    return {sandbox: SqliteLedger(path, alive) for sandbox, path in places.items() if path.exists()}


def ledger_of(run_id: str) -> SqliteLedger:
    """The ledger that knows the run. Ends the command if none does."""
    for ledger in ledgers().values():
        if ledger.run(run_id) is not None:
            return ledger
    stop(f"no such run here: {run_id[:40]!r}", REFUSED)


@contextmanager
def of_run(run_id: str) -> Iterator[Runs]:
    """The runs of the ledger that knows the run, sandbox or real, ready to go on."""
    known = [sandbox for sandbox, ledger in ledgers().items() if ledger.run(run_id) is not None]
    if not known:
        stop(f"no such run here: {run_id[:40]!r}", REFUSED)
    with opened(sandbox=known[0]) as runs:
        yield runs


@contextmanager
def opened(*, sandbox: bool, mode: Mode | None = None, event: Any = None, world: Path | None = None) -> Iterator[Runs]:
    """The runs of this home, on the sandbox or on the real AWS."""
    config = _configuration()
    home = prepared(config.home)
    if sandbox:
        from graphs import sandbox_home  # moto is loaded for the sandbox only
        from tools.sandbox.store import WorldBusy
        from tools.sandbox.world import WorldError

        inner = prepared(home / SANDBOX)
        try:
            with (
                sandbox_home.opened(config, inner, mode, event, world) as service,
                checkpointed(service, inner) as found,
            ):
                yield found
        except (WorldError, WorldBusy) as error:
            stop(str(error), REFUSED)
        return
    try:
        service = real(config, mode)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        stop(f"no usable AWS credentials ({type(error).__name__}); --sandbox needs none", FAILED)
    with checkpointed(service, home) as found:
        yield found


def _home() -> Path:
    return _configuration().home


def _configuration() -> Configuration:
    try:
        return configuration()
    except ValidationError as error:
        first = error.errors()[0]
        stop(f"STANCH_{'_'.join(str(part) for part in first['loc']).upper()}: {first['msg']}", REFUSED)
