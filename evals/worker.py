"""The worker of an exam: each event in a fresh world with a fresh ledger, worked by the real graph."""

import gc
import itertools
import tempfile
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from agent.event import Event
from agent.policy import Policies
from agent.report import Report, Status
from agent.verdict import Ruling
from evals.attacking import attacked
from evals.judges import judge_of
from evals.port import Options, Work
from evals.stopwatch import Stopwatch
from evals.watching import Watch
from graphs.answering import answer
from graphs.checkpoints import serializer
from graphs.runs import Runs
from graphs.service import Service, Settings
from tools.action import catalogue
from tools.ledger import SqliteLedger
from tools.registry import Registry
from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import seed
from tools.sandbox.world import World

_COLLECTED_AFTER = 50_000
"""Objects more than before."""


class ExamWorker:
    """Works events in this process, one world after the other."""

    def __init__(self) -> None:
        self._policies = Policies.load_or_deny(catalogue=catalogue())

    def work(self, event: JsonValue, world: World | None, options: Options) -> Work:
        """Seed, deliver, and answer what is asked as the options say."""
        event, world = attacked(event, world, options.attack)
        body: Any = event
        made = world or world_for(body)
        sandbox = Sandbox.fresh(options.seed, made.now)
        seed(sandbox, made, body if isinstance(body, dict) else None)
        bystanders = Watch(sandbox, made, options.watch)
        with tempfile.TemporaryDirectory(prefix="stanch-exam-") as folder:
            service = self.service(sandbox, made.registry, options, Path(folder), made.partition)
            watch = Stopwatch(serde=serializer())
            runs = Runs(service, watch)
            reports = runs.deliver(Event(body=body, received_at=sandbox.now(), via="eval"))
            final = [self._answered(runs, report, options) for report in reports]
        return Work(final, [_asked(report) for report in reports], bystanders.changed(), watch.nodes)

    def service(
        self, sandbox: Sandbox, registry: Registry, options: Options, folder: Path, partition: str = "aws"
    ) -> Service:
        """The service over one world: everything real but AWS."""
        numbers = itertools.count(1)
        return Service(
            clients=sandbox.clients(),
            partition=partition,
            ledger=SqliteLedger(folder / "ledger.sqlite", durable=False, sandbox=True),
            model=judge_of(options, sandbox, catalogue()),
            policies=self._policies,
            registry=registry,
            catalogue=catalogue(),
            clock=sandbox.now,
            nonce=lambda: f"nonce-{next(numbers):04d}",
            approval_key=b"exam",
            settings=Settings(mode=options.mode, sandbox=True, samples_are_real=options.samples_as_real),
        )

    def _answered(self, runs: Runs, report: Report, options: Options) -> Report:
        """Answer as one approver after another, until the run no longer waits."""
        people = [*runs.service.registry.people, "approver-1", "approver-2"]
        for person in people if options.approve else []:
            if report.status is not Status.AWAITING_APPROVAL or options.approve is None:
                break
            only = _kept(runs, report.run_id, options.drops)
            given = answer(runs, report.run_id, options.approve, person, only, "as the exam says")
            report = given if isinstance(given, Report) else report
        return report


def _kept(runs: Runs, run_id: str, drops: list[str]) -> list[str] | None:
    """Ids of the asked actions that are not dropped. None: all of them."""
    request = runs.service.ledger.request(run_id)
    if request is None or not drops:
        return None
    return [one.id for one in request.actions if f"{one.change.action} {one.change.target.id}" not in drops]


def _asked(report: Report) -> list[str]:
    """The policies that ask in a report."""
    verdicts = [action.verdict for action in report.actions if action.verdict is not None]
    return sorted({policy for each in verdicts if each.ruling is Ruling.ASK for policy in each.policies})


def build() -> ExamWorker:
    """The worker of this process, which looks for garbage less often than Python would: worlds are large, and end soon."""
    gc.set_threshold(_COLLECTED_AFTER)
    return ExamWorker()
