"""`stanch-eval`: replay a corpus and say how it went."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.finding import Reason
from agent.report import Status
from agent.verdict import Mode
from evals.lanes import NoWorker
from evals.loading import InputRefused, load
from evals.port import DEFAULT_WORKER
from evals.progress import Meter
from evals.run import Exam, Result, replay
from evals.summary import reason_code
from evals.table import table
from evals.visible import printable

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

FAILED, REFUSED = 1, 2
ROWS = 100
"""A longer table says less than the counts do; the page has every row. The bundled cases fit."""


@app.callback()
def _about() -> None:
    """Replay recorded findings offline, score them, and draw the reports."""


@app.command()
def run(
    corpus: Annotated[list[Path], typer.Argument(help="JSONL of findings, an event.json, a case, a folder of cases.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for results.jsonl, summary.json, report.html and others.")],
    model: Annotated[str, typer.Option(help="playbook, or a Bedrock model id.")] = "playbook",
    mode: Annotated[Mode | None, typer.Option(help="Default: each case's own, else observe.")] = None,
    approve: Annotated[bool | None, typer.Option("--approve/--reject", help="What the approver answers.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = min(4, os.cpu_count() or 1),
    samples: Annotated[bool, typer.Option("--treat-samples-as-real", help="Work sample findings too.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the worlds' ids and nonces.")] = 0,
    worker: Annotated[str, typer.Option(hidden=True)] = DEFAULT_WORKER,
) -> None:
    """Replay a corpus in the sandbox. Exit code 0: as it should be; 1: something failed; 2: nothing in it could be read."""
    answer = None if approve is None else ("approve" if approve else "reject")
    exam = Exam(
        model=model, mode=mode, approve=answer, samples_as_real=samples or None, jobs=jobs, seed=seed, worker=worker
    )  # fmt: skip
    raise typer.Exit(examine(corpus, exam, out, Console(), Console(stderr=True)))


def examine(corpus: list[Path], exam: Exam, out: Path, say: Console, progress: Console) -> int:
    """Replay with a progress bar, print the table and where the page is. The exit code."""
    try:
        items = load(corpus)
        for item in items:
            if item.problem:
                progress.print(printable(item.problem.reason, 400), markup=False, highlight=False, soft_wrap=True)
        with Meter(len(items), progress) as meter:
            result = replay(items, exam, out, meter.ended)
    except InputRefused as error:
        print(printable(str(error), 400), file=sys.stderr)  # noqa: T201 - the one line that the caller is owed
        return REFUSED
    except NoWorker as error:
        print(printable(str(error), 400), file=sys.stderr)  # noqa: T201 - as above
        return FAILED
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(printable(where, 400), file=sys.stderr)  # noqa: T201 - as above
        return FAILED
    _conclude(result, out, say)
    if not result.summary.ok:
        return FAILED
    return REFUSED if _all_refused(result) else 0


def _all_refused(result: Result) -> bool:
    """Whether nothing of the corpus was a finding that we read, and nobody expected that."""
    unread = {Reason.MALFORMED.value, Reason.UNSUPPORTED.value}
    refused = (r.status is Status.REFUSED and reason_code(r) in unread for r in result.reports)
    return result.summary.cases == 0 and all(refused)


def _conclude(result: Result, out: Path, say: Console) -> None:
    if len(result.reports) <= ROWS:
        say.print(table(result.reports, result.seconds))
    summary = result.summary
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in summary.by_status.items())
    say.print(f"{summary.items} items, {summary.reports} reports: {counts}", highlight=False)
    if summary.cases:
        line = f"{summary.cases_passed} of {summary.cases} cases as expected ({summary.checks_passed}/{summary.checks} checks)"
        say.print(line, style="green" if summary.ok else "red", highlight=False)
    for item in summary.not_ok[:ROWS]:
        lines = [f"{check.name}: {check.message}" for check in item.checks if not check.ok]
        for line in [*lines, item.problem]:
            if line:
                say.print(f"  {item.id}: {printable(line, 300)}", markup=False, highlight=False, soft_wrap=True)
    say.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
