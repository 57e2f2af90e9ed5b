"""Replay a corpus: every item through a worker, in lanes, scored, and written down in input order."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from agent.report import Report, Status
from evals.attack_score import Attacked, AttackScore, compared
from evals.attacks import ATTACKS
from evals.exam import Exam, Part, Planned, fingerprint, planned
from evals.expect import Check, score
from evals.journal import Journal
from evals.junit import junit
from evals.lanes import Lanes, Task, Worked
from evals.loading import Item
from evals.page import Place, render_eval
from evals.plots import Timing
from evals.summary import Examined, Summary
from evals.unworked import unworked

__all__ = ["Exam", "Result", "canonical", "replay"]


@dataclass(frozen=True)
class Result:
    """A corpus replayed: what `summary.json` says, and everything behind it, in input order."""

    summary: Summary
    reports: list[Report]
    seconds: list[float]
    """Of each report's item."""
    examined: list[Examined]
    timings: list[Timing]


@dataclass
class _Tally:
    """What a replay has come to so far."""

    examined: list[Examined] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    attacked: list[Attacked] = field(default_factory=list)
    honest: list[Report] = field(default_factory=list)
    """The last honest run, which the attacks after it are measured against."""


def replay(
    items: list[Item], exam: Exam, out: Path, ended: Callable[[Examined | None], None], *, resume: bool = False
) -> Result:
    """Work every item and write `results.jsonl`, `timings.jsonl`, `summary.json`, `report.html`, `junit.xml` to `out`.

    `ended` is told of each task as it ends, with what came of it if it is a trial. With `resume`, what an earlier run of the same
    had done when it was broken off is taken over. Raises NoWorker, OtherRun, NothingLeft.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = planned(items, exam)
    tasks = [each.task for each in plan]
    journal = Journal(out, fingerprint(items, exam))
    before = {worked.index: worked for worked in (journal.resumed() if resume else journal.fresh())}
    made = _Tally()
    with (
        journal,
        (out / "results.jsonl").open("w", encoding="utf-8") as results,
        (out / "timings.jsonl").open("w", encoding="utf-8") as timings,
        Lanes(exam.worker, max(1, min(exam.jobs, len(tasks)))) as lanes,
    ):
        for worked in _in_order(_all(lanes, tasks, before, journal), lambda done: ended(_told(plan, done))):
            _take(made, plan[worked.index], worked, results, timings)
        result = _result(made, exam)
        _write_sums(result, out, made)
    return result


def _all(lanes: Lanes, tasks: list[Task], before: dict[int, Worked], journal: Journal) -> Iterator[Worked]:
    """What was done before, and then the rest as it is done."""
    yield from before.values()
    for worked in lanes.work(tasks, before.keys()):
        journal.keep(worked)
        yield worked


def _told(plan: list[Planned], worked: Worked) -> Examined | None:
    part, task = plan[worked.index]
    return _examined(task, worked, 0) if part is Part.TRIAL else None


def _in_order(ended: Iterator[Worked], tell: Callable[[Worked], None]) -> Iterator[Worked]:
    early: dict[int, Worked] = {}
    turn = 0
    for worked in ended:
        tell(worked)
        early[worked.index] = worked
        while turn in early:
            yield early.pop(turn)
            turn += 1


def _take(made: _Tally, planned: Planned, worked: Worked, results: TextIO, timings: TextIO) -> None:
    """Add one task to the tally, and write a trial down."""
    part, task = planned
    found = _reports(task, worked)
    made.traces += [f"{task.item.id}\n{worked.trace}"] if worked.trace else []
    if part is Part.HONEST:
        made.honest = found
    elif part is Part.ATTACK:
        how = (task.options.attack, task.item.id, made.honest, found, task.item.expect, worked.work.changed)
        made.attacked.append(compared(*how))
    else:
        made.examined.append(_examined(task, worked, len(made.reports)))
        made.timings.append(Timing(made.examined[-1].label, worked.seconds, worked.work.nodes))
        _write(results, timings, task, found, worked)
        made.reports += found
        made.seconds += [worked.seconds] * len(found)


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
    return Examined.of(task.item.id, first, reports, _checks(task, worked, reports), task.options.trial)


def _checks(task: Task, worked: Worked, reports: list[Report]) -> list[Check] | None:
    expect = task.item.expect
    if expect is None:
        return None
    own = (task.options.mode, task.options.approve) == (expect.mode, expect.approver)
    return score(expect, reports, own_mode=own, asked=worked.work.asked, changed=worked.work.changed)


def _write(results: TextIO, timings: TextIO, task: Task, reports: list[Report], worked: Worked) -> None:
    nodes = {node: round(seconds, 4) for node, seconds in worked.work.nodes.items()}
    for report in reports:
        results.write(canonical(report) + "\n")
        row = {"id": task.item.id, "trial": task.options.trial, "run_id": report.run_id}
        timings.write(json.dumps({**row, "seconds": round(worked.seconds, 4), "nodes": nodes}) + "\n")


def canonical(report: Report) -> str:
    """A report as one line whose bytes depend on nothing but what it says: parallel answers come in any order."""
    return json.dumps(report.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _result(made: _Tally, exam: Exam) -> Result:
    scores = [
        AttackScore.of(attack, ATTACKS[attack].tells, [one for one in made.attacked if one.attack == attack])
        for attack in exam.attacks
    ]
    summary = Summary.of(made.examined, made.reports, exam.trials, scores)
    return Result(summary, made.reports, made.seconds, made.examined, made.timings)


def _write_sums(result: Result, out: Path, made: _Tally) -> None:
    seconds = [timing.seconds for timing in result.timings]
    (out / "summary.json").write_text(result.summary.model_dump_json(indent=2) + "\n", encoding="utf-8")
    (out / "junit.xml").write_bytes(junit(result.examined, seconds))
    shown = _shown(result)
    page = render_eval([result.reports[place.line - 1] for place in shown], result.summary, result.timings, shown)
    (out / "report.html").write_text(page, encoding="utf-8")
    for name, lines in (("failures.txt", made.traces), ("attacks.jsonl", _attack_lines(made))):
        (out / name).unlink(missing_ok=True)
        if lines:
            (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _shown(result: Result) -> list[Place]:
    """Where the reports are that the page shows: of further trials only those that fell short."""
    kept = [item for item in result.examined if item.trial == 1 or not item.ok]
    return [Place(item.label, item.first + number) for item in kept for number in range(1, item.reports + 1)]


def _attack_lines(made: _Tally) -> list[str]:
    return [json.dumps(one.model_dump(mode="json") | {"succeeded": one.succeeded}) for one in made.attacked]
