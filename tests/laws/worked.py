"""Every bundled case worked once in its own mode, answered as it says, delivered again, and taken back: what was seen."""

import os
import pickle
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundled import Bundled, bundled, everything
from desk import Desk
from langgraph.checkpoint.memory import InMemorySaver

from agent.receipt import Outcome
from agent.report import Report, ReportedAction, Status
from graphs.checkpoints import serializer
from graphs.embedded import answerer
from graphs.runs import Runs
from graphs.service import Service
from graphs.undo import undo_run
from tools.action import actions, catalogue
from tools.aws import Phase, Tally
from tools.ledger import SqliteLedger
from tools.sandbox.faults import SandboxCall
from tools.sandbox.services.bedrock import ModelAnswer, set_answerer

World = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Worked:
    """One case, from before to after its undo. All of it is plain data: the world is gone."""

    case: Bundled
    reports: list[Report]
    calls: list[SandboxCall]
    converse: list[dict[str, Any]]
    """The requests that went to the model, as boto3 was given them."""
    before: World
    after: World
    holds: dict[str, bool]
    """By run and action: whether a second reading, afterwards, finds what the receipt says."""
    again: list[Report]
    """What delivering the same event again said."""
    again_calls: int
    undone: list[Any]
    """What undoing each run that did something said, days later and in another process."""
    restored: World

    @property
    def done(self) -> list[ReportedAction]:
        """The actions that were done."""
        return [a for report in self.reports for a in report.actions if a.receipt and a.receipt.outcome is Outcome.DONE]


def work_all(shared: Path, worker: int) -> tuple[Worked, ...]:
    """All of them, each worked by one of the processes that share the folder: every second process starts at the end."""
    shared.mkdir(exist_ok=True)
    cases = bundled()
    made = [_kept(shared, case) for case in (cases[::-1] if worker % 2 else cases)]
    return tuple(sorted(made, key=lambda each: each.case.name))


def _kept(shared: Path, case: Bundled) -> Worked:
    path = shared / f"{case.name}.pickle"
    if path.exists():
        found: Worked = pickle.loads(path.read_bytes())  # noqa: S301 - another process of these tests wrote it
        return found
    made = _work(case)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_bytes(pickle.dumps(made))
    unfinished.rename(path)
    return made


def _work(case: Bundled) -> Worked:
    with tempfile.TemporaryDirectory(prefix="stanch-law-") as folder:
        at = case.desk(Path(folder), case.expect.mode)
        converse: list[dict[str, Any]] = []
        answers = answerer(catalogue())

        def recorded(request: dict[str, Any]) -> ModelAnswer:
            converse.append(request)
            return answers(request)

        set_answerer(recorded)
        before = everything(at)
        at.calls.clear()
        reports = [_answered(at, case, report) for report in at.deliver_all()]
        calls, after = list(at.calls), everything(at)
        holds = {f"{r.run_id} {a.planned.id}": _holds(at, a) for r in reports for a in r.actions if a.receipt}
        at.calls.clear()
        again = at.deliver_all()
        again_calls = len(at.calls)
        undone = [_undo(at, folder, report) for report in reports if any(a.undo for a in report.actions)]
        return Worked(
            case, reports, calls, converse, before, after, holds, again, again_calls, undone, everything(at)
        )  # fmt: skip


def _answered(at: Desk, case: Bundled, report: Report) -> Report:
    """As one approver after the other answers, until the run no longer waits."""
    for person in [*at.service.registry.people, "approver-1", "approver-2"] if case.expect.approver else []:
        if report.status is Status.AWAITING_APPROVAL:
            given = at.say(case.expect.approver, report, person)
            report = given if isinstance(given, Report) else report
    return report


def _holds(at: Desk, action: ReportedAction) -> bool:
    change, module = action.planned.change, actions()[action.planned.change.action]
    aws = at.service.aws(change.target.account, change.target.region, Phase.VERIFY, module.CALLS, Tally())
    return module.verify(aws, change).holds


def _undo(at: Desk, folder: str, report: Report) -> Any:
    """By another process: with a ledger and checkpoints that it opens itself. What still waits is answered with no first."""
    person = next(iter(at.service.registry.people), "approver-1")
    if report.status is Status.AWAITING_APPROVAL:
        at.say("reject", report, person)
    at.wait(days=3)
    ledger = SqliteLedger(Path(folder) / "ledger.sqlite", lambda _: False, durable=False)
    service = Service(**{**vars(at.service), "ledger": ledger})
    return undo_run(Runs(service, InMemorySaver(serde=serializer())).service, report.run_id, None, person)
