"""The parts of the bench, each measured in a new process, so that none warms or burdens another."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from evals.bench.figures import Bench, Figure, Goal, Size, machine

Part = tuple[list[Figure], list[Goal]]


def _cold(size: Size) -> Part:
    from evals.bench.coldstart import cold_starts  # each part has a process of its own, and its imports there

    return cold_starts(size.rounds)


def _overhead(size: Size) -> Part:
    from evals.bench.overhead import overhead

    return overhead(size.rounds)


def _evidence(size: Size) -> Part:
    from evals.bench.evidence import evidence

    return evidence(size.rounds)


def _throughput(size: Size) -> Part:
    from evals.bench.throughput import throughput

    return throughput(size.cases)


def _duplicates(size: Size) -> Part:
    from evals.bench.duplicates import duplicates

    return duplicates()


def _memory(size: Size) -> Part:
    from evals.bench.memory import memory

    return memory(size.findings)


def _storm(size: Size) -> Part:
    from evals.bench.storm import storm

    return storm(size.deliveries)


PARTS: dict[str, Callable[[Size], Part]] = {
    "cold": _cold, "graph": _overhead, "evidence": _evidence, "cases": _throughput, "duplicates": _duplicates, "memory": _memory,
    "storm": _storm,
}  # fmt: skip


def measured(size: Size, parts: list[str], tell: Callable[[str], None]) -> Bench:
    """Every part, one after the other, each in a new process."""
    here: dict[str, Any] = machine()
    figures: list[Figure] = []
    goals: list[Goal] = []
    for name in parts:
        tell(name)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            found, promised = process.submit(PARTS[name], size).result()
        figures += found
        goals += promised
    return Bench(**here, size=size, figures=figures, goals=goals)
