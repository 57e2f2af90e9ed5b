"""Builds the service: the only place that reads the environment and decides what is real."""

import getpass
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent.policy import Policies
from agent.verdict import Mode
from graphs.configuration import Configuration
from graphs.holding import alive
from graphs.notify import card_teller, end_teller, notice_teller, notifier
from graphs.service import Model, Service, Settings
from tools import registry_table
from tools.action import catalogue
from tools.archive import Archive, FileArchive, S3Archive
from tools.aws import Aws, AwsError, Phase, Tally
from tools.ledger import Ledger, SqliteLedger
from tools.outbox import CALLS as OUTBOX
from tools.own_parts import own_names
from tools.registry import UNFIT, Registry, fault
from tools.secret import CALLS as SECRET
from tools.secret import secret
from tools.session import NoAws, RealClients, state_client

if TYPE_CHECKING:
    from graphs.runs import Runs  # the graph and model libraries take a second to load: only where a run is worked

LEDGER, CHECKPOINTS = "ledger.sqlite", "checkpoints.sqlite"
CASES = "cases"
"""The folder of a home that holds the raw evidence of its runs."""
KEY_BYTES = 32
BEFORE_FIRST_START = timedelta(hours=1)
"""What makes a function start for the first time was found a while before."""
REGISTRY = "registry.json"
"""The registry that goes with the embedded AWS of a home."""
SANDBOX = "sandbox"
"""The folder of the home that holds the embedded AWS with its own ledger and checkpoints."""
STUDIO = "studio"
"""The folder of the home that holds what Studio works on: an embedded AWS, its ledger, and the server's threads."""


class HomeUnusable(RuntimeError):
    """Something in the home is not what this service kept there, and it does not start over without being told to."""


class RegistryUnusable(HomeUnusable):
    """The operator's registry is none: it was named from outside, like any other input."""


