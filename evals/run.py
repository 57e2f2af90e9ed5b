"""Replay a corpus: every item through a worker, in lanes, scored, and written down in input order."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from agent.record import Record
from agent.report import Report, Status
from agent.verdict import Mode
from evals.expect import Check, score
from evals.junit import junit
from evals.lanes import Lanes, Task, Worked
from evals.loading import Item
from evals.page import render_eval
from evals.port import DEFAULT_WORKER, Options
from evals.summary import Examined, Summary
from evals.unworked import unworked


class Exam(Record):
    """How a corpus is replayed. What is None is each case's own choice."""

    model: str = "playbook"
    mode: Mode | None = None
    approve: Literal["approve", "reject"] | None = None
    samples_as_real: bool | None = None
    jobs: int = 1
    seed: int = 0
    worker: str = DEFAULT_WORKER

    def options(self, item: Item) -> Options:
        """The options for one item: what was asked for, else what its case says, else to observe."""
        expect = item.expect
        asked = self.samples_as_real
        return Options(
            mode=self.mode or (expect.mode if expect else Mode.OBSERVE),
            model=self.model,
            samples_as_real=asked if asked is not None else bool(expect and expect.samples_as_real),
            approve=self.approve or (expect.approver if expect else None),
            seed=self.seed,
        )


@dataclass(frozen=True)
class Result:
    """A corpus replayed: what `summary.json` says, and everything behind it, in input order."""

    summary: Summary
    reports: list[Report]
    seconds: list[float]
    """Of each report's item."""
    examined: list[Examined]


def replay(items: list[Item], exam: Exam, out: Path, ended: Callable[[Examined], None]) -> Result:
    """Work every item and write `results.jsonl`, `timings.jsonl`, `summary.json`, `report.html`, `junit.xml` to `out`.

    `ended` is told of each item as it ends. Raises NoWorker.
    """
    out.mkdir(parents=True, exist_ok=True)
    tasks = [Task(item, exam.options(item)) for item in items]
    examined: list[Examined] = []
    reports: list[Report] = []
    seconds: list[float] = []
    traces: list[str] = []
    with (
        (out / "results.jsonl").open("w", encoding="utf-8") as results,
        (out / "timings.jsonl").open("w", encoding="utf-8") as timings,
        Lanes(exam.worker, max(1, min(exam.jobs, len(items)))) as lanes,
    ):
        for worked in _in_order(lanes.work(tasks), lambda done: ended(_examined(tasks[done.index], done, 0))):
            task = tasks[worked.index]
            found = _reports(task, worked)
            examined.append(_examined(task, worked, len(reports)))
            _write(results, timings, task.item.id, found, worked.seconds)
            reports += found
            seconds += [worked.seconds] * len(found)
            traces += [f"{task.item.id}\n{worked.trace}"] if worked.trace else []
    result = Result(Summary.of(examined, reports), reports, seconds, examined)
    _write_sums(result, out, traces)
    return result


def _in_order(ended: Iterator[Worked], tell: Callable[[Worked], None]) -> Iterator[Worked]:
    early: dict[int, Worked] = {}
    turn = 0
    for worked in ended:
        tell(worked)
        early[worked.index] = worked
        while turn in early:
            yield early.pop(turn)
            turn += 1


def _reports(task: Task, worked: Worked) -> list[Report]:
    problem, mode = task.item.problem, task.options.mode
    if problem:
        return [unworked(task.item, mode, problem.status, problem.reason)]
    if worked.failure:
        return [unworked(task.item, mode, Status.FAILED, worked.failure)]
    if not worked.reports:
        return [unworked(task.item, mode, Status.FAILED, "no_report: the run ended and said nothing")]
    return worked.reports


def _examined(task: Task, worked: Worked, first: int) -> Examined:
    reports = _reports(task, worked)
    return Examined.of(task.item.id, first, reports, _checks(task, reports))


def _checks(task: Task, reports: list[Report]) -> list[Check] | None:
    expect = task.item.expect
    if expect is None:
        return None
    own = (task.options.mode, task.options.approve) == (expect.mode, expect.approver)
    return score(expect, reports, own_mode=own)


def _write(results: TextIO, timings: TextIO, item: str, reports: list[Report], seconds: float) -> None:
    for report in reports:
        results.write(canonical(report) + "\n")
        timings.write(json.dumps({"id": item, "run_id": report.run_id, "seconds": round(seconds, 4)}) + "\n")


def canonical(report: Report) -> str:
    """A report as one line whose bytes depend on nothing but what it says: parallel answers come in any order."""
    return json.dumps(report.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _write_sums(result: Result, out: Path, traces: list[str]) -> None:
    seconds = [result.seconds[item.first] for item in result.examined]
    (out / "summary.json").write_text(result.summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (out / "junit.xml").write_bytes(junit(result.examined, seconds))
    (out / "report.html").write_text(render_eval(result.reports, result.summary), encoding="utf-8")
    failures = out / "failures.txt"
    failures.unlink(missing_ok=True)
    if traces:
        failures.write_text("\n".join(traces), encoding="utf-8")
