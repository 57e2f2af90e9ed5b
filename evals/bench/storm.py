"""A storm: each finding delivered a hundred times in a mixed order, over SQLite, as a queue that repeats itself would."""

import gc
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from langgraph.checkpoint.sqlite import SqliteSaver

from agent.event import Event
from agent.report import Status
from evals.bench.counting import CountingLedger, CountingModel, counting
from evals.bench.figures import Figure, Goal, at_most
from evals.bench.memory import CASE, another, resident
from evals.bench.scene import Scene, scene
from graphs.checkpoints import serializer
from graphs.runs import Runs
from tools.sandbox.seed import seed
from tools.sandbox.world import World

REPEATED = 100
"""How often each finding is delivered."""
FIRST = 5
"""One delivery in so many is taken before memory is measured for the first time: by then every finding has its run."""
GROWTH = 1.02


class _Storm:
    """One process that everything is delivered to, and what its deliveries cost."""

    def __init__(self, at: Scene, ledger: CountingLedger, model: CountingModel, runs: Runs) -> None:
        self._at, self._ledger, self._model, self._runs = at, ledger, model, runs
        self.opened: set[str] = set()
        self.costs = [0, 0, 0]
        """The most that one duplicate asked of the ledger, of AWS and of the model."""
        self.seconds: list[float] = []

    def deliver(self, event: Event) -> None:
        """Deliver once, and keep what it cost if its run was there before."""
        before, start = self._asked(), perf_counter()
        (report,) = self._runs.deliver(event)
        took = perf_counter() - start
        if report.status is not Status.SKIPPED:
            self.opened.add(report.run_id)
            return
        self.seconds.append(took)
        self.costs = [max(most, now - then) for most, now, then in zip(self.costs, self._asked(), before, strict=True)]

    def _asked(self) -> list[int]:
        return [self._ledger.asked.total(), self._at.sandbox.calls, self._model.asked]


def storm(deliveries: int) -> tuple[list[Figure], list[Goal]]:
    """How many runs so many deliveries open, what a duplicate costs, and how memory grows over the later ones."""
    findings = max(1, deliveries // REPEATED)
    order = [number for number in range(findings) for _ in range(REPEATED)]
    random.Random(0).shuffle(order)  # noqa: S311 - an order, no secret
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        at = scene(CASE, Path(folder))
        service, ledger, model = counting(at.service)
        events = _events(at, findings)
        with closing(sqlite3.connect(Path(folder) / "checkpoints.sqlite", check_same_thread=False)) as connection:
            runs = Runs(service, SqliteSaver(connection, serde=serializer()))
            one = _Storm(at, ledger, model, runs)
            first = _resident_after(one, [events[number] for number in order[: len(order) // FIRST]])
            last = _resident_after(one, [events[number] for number in order[len(order) // FIRST :]])
        rows = len(at.service.ledger.runs())
    return _measured(one, len(order), findings, rows, first, last)


def _events(at: Scene, findings: int) -> list[Event]:
    """So many findings like the scene's, each known to its service."""
    nothing = World(now=at.world.now, account=at.world.account, region=at.world.region)
    bodies = [another(at.event, number) for number in range(findings)]
    for body in bodies:
        seed(at.sandbox, nothing, body)
    return [Event(body=body, received_at=at.world.now, via="eval") for body in bodies]


def _resident_after(one: _Storm, events: list[Event]) -> int:
    for event in events:
        one.deliver(event)
    gc.collect()
    return resident()


def _measured(
    one: _Storm, deliveries: int, findings: int, rows: int, first: int, last: int
) -> tuple[list[Figure], list[Goal]]:
    note = f"{deliveries} deliveries of {findings} findings"
    middle = sorted(one.seconds)[len(one.seconds) // 2] if one.seconds else 0.0
    extra = abs(rows - findings) + abs(len(one.opened) - findings)
    runs = Figure(name="a storm: runs", value=float(rows), unit="runs", note=note)
    beyond = Figure(name="a storm: runs beyond one for each finding", value=float(extra), unit="runs")
    time = Figure(name="a storm: a duplicate, in the median", value=round(middle * 1000, 2), unit="ms")
    asked, calls, questions = (
        Figure(name=f"a storm: the most {what} of one duplicate", value=float(most), unit=unit)
        for what, most, unit in zip(
            ("ledger reads", "calls to AWS", "questions to the model"), one.costs, ("calls", "calls", "questions"),
            strict=True,
        )
    )  # fmt: skip
    growth = Figure(
        name="a storm: memory at its end, beside memory after a fifth of it", value=round(last / first, 4), unit="x",
        note=f"{first} KB, then {last} KB",
    )  # fmt: skip
    goals = [
        at_most("runs of a storm beyond one for each finding", beyond, 0, note),
        at_most("ledger reads of a duplicate in a storm", asked, 1),
        at_most("AWS calls of a duplicate in a storm", calls, 0),
        at_most("questions to the model of a duplicate in a storm", questions, 0),
        at_most("memory over the later four fifths of a storm", growth, GROWTH),
    ]
    return [runs, beyond, time, asked, calls, questions, growth], goals
