"""The whole of Stanch on this machine: the served AWS in a process, each function in another, one home for them all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from agent.report import Report
from graphs.holding import alive
from tests.lambdas import scene
from tests.lambdas.runtime import REGION, ROOT, Function, Service, invoking, plain_environment, running
from tools.ledger import Ledger, RunRow, SqliteLedger
from tools.ledger.dynamo import DynamoLedger
from tools.ledger.tables import CHECKPOINTS, LEDGER, create

NUMBERS = range(1, 9)
CLI = "import sys; from graphs.entrypoints.cli import main; sys.argv[0] = 'stanch'; main()"


@dataclass
class Deployment:
    """What a test works with."""

    home: Path
    environment: dict[str, str]
    lambdas: Service
    topic: str
    queue: str
    stack: ExitStack
    folder: Path
    functions: dict[str, Function] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        if "STANCH_TABLE" in self.environment:
            return DynamoLedger(self.client("dynamodb"), self.environment["STANCH_TABLE"])
        return SqliteLedger(self.home / "ledger.sqlite", alive, durable=False)

    def start(self, name: str, module: str, **variables: str) -> Function:
        """One more function."""
        environment = self.environment | variables
        handler = f"graphs.entrypoints.{module}.handler"
        function = self.stack.enter_context(running(name, handler, self.folder, environment))
        self.functions[name] = self.lambdas.functions[name] = function
        return function

    def client(self, service: str) -> Any:
        env = self.environment
        return boto3.client(
            service, REGION, endpoint_url=env["AWS_ENDPOINT_URL"], aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"], aws_session_token=env["AWS_SESSION_TOKEN"],
        )  # fmt: skip

    def aws(self, *arguments: str) -> Any:
        """What the plain AWS CLI answers, from outside."""
        return json.loads(self._ran([str(Path(sys.executable).parent / "aws"), *arguments, "--output", "json"]))

    def stanch(self, *arguments: str) -> str:
        """What `stanch` prints."""
        return self._ran([sys.executable, "-c", CLI, *arguments])

    def _ran(self, command: list[str]) -> str:
        ran = subprocess.run(  # noqa: S603 - our own interpreter's tools
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def row(self, number: int) -> RunRow | None:
        """The latest run of a user's finding."""
        arn = scene.event(number)["detail"]["findings"][0]["Id"]
        rows = [row for row in self.ledger.runs() if row.incident == arn]
        return max(rows, key=lambda row: row.generation, default=None)

    def ended(self, number: int) -> Report:
        """The report of a user's finding, once its run neither works nor waits."""

        def report() -> Report | None:
            row = self.row(number)
            done = row is not None and row.status not in (None, "awaiting_approval")
            return self.ledger.report(row.run_id) if row is not None and done else None

        return until(report)

    def key_status(self, number: int) -> str:
        keys = self.client("iam").list_access_keys(UserName=scene.user(number))
        return str(keys["AccessKeyMetadata"][0]["Status"])

    def policies(self, number: int) -> int:
        """How many policies of its own the user has."""
        return len(self.client("iam").list_user_policies(UserName=scene.user(number))["PolicyNames"])


def until(seen: Callable[[], Any], seconds: float = 30) -> Any:
    """What is seen once there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := seen():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


@contextmanager
def deployed(folder: Path, *, tables: bool = False) -> Iterator[Deployment]:
    """Everything, started at once. `tables`: with its state in DynamoDB, as the template has it."""
    (folder / "world.yaml").write_text(scene.world(NUMBERS), encoding="utf-8")
    (folder / "findings.json").write_text(json.dumps(scene.every_finding(NUMBERS)), encoding="utf-8")
    with ExitStack() as stack:
        files = ("--world", str(folder / "world.yaml"), "--event", str(folder / "findings.json"))
        served = stack.enter_context(sandbox(folder, *files))
        lambdas = Service()
        api = stack.enter_context(invoking(lambdas))
        environment = plain_environment() | served | {
            "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL_LAMBDA": api, "STANCH_HOME": str(folder / "home"),
            "STANCH_MODE": "approve", "STANCH_MODEL": "us.anthropic.claude-sonnet-4-6", "STANCH_LOG_LEVEL": "INFO",
            "STANCH_SINCE": "ever",
            "STANCH_EXECUTE_FUNCTION": "execute", "STANCH_EVENTS_FUNCTION": "events",
            "STANCH_APPROVALS_URL": "https://approvals.example.com",
        }  # fmt: skip
        made = Deployment(folder / "home", environment, lambdas, "", "", stack, folder)
        made.topic = made.client("sns").create_topic(Name="approvals")["TopicArn"]
        made.queue = made.client("sqs").create_queue(QueueName="people")["QueueUrl"]
        made.client("sns").subscribe(
            TopicArn=made.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{scene.ACCOUNT}:people",
            Attributes={"RawMessageDelivery": "true"},
        )  # fmt: skip
        made.client("secretsmanager").create_secret(Name="approval-key", SecretString="k" * 64)
        made.environment["STANCH_TOPIC"] = made.topic
        if tables:
            create(made.client("dynamodb"), LEDGER, "ledger")
            create(made.client("dynamodb"), CHECKPOINTS, "checkpoints")
            made.environment |= {
                "STANCH_STATE": "dynamodb", "STANCH_TABLE": "ledger", "STANCH_CHECKPOINT_TABLE": "checkpoints",
            }  # fmt: skip
        made.start("events", "lambda_events")
        made.start("auto", "lambda_events", STANCH_MODE="auto")
        for name in ("execute", "approvals", "clock"):
            made.start(name, f"lambda_{name}", STANCH_APPROVAL_KEY_SECRET="approval-key")
        yield made


@contextmanager
def sandbox(folder: Path, *arguments: str, ended_by: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, str]]:
    """`stanch sandbox serve` in its own process, until the signal; the variables that it prints."""
    environment = plain_environment() | {"STANCH_HOME": str(folder / "aws")}
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", CLI, "sandbox", "serve", "--json", *arguments],
            env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            os.kill(process.pid, ended_by)
            assert process.wait(20) == 0, "the served sandbox did not end cleanly"
