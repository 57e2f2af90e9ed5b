"""The sandbox of a home: its world on disk behind a lock, saved after each write, with the registry that goes with it."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from agent.plan import digest_of
from agent.policy import Policies
from agent.record import Record
from agent.verdict import Mode
from graphs.bootstrap import CASES, LEDGER, REGISTRY, HomeUnusable, approval_key
from graphs.configuration import SANDBOX_MODEL, Configuration
from graphs.embedded import answerer
from graphs.holding import alive
from graphs.model import BedrockModel
from graphs.service import Service, Settings
from tools.action import catalogue
from tools.archive import FileArchive
from tools.ledger import SqliteLedger
from tools.registry import Registry
from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import add, seed
from tools.sandbox.seeding.parsed import about, parsed
from tools.sandbox.seeding.place import partition_of
from tools.sandbox.services.bedrock import set_answerer
from tools.sandbox.store import WorldStore
from tools.sandbox.world import World, WorldError

WORLD, ORIGIN = "world.bin", "origin.json"
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_FORGET = "`stanch sandbox reset` forgets the sandbox"
Kept = TypeVar("Kept", bound=Record)


class Origin(Record):
    """Where a kept world came from."""

    source: str = ""
    """SHA-256 of the file; empty if it was made from findings."""
    region: str = "us-east-1"
    """The world's own Region."""
    partition: str = "aws"
    """Where it stands, as an installation does: findings of another partition are not worked in it."""
    tells: bool = True
    """Whether its services are told of the findings of an event."""
    seeded: list[str] = []
    """Digests of the events that happened in it: what they name was put there once, and whatever became of it stands."""


@contextmanager
def opened(
    config: Configuration, home: Path, mode: Mode | None, event: JsonValue = None, world_file: Path | None = None
) -> Iterator[Service]:
    """Open the home's world, made from the file or from the finding if there is none yet.

    Raises WorldError for what the caller gave, WorldBusy, and WorldUnreadable or HomeUnusable for what stands in the home.
    """
    with held(home, event, world_file) as (sandbox, registry):
        yield _service(config, home, mode, sandbox, registry)


@contextmanager
def held(home: Path, event: JsonValue = None, world_file: Path | None = None) -> Iterator[tuple[Sandbox, Registry]]:
    """The home's world alone, with the registry that goes with it, held by this process and saved after each write."""
    with WorldStore(home / WORLD) as store:
        sandbox, registry = _world(store, home, event, world_file)
        sandbox.on_write(lambda: store.save(sandbox))
        set_answerer(answerer(catalogue()))
        yield sandbox, registry
        store.save(sandbox)


def advance(home: Path, by: timedelta) -> datetime:
    """Move the clock of the home's world on; what time it is there then. Raises WorldError, WorldBusy and WorldUnreadable."""
    with WorldStore(home / WORLD) as store:
        sandbox = store.load()
        if sandbox is None:
            raise WorldError("there is no sandbox here yet")
        sandbox.clock.anchor += by
        store.save(sandbox)
        return sandbox.now()


def region_of(home: Path) -> str:
    """The Region of the world that the home holds."""
    return _read(home / ORIGIN, Origin).region


def _world(store: WorldStore, home: Path, event: JsonValue, world_file: Path | None) -> tuple[Sandbox, Registry]:
    """The kept world, in which a new event happens; or a new one."""
    kept = store.load()
    content = None if world_file is None else _bytes(world_file)
    if kept is None:
        try:
            return _made(store, home, event, content)
        except WorldError as error:
            raise WorldError(f"{world_file}: {error}" if world_file is not None else str(error)) from error
    registry, origin = _read(home / REGISTRY, Registry), _read(home / ORIGIN, Origin)
    if content is not None and origin.source != hashlib.sha256(content).hexdigest():
        raise WorldError(f"the sandbox has another world already: {_FORGET}")
    if event is None or digest_of(event) in origin.seeded:
        return kept, registry
    return kept, _happens(store, home, kept, registry, origin, event)


def _made(store: WorldStore, home: Path, event: JsonValue, content: bytes | None) -> tuple[Sandbox, Registry]:
    if (home / LEDGER).exists():
        raise HomeUnusable(f"{home / WORLD} is gone, and the runs that happened in it are not: {_FORGET}")
    if event is None and content is None:
        raise WorldError(
            "there is no sandbox here yet: `stanch run EVENT.json --sandbox` makes one, or `sandbox serve --world FILE`"
        )
    world = world_for(event) if content is None else World.parse(content)
    sandbox = Sandbox.fresh(0, world.now, ticking=True)
    seed(sandbox, world, event)
    source = "" if content is None else hashlib.sha256(content).hexdigest()
    _keep(home / REGISTRY, world.registry)
    origin = Origin(
        source=source,
        region=world.region,
        partition=world.partition,
        tells=world.event,
        seeded=[] if event is None else [digest_of(event)],
    )
    _keep(home / ORIGIN, origin)
    store.save(sandbox)
    return sandbox, world.registry


def _happens(
    store: WorldStore, home: Path, sandbox: Sandbox, registry: Registry, origin: Origin, event: JsonValue
) -> Registry:
    """The registry after a further event. A world from a file keeps its own; one from findings serves their accounts.

    The event counts as seeded once the world is saved: a process that dies before that does it again, and adds what is missing.
    """
    world = world_for(event)
    others = {partition_of(about(finding).region) for finding in parsed(event)} - {origin.partition}
    if others:
        raise WorldError(
            f"the sandbox stands in the partition {origin.partition}, the finding in {min(others)}: {_FORGET}"
        )
    add(sandbox, world, event if origin.tells else None, registry.accounts if origin.source else None)
    store.save(sandbox)
    if not origin.source:
        accounts = {**world.registry.accounts, **registry.accounts}
        registry = registry.model_copy(update={"accounts": accounts})
        _keep(home / REGISTRY, registry)
    _keep(home / ORIGIN, origin.model_copy(update={"seeded": [*origin.seeded, digest_of(event)]}))
    return registry


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WorldError(f"{file}: {error.strerror}") from error


def _read(path: Path, kind: type[Kept]) -> Kept:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise HomeUnusable(f"{path} is gone: {_FORGET}") from error
    except ValidationError as error:
        raise HomeUnusable(f"{path} is not what was kept there: {_FORGET}") from error


def _keep(path: Path, record: Record) -> None:
    """Written whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _service(config: Configuration, home: Path, mode: Mode | None, sandbox: Sandbox, registry: Registry) -> Service:
    runtime = sandbox.client("bedrock-runtime", _ACCOUNT, _REGION)
    control = sandbox.client("bedrock", _ACCOUNT, _REGION)
    return Service(
        clients=sandbox.clients(),
        partition=_read(home / ORIGIN, Origin).partition,
        ledger=SqliteLedger(home / LEDGER, alive, sandbox=True),
        model=BedrockModel(config.model or SANDBOX_MODEL, runtime, control, catalogue()),
        policies=Policies.load_or_deny(config.policies, catalogue=catalogue()),
        registry=registry,
        catalogue=catalogue(),
        clock=sandbox.now,
        nonce=lambda: secrets.token_hex(16),
        approval_key=approval_key(home),
        settings=Settings(
            mode=mode or config.mode,
            sandbox=True,
            minimum_severity=config.minimum_severity,
            samples_are_real=config.samples_are_real,
            approval_minutes=config.approval_minutes,
            posture_hours=config.posture_hours,
            cards_an_hour=config.cards_an_hour,
            case_minutes=config.case_minutes,
            block_hours=config.block_hours,
            custom_action=config.custom_action,
        ),
        archive=FileArchive(home / CASES),
    )
