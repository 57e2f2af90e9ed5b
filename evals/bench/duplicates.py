"""What a duplicate costs: reads of the ledger, calls to AWS, questions to the model."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver

from agent.event import Event
from agent.plan import Case
from agent.report import Status
from evals.bench.figures import Figure, Goal, at_most
from evals.bench.scene import scene
from graphs.checkpoints import serializer
from graphs.runs import Runs
from graphs.service import Asked, Model, NotAnswered
from tools.ledger import Ledger

CASE = "key-used-to-destroy-contained"


class _Counting:
    """A ledger that counts what is asked of it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._ledger, name)

        def counted(*given: Any, **named: Any) -> Any:
            self.asked[name] += 1
            return method(*given, **named)

        return counted


class _Listening:
    """A model that counts its questions."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.asked = 0

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Count, and ask."""
        self.asked += 1
        return self._model.ask(case)


def duplicates() -> tuple[list[Figure], list[Goal]]:
    """The counts for one duplicate of a finished run."""
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        at = scene(CASE, Path(folder))
        ledger, model = _Counting(at.service.ledger), _Listening(at.service.model)
        service = replace(at.service, ledger=cast(Ledger, ledger), model=model)
        runs = Runs(service, InMemorySaver(serde=serializer()))
        event = Event(body=at.event, received_at=service.clock(), via="eval")
        runs.deliver(event)
        ledger.asked.clear()
        model.asked = 0
        before = at.sandbox.calls
        (report,) = runs.deliver(event)
    skipped = report.status is Status.SKIPPED
    note = ", ".join(sorted(ledger.asked)) if skipped else f"not taken for a duplicate: {report.reason}"
    reads = Figure(name="a duplicate: calls to the ledger", value=float(ledger.asked.total()), unit="calls", note=note)
    calls = Figure(name="a duplicate: calls to AWS", value=float(at.sandbox.calls - before), unit="calls")
    asked = Figure(name="a duplicate: questions to the model", value=float(model.asked), unit="questions")
    goals = [
        at_most("ledger reads of a duplicate", reads, 1, note),
        at_most("questions of a duplicate to the model", asked, 0),
    ]
    return [reads, calls, asked], goals
