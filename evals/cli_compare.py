"""`stanch-eval compare`, `policy-diff` and `backtest`: what is otherwise, and what got worse."""

import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.plural import plural
from agent.policy import PolicyError
from agent.report import Report
from agent.verdict import Mode
from evals.compare import ABSENT, NODES, Change, Comparison, compare
from evals.ended import Ended, is_run
from evals.exam import Exam
from evals.loading import InputRefused, load
from evals.policy_diff import BOTH, Moved, PolicyDiff, Ruled, decisions, loaded, policy_diff
from evals.run import replay
from evals.visible import folded, printable

FAILED, REFUSED = 1, 2
_STYLES = {"looser": "red", "stricter": "yellow", "otherwise": ""}
ROWS = 100
"""Rows that a terminal is shown, or cases; `--json` has all."""
_ROOM = 78
"""What an indented line has at 80 columns."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, with everything.")]
Modes = Annotated[list[Mode] | None, typer.Option("--mode", help="Judge in these modes. Default: approve and auto.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("compare")(compare_)
    app.command("policy-diff")(policy_diff_)
    app.command("backtest")(backtest)


def compare_(
    before: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The folder of another over the same corpus.")],
    json_: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name each fact that is otherwise.")] = False,
) -> None:
    """Say what changed between two runs, by case and node, regressions first. Exit code 1: something got worse."""
    try:
        found = compare(Ended.read(before), Ended.read(after))
    except InputRefused as error:
        _stop(str(error))
    if json_:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the JSON is the output
    else:
        _show_comparison(found, Console(), verbose=verbose)
    raise typer.Exit(FAILED if found.worse else 0)


def policy_diff_(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A directory of Cedar files.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another.")],
    corpus: Annotated[list[Path], typer.Argument(help="Corpora as for run, or folders of runs that have ended.")],
    modes: Modes = None,
    json_: Json = False,
) -> None:
    """Say which decisions over a corpus are others under NEW than under OLD: both judge the very same facts."""
    _judge_both(old, new, lambda: _worked(corpus), modes, json_)


def backtest(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A directory of Cedar files.")],
    old: Annotated[Path | None, typer.Option("--old", help="Default: the policies in force here.")] = None,
    modes: Modes = None,
    json_: Json = False,
) -> None:
    """Say which decisions that were made here (STANCH_HOME) would have been others under NEW."""
    from graphs.bootstrap import configuration  # heavy imports, which only this command needs
    from graphs.entrypoints.opening import ledgers

    def past() -> list[tuple[str, Report]]:
        rows = [(ledger, row) for ledger in ledgers().values() for row in ledger.runs()]
        reports = [(row.run_id, ledger.report(row.run_id)) for ledger, row in rows]
        return [(run_id, report) for run_id, report in reports if report is not None]

    _judge_both(old or configuration().policies, new, past, modes, json_)


def _judge_both(
    old: Path | None, new: Path, reports: Callable[[], list[tuple[str, Report]]], modes: list[Mode] | None, json_: bool
) -> None:
    try:
        before, after = loaded(old), loaded(new)
        decided = decisions(reports())
    except (PolicyError, InputRefused) as error:
        _stop(str(error))
    found = policy_diff(before, after, decided, tuple(modes) if modes else BOTH)
    if json_:
        print(found.model_dump_json(indent=2))  # noqa: T201 - the JSON is the output
    else:
        _show_decisions(found, Console())


def _worked(corpus: list[Path]) -> list[tuple[str, Report]]:
    """The reports of finished runs, and of the rest of the corpus, worked now in `observe`, where nothing is written."""
    ended = [Ended.read(path) for path in corpus if is_run(path)]
    found = [(place.label, report) for run in ended for place, report in run.reports.items()]
    rest = [path for path in corpus if not is_run(path)]
    if not rest:
        return found
    with tempfile.TemporaryDirectory(prefix="stanch-policy-diff-") as folder:
        result = replay(load(rest), Exam(mode=Mode.OBSERVE, jobs=2), Path(folder), lambda _: None)
    for item in result.examined:
        found += [(item.id, report) for report in result.reports[item.first : item.first + item.reports]]
    return found


def _show_comparison(found: Comparison, say: Console, *, verbose: bool) -> None:
    if found.modes:
        first, second = found.modes
        say.print(
            f"not the same mode: the first ran in {first}, the second in {second}", style="yellow", highlight=False
        )
    if not found.same_corpus:
        say.print("not the same corpus: what only one of them has is gone, or new", style="yellow", highlight=False)
    for title, turns, style in (("worse", found.regressions, "red"), ("better", found.improvements, "green")):
        for turn in turns:
            say.print(
                Text(f"{title}: {printable(turn.case, 60)}: {printable(turn.why, 300)}", style=style), soft_wrap=True
            )
    worse = {turn.case for turn in found.regressions}
    cases: dict[str, list[Change]] = {}
    for change in found.changes:
        cases.setdefault(change.case, []).append(change)
    for case in list(cases)[:ROWS]:
        _show_changes(case, cases[case], say, "red" if case in worse else "", verbose=verbose)
    if len(cases) > ROWS:
        say.print(f"and {plural(len(cases) - ROWS, 'more report')} changed; --json has all", highlight=False)
    nodes = ", ".join(f"{count} {node}" for node, count in found.by_node.items())
    counts = f"{plural(found.changed, 'report')} changed{f' ({nodes})' if nodes else ''}, {plural(found.same, 'is', 'are')} the same"
    added = f", {len(found.added)} new" if found.added else ""
    say.print(
        f"{counts}{added}; {len(found.regressions)} worse, {len(found.improvements)} better",
        highlight=False,
        soft_wrap=True,
    )


def _show_changes(case: str, changes: list[Change], say: Console, style: str, *, verbose: bool) -> None:
    """One case: how it ended first, then what led there, backwards; of the evidence last, only how much is otherwise."""
    say.print(Text(printable(case, 78), style=f"bold {style}".strip()))
    said = sorted(changes, key=lambda change: -NODES.index(change.node))
    rows = [c for c in said if verbose or c.node != "evidence"]
    for change in rows:
        _show_change(f"{change.node:<9}", change.what, f"{change.before} -> {change.after}", say)
    if len(rows) < len(said):
        for source, counts in _evidence_of(said).items():
            _show_change("evidence ", source, counts, say)


def _show_change(node: str, what: str, otherwise: str, say: Console) -> None:
    """Two indented blocks of lines at most 80 wide: the name, which breaks after its separators alone, and what is said."""
    name = folded(printable(what, 400), _ROOM - len(node)).replace("\n", "\n" + " " * (2 + len(node)))
    say.print(Text(f"  {node}{name}"), soft_wrap=True)
    for line in textwrap.wrap(printable(otherwise, 200), _ROOM - 4, break_long_words=False, break_on_hyphens=False):
        say.print(Text(f"      {line}", style="dim"), soft_wrap=True)


def _evidence_of(changes: list[Change]) -> dict[str, str]:
    """Of each source, how much of it is new, otherwise or gone."""
    found: dict[str, Counter[str]] = {}
    for change in changes:
        if change.node == "evidence":
            kind = "new" if change.before == ABSENT else "gone" if change.after == ABSENT else "otherwise"
            found.setdefault(change.source, Counter())[kind] += 1
    return {
        source: ", ".join(f"{counts[kind]} {kind}" for kind in ("new", "otherwise", "gone") if counts[kind])
        for source, counts in found.items()
    }


def _show_decisions(found: PolicyDiff, say: Console) -> None:
    shown = found.moved[:ROWS]
    for way, case in dict.fromkeys((moved.direction, moved.case) for moved in shown):
        _show(
            f"{case}: {way}", [_decision(m) for m in shown if (m.direction, m.case) == (way, case)], say, _STYLES[way]
        )
    if found.moved[ROWS:]:
        say.print(f"and {len(found.moved) - ROWS} more; --json has all", highlight=False)
    say.print(
        f"{len(found.moved)} of {plural(found.decisions, 'decision')} change: {found.looser} looser, {found.stricter} stricter, "
        f"{found.otherwise} by other policies or approvals; {found.same} are the same",
        highlight=False, soft_wrap=not say.is_terminal,
    )  # fmt: skip


def _decision(moved: Moved) -> list[str]:
    return [moved.mode.value, f"{moved.action} {moved.target}", f"{_ruling(moved.before)} -> {_ruling(moved.after)}"]


def _ruling(ruled: Ruled) -> str:
    by = ", ".join(ruled.policies or ruled.errors) or "no policy permits"
    needs = f"; needs {' or '.join(ruled.needs)}" if ruled.needs else ""
    return f"{ruled.ruling} ({by}{needs})"


def _show(title: str, rows: list[list[str]], say: Console, style: str) -> None:
    """One case: a line, and a table of three columns that fits 80."""
    say.print(Text(printable(title, 78), style=f"bold {style}".strip()))
    drawn = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    for ratio in (None, 2, 3):
        drawn.add_column(ratio=ratio, min_width=9, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(cell, 200)) for cell in row))
    say.print(drawn)


def _stop(line: str) -> NoReturn:
    typer.echo(printable(line, 400), err=True)
    raise typer.Exit(REFUSED)
