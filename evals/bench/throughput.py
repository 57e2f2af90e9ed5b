"""How fast an exam goes through cases: one warm worker, one case after the other."""

import time
from pathlib import Path

from evals.bench.figures import Figure, Goal, at_most, timed
from evals.bench.scene import CASES
from evals.exam import Exam
from evals.loading import Item, load
from evals.worker import ExamWorker, build
from tools.sandbox.world import World


def throughput(cases: int) -> tuple[list[Figure], list[Goal]]:
    """Milliseconds a case, its world and its looking at bystanders included, and cases a second."""
    worker = build()
    items = [item for item in load([CASES]) if item.problem is None][:cases]
    for item in items[: max(2, len(items) // 3)]:
        _work(worker, item)
    seconds = [_work(worker, item) for item in items]
    a_case = timed("an eval case", seconds, f"{len(seconds)} bundled cases in one process")
    rate = Figure(
        name="eval cases a second", value=round(len(seconds) / sum(seconds), 2), unit="/s", note="one process"
    )
    return [a_case, rate], [at_most("an eval case, in the median", a_case, 100.0)]


def _work(worker: ExamWorker, item: Item) -> float:
    world = World.load(item.world) if isinstance(item.world, Path) else None
    began = time.perf_counter()
    worker.work(item.event, world, Exam().options(item))
    return time.perf_counter() - began
