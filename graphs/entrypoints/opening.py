"""Opening what one command needs: a ledger to read, or the service on the sandbox or the real AWS; errors become one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from agent.verdict import Mode
from graphs.bootstrap import LEDGER, SANDBOX, checkpointed, configuration, prepared, real
from graphs.configuration import Configuration
from graphs.holding import alive
from graphs.runs import Runs
from tools.ledger import SqliteLedger
from tools.session import NoAws

FAILED, REFUSED = 1, 2


def stop(message: str, code: int) -> NoReturn:
    """Say one line on standard error and end with the code."""
    print(message, file=sys.stderr)  # noqa: T201 - the line that the caller is owed
    raise typer.Exit(code)


def ledgers() -> dict[bool, SqliteLedger]:
    """The ledgers of this home: the sandbox's under True, the real one under False. Reading them needs no AWS."""
    home = _home()
    places = {True: home / SANDBOX / LEDGER, False: home / LEDGER}
    return {sandbox: SqliteLedger(path, alive, sandbox=sandbox) for sandbox, path in places.items() if path.exists()}


def ledger_of(run_id: str) -> SqliteLedger:
    """The ledger that knows the run. Ends the command if none does, or both do."""
    _, ledger = _known(run_id)
    return ledger


@contextmanager
def of_run(run_id: str) -> Iterator[Runs]:
    """The runs of the ledger that knows the run, sandbox or real, ready to go on."""
    sandbox, _ = _known(run_id)
    with opened(sandbox=sandbox) as runs:
        yield runs


def _known(run_id: str) -> tuple[bool, SqliteLedger]:
    """Where a run happened. Ids say it; ledgers of an earlier release may hold the same id twice."""
    known = [(sandbox, ledger) for sandbox, ledger in ledgers().items() if ledger.run(run_id) is not None]
    if not known:
        stop(f"no such run here: {run_id[:40]!r}", REFUSED)
    if len(known) > 1:
        stop(f"{run_id} is a run of the sandbox and a real one: `stanch sandbox reset` forgets the sandbox's", REFUSED)
    return known[0]


@contextmanager
def opened(*, sandbox: bool, mode: Mode | None = None, event: Any = None, world: Path | None = None) -> Iterator[Runs]:
    """The runs of this home, on the sandbox or on the real AWS."""
    config = _configuration()
    home = prepared(config.home)
    if sandbox:
        from graphs import sandbox_home  # moto is loaded for the sandbox only
        from tools.sandbox.store import WorldBusy, WorldUnreadable
        from tools.sandbox.world import WorldError

        inner = prepared(home / SANDBOX)
        try:
            with (
                sandbox_home.opened(config, inner, mode, event, world) as service,
                checkpointed(service, inner) as found,
            ):
                yield found
        except WorldError as error:
            stop(str(error), REFUSED)
        except WorldBusy as error:
            stop(str(error), FAILED)
        except WorldUnreadable as error:
            stop(f"{error}: `stanch sandbox reset` forgets the sandbox", FAILED)
        return
    try:
        service = real(config, mode)
    except NoAws as error:
        stop(f"{error}; --sandbox needs no AWS", FAILED)
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
