"""What a duplicate costs: reads of the ledger, calls to AWS, questions to the model."""

from pathlib import Path
from tempfile import TemporaryDirectory

from langgraph.checkpoint.memory import InMemorySaver

from agent.event import Event
from agent.report import Status
from evals.bench.counting import counting
from evals.bench.figures import Figure, Goal, at_most
from evals.bench.scene import scene
from graphs.checkpoints import serializer
from graphs.runs import Runs

CASE = "key-used-to-destroy-contained"


def duplicates() -> tuple[list[Figure], list[Goal]]:
    """The counts for one duplicate of a finished run."""
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        at = scene(CASE, Path(folder))
        service, ledger, model = counting(at.service)
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