def configuration() -> Configuration:
    """What the environment says. Raises HomeUnusable for a home that can be no directory."""
    config = Configuration()
    standing = next((path for path in (config.home, *config.home.parents) if path.exists()), config.home)
    if standing.exists() and not standing.is_dir():
        raise HomeUnusable(f"STANCH_HOME is {config.home}, and {standing} is no directory")
    return config


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
def checkpointed(service: Service, home: Path) -> "Iterator[Runs]":
    """The runs of a home, over its checkpoints. Raises HomeUnusable if the file there holds something else."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    from graphs.checkpoints import serializer
    from graphs.runs import Runs

    path = home / CHECKPOINTS
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            raise HomeUnusable(f"{path}: {error}") from error
        yield Runs(service, SqliteSaver(connection, serde=serializer()))


def kept(config: Configuration) -> Ledger:
    """The ledger alone: parking a message needs nothing else.

    With a table nobody can tell whether another machine's process lives: a lease ends by silence.
    """
    if config.state == "dynamodb":
        from tools.ledger.dynamo import DynamoLedger

        return DynamoLedger(state_client(config.region), config.table)
    return SqliteLedger(prepared(config.home) / LEDGER, alive)


@contextmanager
def working(service: Service, config: Configuration) -> "Iterator[Runs]":
    """The runs of the real AWS, over the checkpoints that go with its ledger."""
    if config.state == "sqlite":
        with checkpointed(service, prepared(config.home)) as found:
            yield found
        return
    from graphs.checkpoint_table import CheckpointTable
    from graphs.runs import Runs

    saver = CheckpointTable(
        state_client(config.region),
        config.checkpoint_table,
        lambda run_id, fence: service.ledger.heartbeat(run_id, fence, service.clock()),
    )
    yield Runs(service, saver, by_phase=True)


def real(
    config: Configuration, mode: Mode | None = None, *, model: Model | None = None, hand_over: bool = False
) -> Service:
    """The service against the real AWS, by the standard AWS variables. Raises NoAws, and HomeUnusable for a bad registry.

    `model` is for those that must not speak to one.
    """
    home = prepared(config.home)
    found, ledger = registry(config), kept(config)
    clients = RealClients(config.role_name, "stanch", config.region, external_id=config.external_id)
    key = _key(config, clients)
    service = Service(
        clients=clients,
        partition=clients.partition,
        ledger=ledger,
        model=model or _model(config, clients),
        policies=Policies.load_or_deny(config.policies, catalogue=catalogue()),
        registry=found.model_copy(
            update={"own_parts": [*found.own_parts, *own_names(clients.caller, config.role_name)]}
        ),
        catalogue=catalogue(),
        clock=lambda: datetime.now(UTC),
        nonce=lambda: secrets.token_hex(16),
        approval_key=key,
        settings=Settings(
            mode=mode or config.mode,
            minimum_severity=config.minimum_severity,
            approval_minutes=config.approval_minutes,
            posture_hours=config.posture_hours,
            cards_an_hour=config.cards_an_hour,
            case_minutes=config.case_minutes,
            block_hours=config.block_hours,
            custom_action=config.custom_action,
            hand_over=hand_over,
        ),
        archive=_archive(config, home, clients),
        since=since(config, ledger),
    )
    if not config.topic:
        return service
    # a function that hands over and has no secret holds no key of the page's: it sends a link that asks who comes
    held = None if hand_over and not config.approval_key_secret else key
    told = outbox(service)
    return replace(
        service,
        notify=notifier(told, config.topic, config.approvals_url, held),
        tell_card=card_teller(told, config.topic, config.approvals_url, held),
        tell_notice=notice_teller(told, config.topic),
        tell_ends=end_teller(told, config.topic),
    )


def _archive(config: Configuration, home: Path, clients: RealClients) -> Archive:
    """Where case files go: to a bucket of our own account, else under the home."""
    if not config.archive:
        return FileArchive(home / CASES)
    bucket, _, prefix = config.archive.removeprefix("s3://").partition("/")
    return S3Archive(clients.client("s3", clients.account, clients.region), bucket, prefix)


def outbox(service: Service) -> Aws:
    """AWS of our own account, for what leaves for our own parts."""
    clients = service.clients
    if not isinstance(clients, RealClients):
        raise TypeError("the embedded AWS has no parts of ours")
    return service.aws(clients.account, clients.region, Phase.TELL, OUTBOX, Tally())


def since(config: Configuration, ledger: Ledger) -> Callable[[], datetime | None]:
    """From when on findings are worked; the first start is asked of the ledger once, and only when it matters."""
    chosen = config.since
    if chosen == "first_start":
        return cache(lambda: ledger.first_start(datetime.now(UTC)) - BEFORE_FIRST_START)
    return lambda: chosen if isinstance(chosen, datetime) else None


def _key(config: Configuration, clients: RealClients) -> bytes:
    """The key that signs approvals: of the secret that functions share, else of this home. Raises NoAws."""
    if not config.approval_key_secret:
        return approval_key(prepared(config.home))
    aws = Aws(
        clients=clients, account=clients.account, region=clients.region, partition=clients.partition,
        phase=Phase.READ, declared=SECRET,
    )  # fmt: skip
    try:
        key = secret(aws, config.approval_key_secret)
    except AwsError as error:
        raise NoAws(f"the secret {config.approval_key_secret} cannot be read: {error}") from error
    if len(key) < KEY_BYTES:
        raise RuntimeError(f"{config.approval_key_secret} is no key: it has fewer than {KEY_BYTES} characters")
    return key


def registry(config: Configuration) -> Registry:
    """The operator's, of a table or a file; nothing where none is named. Raises RegistryUnusable."""
    if config.registry_table:
        try:
            return registry_table.load(state_client(config.region), config.registry_table)
        except registry_table.NoRegistry as error:
            raise RegistryUnusable(str(error)) from error
        except UNFIT as error:
            raise RegistryUnusable(f"STANCH_REGISTRY_TABLE: {config.registry_table}: {fault(error)}") from error
    try:
        return Registry() if config.registry is None else Registry.load(config.registry)
    except UNFIT as error:
        raise RegistryUnusable(f"STANCH_REGISTRY: {config.registry}: {fault(error)}") from error


def _model(config: Configuration, clients: RealClients) -> Model:
    from graphs.model import BedrockModel, PlaybookModel

    if not config.model:
        return PlaybookModel()
    runtime, control = clients.model(None)
    return BedrockModel(config.model, runtime, control, catalogue())
