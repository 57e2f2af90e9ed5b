"""Opening what one command needs: a ledger to read, or the service on the sandbox or the real AWS; errors become one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import typer
from pydantic import ValidationError

from agent.policy import Policies, PolicyError
from agent.report import Report
from agent.verdict import Mode
from graphs.abandoned import abandoned
from graphs.bootstrap import (
    LEDGER,
    REGISTRY,
    SANDBOX,
    checkpointed,
    configuration,
    kept,
    prepared,
    real,
    registry,
    working,
)
from graphs.configuration import Configuration, fault
from graphs.entrypoints.saying import say
from graphs.holding import alive
from graphs.plain import plain
from graphs.runs import Runs
from tools.action import catalogue
from tools.ledger import Ledger, SqliteLedger
from tools.registry import Registry
from tools.session import NoAws

FAILED, REFUSED = 1, 2


def stop(message: str, code: int) -> NoReturn:
    """Say one line on standard error and end with the code."""
    say(message)
    raise typer.Exit(code)


def ledgers() -> dict[bool, Ledger]:
    """The ledgers of this home: the sandbox's under True, the real one under False. Reading files needs no AWS."""
    config = configured()
    sandbox = config.home / SANDBOX / LEDGER
    found: dict[bool, Ledger] = {True: SqliteLedger(sandbox, alive, sandbox=True)} if sandbox.exists() else {}
    if config.state == "dynamodb" or (config.home / LEDGER).exists():
        found[False] = kept(config)
    return found


def now_in(ledger: Ledger, *, sandbox: bool) -> datetime:
    """The time by which the ledger's runs happened: a sandbox's world has its own, which stands still between two commands."""
    moments = [row.updated_at for row in ledger.runs()] if sandbox else []
    return max(moments, default=datetime.now(UTC))


def report_of(run_id: str) -> Report:
    """The run's last report. Ends the command for a run that has none yet."""
    sandbox, ledger = known(run_id)
    report = ledger.report(run_id)
    if report is not None:
        return report
    if abandoned(ledger, run_id, now_in(ledger, sandbox=sandbox)) is not None:
        stop(f"{run_id} has not ended, and nobody works it: `stanch explain {run_id}` says what is known", REFUSED)
    stop(f"{run_id} is still being worked", REFUSED)


def nothing(words: str) -> str:
    """What a list says that is empty; where there is no home at all, that."""
    config = configured()
    return words if config.state == "dynamodb" or config.home.exists() else f"There is no home at {config.home} yet."


def registry_of(*, sandbox: bool) -> Registry:
    """The registry that the sandbox of this home, or the real AWS, is worked by."""
    config = configured()
    if not sandbox:
        return registry(config)
    path = config.home / SANDBOX / REGISTRY
    return Registry.model_validate_json(path.read_bytes()) if path.exists() else Registry()


def ledger_of(run_id: str) -> Ledger:
    """The ledger that knows the run. Ends the command if none does, or both do."""
    _, ledger = known(run_id)
    return ledger


@contextmanager
def of_run(run_id: str) -> Iterator[Runs]:
    """The runs of the ledger that knows the run, sandbox or real, ready to go on."""
    sandbox, _ = known(run_id)
    with opened(sandbox=sandbox) as runs:
        yield runs


def known(run_id: str) -> tuple[bool, Ledger]:
    """Where a run happened. Ids say it; ledgers of an earlier release may hold the same id twice."""
    known = [(sandbox, ledger) for sandbox, ledger in ledgers().items() if ledger.run(run_id) is not None]
    if not known:
        stop(nothing(f"no such run here: {run_id[:40]!r}"), REFUSED)
    if len(known) > 1:
        stop(f"{run_id} is a run of the sandbox and a real one: `stanch sandbox reset` forgets the sandbox's", REFUSED)
    return known[0]


@contextmanager
def opened(*, sandbox: bool, mode: Mode | None = None, event: Any = None, world: Path | None = None) -> Iterator[Runs]:
    """The runs of this home, on the sandbox or on the real AWS. Ends the command where policies of its own cannot be used."""
    config = configured()
    policies_of(config)
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
    with working(service, config) as found:
        yield found


def policies_of(config: Configuration) -> Path | None:
    """The configured directory of policies. Ends the command for one that is no policy set: it would deny everything."""
    if config.policies is not None:
        try:
            Policies.load(config.policies, catalogue=catalogue())
        except PolicyError as error:
            stop(plain(" ".join(f"STANCH_POLICIES: {error}".split()), 500), REFUSED)
    return config.policies


def configured() -> Configuration:
    """What the environment says. Ends the command for a value that cannot be."""
    try:
        return configuration()
    except ValidationError as error:
        stop(fault(error), REFUSED)
