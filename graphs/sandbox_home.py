"""The sandbox of a home: its world on disk behind a lock, saved after each write, with the registry that goes with it."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.policy import Policies
from agent.verdict import Mode
from graphs.bootstrap import CASES, LEDGER, approval_key
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
from tools.sandbox.seed import seed
from tools.sandbox.services.bedrock import set_answerer
from tools.sandbox.store import WorldStore
from tools.sandbox.world import World, WorldError

WORLD, REGISTRY, SOURCE = "world.bin", "registry.json", "world.sha256"
_ACCOUNT, _REGION = "123456789012", "us-east-1"


@contextmanager
def opened(
    config: Configuration, home: Path, mode: Mode | None, event: Any = None, world_file: Path | None = None
) -> Iterator[Service]:
    """Open the home's world, made from the file or from the finding if there is none yet. Raises WorldError, WorldBusy."""
    with held(home, event, world_file) as (sandbox, registry):
        yield _service(config, home, mode, sandbox, registry)


@contextmanager
def held(home: Path, event: Any = None, world_file: Path | None = None) -> Iterator[tuple[Sandbox, Registry]]:
    """The home's world alone, with the registry that goes with it, held by this process and saved after each write."""
    with WorldStore(home / WORLD) as store:
        sandbox, registry = _world(store, home, event, world_file)
        sandbox.on_write(lambda: store.save(sandbox))
        set_answerer(answerer(catalogue()))
        yield sandbox, registry
        store.save(sandbox)


def _world(store: WorldStore, home: Path, event: Any, world_file: Path | None) -> tuple[Sandbox, Registry]:
    """The kept world; a new event's resources are added where they are missing."""
    kept = store.load()
    source = "" if world_file is None else hashlib.sha256(_bytes(world_file)).hexdigest()
    if kept is not None and source and (home / SOURCE).read_text(encoding="utf-8") != source:
        raise WorldError("the sandbox has another world already: `stanch sandbox reset` forgets it")
    if kept is not None:
        registry = Registry.model_validate_json((home / REGISTRY).read_text(encoding="utf-8"))
        return kept, _added(kept, registry, home, event)
    world = World.load(world_file) if world_file else world_for(event)
    sandbox = Sandbox.fresh(0, world.now, ticking=True)
    seed(sandbox, world, event if isinstance(event, dict) else None)
    _keep(home, world.registry)
    (home / SOURCE).write_text(source, encoding="utf-8")
    store.save(sandbox)
    return sandbox, world.registry


def _added(sandbox: Sandbox, registry: Registry, home: Path, event: Any) -> Registry:
    """The registry, with the account of a further event; what the event names and the world lacks is seeded."""
    if not isinstance(event, dict):
        return registry
    world = world_for(event)
    seed(sandbox, world, event)
    merged = registry.model_copy(update={"accounts": {**world.registry.accounts, **registry.accounts}})
    _keep(home, merged)
    return merged


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WorldError(f"{file}: {error.strerror}") from error


def _keep(home: Path, registry: Registry) -> None:
    (home / REGISTRY).write_text(registry.model_dump_json(), encoding="utf-8")


def _service(config: Configuration, home: Path, mode: Mode | None, sandbox: Sandbox, registry: Registry) -> Service:
    runtime = sandbox.client("bedrock-runtime", _ACCOUNT, _REGION)
    control = sandbox.client("bedrock", _ACCOUNT, _REGION)
    return Service(
        clients=sandbox.clients(),
        partition="aws",
        ledger=SqliteLedger(home / LEDGER, alive),
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
            block_hours=config.block_hours,
        ),
        archive=FileArchive(home / CASES),
    )
