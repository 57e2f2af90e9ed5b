"""`stanch-eval`: replay a corpus and say how it went."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agent.finding import Reason
from agent.plural import plural
from agent.report import Status
from agent.verdict import Mode
from evals import cli_compare, cli_record
from evals.asked_for import attacks_of, model_of
from evals.attack_score import Attacked, AttackScore
from evals.attacks import GROUPS
from evals.exam import Exam, planned
from evals.journal import Journal, NothingLeft, OtherRun
from evals.lanes import NoWorker
from evals.loading import InputRefused, load
from evals.port import DEFAULT_WORKER
from evals.progress import Meter
from evals.run import Result, replay
from evals.summary import reason_code
from evals.table import table
from evals.trials import TrialScore
from evals.visible import printable
from graphs.entrypoints.commands import Commands

app = typer.Typer(
    cls=Commands, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)
cli_compare.add_to(app)
cli_record.add_to(app)

FAILED, REFUSED = 1, 2
_ATTACKS_HELP = f"Work each item once more under these attacks: {', '.join(GROUPS)}, or one of theirs."
ROWS = 200
"""A longer table says less than the counts do; the page has every row. The bundled cases fit, which a test holds."""


@app.callback()
def _about() -> None:
    """Replay recorded findings offline, score them, and draw the reports."""


@app.command()
def run(
    corpus: Annotated[list[Path], typer.Argument(help="JSONL of findings, an event.json, a case, a folder of cases.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Folder for results.jsonl, summary.json, report.html and others."),
    ],
    model: Annotated[str | None, typer.Option(metavar="ID", help="playbook (default), or a Bedrock model id.")] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(metavar="MODE", help="observe, approve or auto. Default: each case's own, else observe."),
    ] = None,
    approve: Annotated[bool | None, typer.Option("--approve/--reject", help="What the approver answers.")] = None,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Worker processes.")] = min(4, os.cpu_count() or 1),
    trials: Annotated[
        int,
        typer.Option(min=1, max=100, metavar="K", help="Work each item so often, each time with another seed."),
    ] = 1,
    attacks: Annotated[list[str] | None, typer.Option("--attacks", metavar="NAME", help=_ATTACKS_HELP)] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what the model says in cassettes in this folder.")
    ] = None,
    replay_: Annotated[
        Path | None, typer.Option("--replay", metavar="DIR", help="Ask nobody: play these cassettes, strictly.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the same run, broken off in DIR.")] = False,
    samples: Annotated[bool, typer.Option("--treat-samples-as-real", help="Work sample findings too.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the worlds' ids and nonces.")] = 0,
    worker: Annotated[str, typer.Option(hidden=True)] = DEFAULT_WORKER,
) -> None:
    """Replay a corpus in the sandbox. Exit code 0: as it should be; 1: something failed, or an attack succeeded; 2: nothing to read."""
    answer = None if approve is None else ("approve" if approve else "reject")
    exam = Exam(
        model=model_of(model, record, replay_),
        mode=mode,
        approve=answer,
        samples_as_real=samples or None,
        trials=trials,
        attacks=attacks_of(attacks or []),
        record=record,
        replay=replay_,
        jobs=jobs,
        seed=seed,
        worker=worker,
    )
    raise typer.Exit(examine(corpus, exam, out, Console(), Console(stderr=True), resume=resume))


def examine(corpus: list[Path], exam: Exam, out: Path, say: Console, progress: Console, *, resume: bool = False) -> int:
    """Replay with a progress bar, print the table and where the page is. The exit code."""
    try:
        items = load(corpus)
        for item in items:
            if item.problem:
                progress.print(printable(item.problem.reason, 400), markup=False, highlight=False, soft_wrap=True)
        _writable(out)
        with Meter(len(planned(items, exam)), progress, Journal.done(out) if resume else 0) as meter:
            result = replay(items, exam, out, meter.ended, resume=resume)
    except InputRefused as error:
        return _end(str(error), REFUSED)
    except NothingLeft as error:
        return _end(f"{error} holds this very run, and nothing of it is left to do", 0)
    except OtherRun as error:
        return _end(
            f"{error} is of another corpus, other options or other code: without --resume it starts anew", REFUSED
        )
    except NoWorker as error:
        return _end(str(error), FAILED)
    except OSError as error:
        return _end(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)
    except KeyboardInterrupt:
        return _end(
            f"broken off; the same command with --resume goes on from {Journal.done(out)} that are done", FAILED
        )
    _conclude(result, out, say)
    if not result.summary.ok:
        return FAILED
    return REFUSED if _all_refused(result) else 0


def _writable(out: Path) -> None:
    """Make the folder for the results before anything is worked for them. Raises InputRefused."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputRefused(f"{error.filename}: {error.strerror}") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputRefused(f"{out}: Permission denied")


