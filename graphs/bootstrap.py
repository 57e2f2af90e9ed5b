"""Builds the service: the only place that reads the environment and decides what is real."""

import getpass
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import yaml
from langgraph.checkpoint.sqlite import SqliteSaver
from pydantic import ValidationError

from agent.policy import Policies
from agent.verdict import Mode
from graphs.checkpoints import serializer
from graphs.configuration import Configuration
from graphs.holding import alive
from graphs.model import BedrockModel, PlaybookModel
from graphs.runs import Runs
from graphs.service import Model, Service, Settings
from tools.action import catalogue
from tools.archive import FileArchive
from tools.ledger import DynamoLedger, Ledger, SqliteLedger
from tools.registry import Registry
from tools.session import RealClients, state_client

LEDGER, CHECKPOINTS = "ledger.sqlite", "checkpoints.sqlite"
CASES = "cases"
"""The folder of a home that holds the raw evidence of its runs."""
KEY_BYTES = 32
SANDBOX = "sandbox"
"""The folder of the home that holds the embedded AWS with its own ledger and checkpoints."""
STUDIO = "studio"
"""The folder of the home that holds what Studio works on: an embedded AWS, its ledger, and the server's threads."""


class HomeUnusable(RuntimeError):
    """Something in the home is not what this service kept there, and it does not start over without being told to."""


def configuration() -> Configuration:
    """What the environment says."""
    return Configuration()


def actor(config: Configuration) -> str:
    """Who is at this command line."""
    return config.actor or getpass.getuser()


def studio_environment(root: Path) -> dict[str, str]:
    """What Studio's server inherits: nothing with which it could speak to AWS or LangSmith, and its own reporting off."""
    foreign = ("AWS_", "LANGCHAIN_", "LANGGRAPH_", "LANGSMITH_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = os.pathsep.join([str(root), *filter(None, [kept.get("PYTHONPATH", "")])])
    return {**kept, "PYTHONPATH": path, "LANGGRAPH_CLI_NO_ANALYTICS": "1"}


def approval_key(home: Path) -> bytes:
    """The key that signs approvals here, made whole on first use and readable by its owner only.

    Processes that start together agree on one. Raises HomeUnusable for a key that is not whole: it would let anybody sign.
    """
    path = home / "approval.key"
    if not path.exists():
        draft = home / f"approval.key.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise HomeUnusable(f"{path} is not a whole key: remove it, and ask for open approvals again")
    return key


def prepared(home: Path) -> Path:
    """The directory, made for its owner alone if it is not there."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


@contextmanager
def checkpointed(service: Service, home: Path) -> Iterator[Runs]:
    """The runs of a home, over its checkpoints. Raises HomeUnusable if the file there holds something else."""
    path = home / CHECKPOINTS
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            raise HomeUnusable(f"{path}: {error}") from error
        yield Runs(service, SqliteSaver(connection, serde=serializer()))


def kept(config: Configuration) -> Ledger:
    """The ledger of the real AWS. In a table nobody can tell whether another machine's process lives: a lease ends by silence."""
    if config.state == "dynamodb":
        return DynamoLedger(state_client(), config.table)
    return SqliteLedger(prepared(config.home) / LEDGER, alive)


@contextmanager
def working(service: Service, config: Configuration) -> Iterator[Runs]:
    """The runs of the real AWS, over the checkpoints that go with its ledger."""
    if config.state == "sqlite":
        with checkpointed(service, prepared(config.home)) as found:
            yield found
        return
    from graphs.checkpoint_table import CheckpointTable  # a third of a second, for whoever has a table

    saver = CheckpointTable(
        state_client(),
        config.checkpoint_table,
        lambda run_id, fence: service.ledger.heartbeat(run_id, fence, service.clock()),
    )
    yield Runs(service, saver, by_phase=True)


def real(config: Configuration, mode: Mode | None) -> Service:
    """The service against the real AWS, by the standard AWS variables. Raises NoAws, and HomeUnusable for a bad registry."""
    home = prepared(config.home)
    registry = _registry(config.registry)
    clients = RealClients(config.role_name, "stanch", config.region, external_id=config.external_id)
    return Service(
        clients=clients,
        partition=clients.partition,
        ledger=kept(config),
        model=_model(config, clients),
        policies=Policies.load_or_deny(config.policies, catalogue=catalogue()),
        registry=registry.model_copy(update={"own_parts": [*registry.own_parts, *own_names(clients.caller)]}),
        catalogue=catalogue(),
        clock=lambda: datetime.now(UTC),
        nonce=lambda: secrets.token_hex(16),
        approval_key=approval_key(home),
        settings=Settings(
            mode=mode or config.mode,
            minimum_severity=config.minimum_severity,
            approval_minutes=config.approval_minutes,
            block_hours=config.block_hours,
        ),
        archive=FileArchive(home / CASES),
    )


def _registry(path: Path | None) -> Registry:
    try:
        return Registry() if path is None else Registry.load(path)
    except (ValidationError, yaml.YAMLError, UnicodeDecodeError) as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "not YAML"
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else " ".join(str(error).split())
        raise HomeUnusable(f"{path}: {where}: {what}") from error


def own_names(caller: str) -> list[str]:
    """The names of our own identity, from `arn:...:assumed-role/NAME/SESSION` or `arn:...:user/path/NAME`."""
    parts = caller.rsplit(":", 1)[-1].split("/")
    return [parts[1]] if parts[0] == "assumed-role" and len(parts) > 1 else [parts[-1]]


def _model(config: Configuration, clients: RealClients) -> Model:
    if not config.model:
        return PlaybookModel()
    runtime, control = clients.model(None)
    return BedrockModel(config.model, runtime, control, catalogue())
