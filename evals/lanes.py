"""Lanes: worker processes, one item in flight in each, so that a process that dies takes exactly one item with it."""

import multiprocessing
import os
import pkgutil
import threading
import time
import traceback
from collections.abc import Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, cast

from agent.report import Report
from evals.loading import Item
from evals.port import CassetteMissed, Options, Work, Worker

if TYPE_CHECKING:
    from tools.sandbox.world import World


_NOTHING = Work([])
_DIED = "worker_died: the process that worked it ended before it answered"


class NoWorker(Exception):
    """The worker's factory cannot be found or imported: nothing at all can be run."""


class WorkFailed(Exception):
    """The worker raised: what, where, and the whole traceback for whoever mends it."""

    def __init__(self, reason: str, trace: str) -> None:
        super().__init__(reason, trace)
        self.reason = reason
        self.trace = trace


@dataclass(frozen=True)
class Worked:
    """What came of one task: its work, or why there is none."""

    index: int
    work: Work
    seconds: float
    failure: str = ""
    trace: str = ""
    died: bool = False
    """Whether the process ended before it answered: another try may end otherwise."""

    @property
    def reports(self) -> list[Report]:
        """Of each finding."""
        return self.work.reports


@dataclass(frozen=True)
class Task:
    """One item with the options it is worked with."""

    item: Item
    options: Options


class Lanes:
    """A fixed number of worker processes. Use as a context manager."""

    def __init__(self, factory: str, jobs: int) -> None:
        self._factory = factory
        self._idle = [_process() for _ in range(jobs)]
        self._busy: dict[Future[tuple[Work, float]], tuple[int, ProcessPoolExecutor]] = {}

    def __enter__(self) -> "Lanes":
        return self

    def __exit__(self, *_: object) -> None:
        for lane in [*self._idle, *(lane for _, lane in self._busy.values())]:
            lane.shutdown(wait=True, cancel_futures=True)

    def work(self, tasks: list[Task], done: Container[int] = ()) -> Iterator[Worked]:
        """Work every task but those done already; each is yielded as it ends, in whatever order. Raises NoWorker."""
        waiting = [(index, task) for index, task in enumerate(tasks) if index not in done][::-1]
        while waiting or self._busy:
            while waiting and self._idle:
                index, task = waiting.pop()
                if task.item.problem:
                    yield Worked(index, _NOTHING, 0.0)
                    continue
                lane = self._idle.pop()
                self._busy[lane.submit(_work, self._factory, task)] = (index, lane)
            if not self._busy:
                continue
            for future in wait(self._busy, return_when=FIRST_COMPLETED).done:
                index, lane = self._busy.pop(future)
                yield self._ended(index, future, lane)

    def _ended(self, index: int, future: Future[tuple[Work, float]], lane: ProcessPoolExecutor) -> Worked:
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            lane.shutdown(wait=False)
            self._idle.append(_process())
            return Worked(index, _NOTHING, 0.0, _DIED, died=True)
        self._idle.append(lane)
        if isinstance(error, WorkFailed):
            return Worked(index, _NOTHING, 0.0, error.reason, error.trace)
        work, seconds = future.result()
        return Worked(index, work, seconds)


def _process() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """In the worker's process: end when whoever started it is gone, however it went. Nobody would read its answer."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent,), daemon=True).start()


def _outlive(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _work(factory: str, task: Task) -> tuple[Work, float]:
    """In the worker's process. Whatever is raised there comes back as one type, because not every error can be pickled."""
    worker = _worker(factory)
    world = _world(task.item.world)
    began = time.perf_counter()
    try:
        work = worker.work(task.item.event, world, task.options)
    except CassetteMissed as error:
        raise WorkFailed(error.reason, error.difference) from error
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        raise WorkFailed(f"bug: {type(error).__name__}: {error} ({where})", traceback.format_exc()) from error
    return work, time.perf_counter() - began


def _world(path: Path | None) -> "World | None":
    if path is None:
        return None
    from tools.sandbox.world import World, WorldError  # a heavy import, which only the worker's process needs

    try:
        return World.load(path)
    except (WorldError, UnicodeDecodeError) as error:
        raise WorkFailed(f"case: {path.parent.name}/{path.name}: {error}", "") from error


@cache
def _worker(factory: str) -> Worker:
    try:
        make = pkgutil.resolve_name(factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoWorker(f"no worker at {factory}: {error}") from error
    return cast(Worker, make())