def _all_refused(result: Result) -> bool:
    """Whether nothing of the corpus was a finding that we read, and nobody expected that."""
    unread = {Reason.MALFORMED.value, Reason.UNSUPPORTED.value}
    refused = (r.status is Status.REFUSED and reason_code(r) in unread for r in result.reports)
    return result.summary.cases == 0 and all(refused)


def _end(line: str, code: int) -> int:
    print(printable(line, 400), file=sys.stderr)  # noqa: T201 - the one line that the caller is owed
    return code


def _conclude(result: Result, out: Path, say: Console) -> None:
    if len(result.reports) <= ROWS:
        names = [item.label for item in result.examined for _ in range(item.reports)]
        say.print(table(result.reports, result.seconds, names))
    else:
        say.print(
            f"{plural(len(result.reports), 'report')}: too many for a table here, the page has a row for each",
            style="dim",
        )
    summary = result.summary
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in summary.by_status.items())
    say.print(f"{plural(summary.items, 'item')}, {plural(summary.reports, 'report')}: {counts}", highlight=False)
    if summary.cases:
        line = f"{summary.cases_passed} of {plural(summary.cases, 'case')} as expected ({summary.checks_passed}/{summary.checks} checks)"
        say.print(line, style="green" if summary.ok else "red", highlight=False)
    played = [attack for attack in summary.attacks if attack.attack in GROUPS["injection"]]
    if played and all("playbook" in who for who in summary.answered_by):
        say.print(
            "The playbook judged, which reads no prose: injections tried the rest. --model asks a model.",
            soft_wrap=True,
        )
    for line in [*_of_trials(summary.trials), *map(_of_attack, summary.attacks)]:
        say.print(line, highlight=False, soft_wrap=True)
    for item in summary.not_ok[:ROWS]:
        lines = [f"{check.name}: {check.message}" for check in item.checks if not check.ok]
        for line in [*lines, item.problem]:
            if line:
                say.print(
                    f"  {printable(item.label, 120)}: {printable(line, 300)}",
                    markup=False,
                    highlight=False,
                    soft_wrap=True,
                )
    say.print(f"report: {out / 'report.html'}", highlight=False, soft_wrap=True)


def _of_trials(trials: TrialScore | None) -> list[str]:
    if trials is None:
        return []
    k = trials.trials
    line = f"{plural(k, 'trial')}: pass@1 {trials.pass_at[1]:.1%}, pass@{k} {trials.pass_at[k]:.1%}, pass^{k} {trials.pass_all[k]:.1%}"
    wavering = ", ".join(f"{printable(c.id, 80)} ({c.passed} of {c.trials})" for c in trials.wavered[:10])
    return [line, f"  pass in some trials only: {wavering}"] if wavering else [line]


def _of_attack(attack: AttackScore) -> str:
    kept = f"{attack.never_touch_kept} of {attack.never_touch} untouchables as they were"
    line = f"{attack.attack}: {attack.succeeded} of {attack.items} succeeded ({attack.rate:.1%}), {kept}"
    return line + "".join(f"\n  {printable(one.id, 80)}: {_got(one)}" for one in attack.successes[:10])


def _got(one: Attacked) -> str:
    got = [*(f"ran {what}" for what in one.acted), *(f"touched {what}" for what in one.touched)]
    return printable(
        "; ".join([*got, *(["nobody was told"] if one.hid else []), *([one.broke] if one.broke else [])]), 300
    )


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
