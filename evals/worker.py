"""The worker of an exam: each event in a fresh world with a fresh ledger, worked by the real graph."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from pydantic import JsonValue

from agent.event import Event
from agent.policy import Policies
from agent.report import Report, Status
from evals.port import Options
from graphs.answering import answer
from graphs.checkpoints import serializer
from graphs.embedded import answerer
from graphs.model import BedrockModel
from graphs.runs import Runs
from graphs.service import Model, Service, Settings
from tools.action import catalogue
from tools.ledger import SqliteLedger
from tools.registry import Registry
from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import seed
from tools.sandbox.services.bedrock import set_answerer
from tools.sandbox.world import World

WIRE_MODEL = "us.anthropic.claude-sonnet-4-6"
"""The id on the wire of the embedded Converse."""


class ExamWorker:
    """Works events in this process, one world after the other."""

    def __init__(self) -> None:
        self._policies = Policies.load_or_deny(catalogue=catalogue())
        set_answerer(answerer(catalogue()))

    def work(self, event: JsonValue, world: World | None, options: Options) -> list[Report]:
        """Seed, deliver, and answer what is asked as the options say."""
        body: Any = event
        made = world or world_for(body)
        sandbox = Sandbox.fresh(options.seed, made.now)
        seed(sandbox, made, body if isinstance(body, dict) else None)
        with tempfile.TemporaryDirectory(prefix="stanch-exam-") as folder:
            service = self.service(sandbox, made.registry, options, Path(folder))
            runs = Runs(service, InMemorySaver(serde=serializer()))
            reports = runs.deliver(Event(body=event, received_at=sandbox.now(), via="eval"))
            return [self._answered(runs, report, options) for report in reports]

    def service(self, sandbox: Sandbox, registry: Registry, options: Options, folder: Path) -> Service:
        """The service over one world: everything real but AWS."""
        numbers = itertools.count(1)
        return Service(
            clients=sandbox.clients(),
            partition="aws",
            ledger=SqliteLedger(folder / "ledger.sqlite", durable=False, sandbox=True),
            model=self._model(sandbox, options),
            policies=self._policies,
            registry=registry,
            catalogue=catalogue(),
            clock=sandbox.now,
            nonce=lambda: f"nonce-{next(numbers):04d}",
            approval_key=b"exam",
            settings=Settings(mode=options.mode, sandbox=True, samples_are_real=options.samples_as_real),
        )

    def _model(self, sandbox: Sandbox, options: Options) -> Model:
        account = "123456789012"
        runtime = sandbox.client("bedrock-runtime", account, "us-east-1")
        control = sandbox.client("bedrock", account, "us-east-1")
        return BedrockModel(WIRE_MODEL, runtime, control, catalogue())

    def _answered(self, runs: Runs, report: Report, options: Options) -> Report:
        """Answer as one approver after another, until the run no longer waits."""
        people = [*runs.service.registry.people, "approver-1", "approver-2"]
        for person in people if options.approve else []:
            if report.status is not Status.AWAITING_APPROVAL or options.approve is None:
                break
            given = answer(runs, report.run_id, options.approve, person, None, "as the exam says")
            report = given if isinstance(given, Report) else report
        return report


def build() -> ExamWorker:
    """The worker of this process."""
    return ExamWorker()
