"""The bench runs and says what it measured; how fast anything is, is no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from evals.bench.__main__ import show
from evals.bench.coldstart import Subject, _bedrock, _start
from evals.bench.figures import Bench, Figure, Size, at_most, machine, ratio, timed
from evals.bench.measuring import PARTS

HERE = Path(__file__).parents[2]


def test_at_its_smallest_every_part_but_the_slow_starts_is_measured_and_written_down(tmp_path: Path) -> None:
    """The cold starts have a test of their own, because each is a process."""
    parts = [name for name in PARTS if name != "cold"]
    words = [sys.executable, "-m", "evals.bench", "--size", "tiny", "--out", str(tmp_path / "bench.json")]
    chosen = [word for name in parts for word in ("--only", name)]
    done = subprocess.run(  # noqa: S603 - our own command
        [*words, *chosen], capture_output=True, text=True, check=False, cwd=HERE, env={"PYTHONPATH": str(HERE)}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    bench = Bench.model_validate_json((tmp_path / "bench.json").read_bytes())
    figures = {figure.name: figure for figure in bench.figures}
    assert [name for name, figure in figures.items() if figure.value is None] == []
    assert figures["evidence: sources that call AWS"].value >= 8
    assert figures["evidence: the longest chain"].note.endswith("calls of 100 ms")
    goals = {goal.name: goal for goal in bench.goals}
    assert {goal.met for goal in bench.goals} <= {True, False}
    assert goals["ledger reads of a duplicate"].met
    assert goals["questions of a duplicate to the model"].met
    for name, limit in (
        ("graph beside an empty one with as many nodes", 1.5),
        ("evidence beside its longest chain", 1.3),
        ("an eval case, in the median", 100),
    ):
        assert goals[name].limit == limit
        assert name.split(",")[0] in " ".join(done.stdout.split())


def test_a_cold_start_goes_from_the_process_to_its_first_answer_and_says_what_went_wrong() -> None:
    with _bedrock() as (endpoint, busy):
        good = _start(Subject("empty", "evals.bench.handlers.empty", {}, "empty"), endpoint)
        other = _start(Subject("empty", "evals.bench.handlers.empty", {}, "full"), endpoint)
        gone = _start(Subject("gone", "evals.bench.handlers.gone", {}, "empty"), endpoint)
        assert busy == []
    assert not isinstance(good, str)
    assert 0 < good.seconds < 60
    assert good.megabytes > 1
    assert str(other).startswith("answered something else: ")
    assert str(gone).startswith("answered something else: ")
    assert "gone" in str(gone)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    fast, slow, absent = (
        timed("a", [0.1, 0.3, 0.2]),
        timed("b", [0.4]),
        Figure(name="c", value=None, unit="ms", note="why"),
    )
    assert (fast.value, fast.low) == (200, 100)
    assert (ratio("x", slow, fast, 2.0).met, ratio("x", slow, fast, 1.9).met) == (True, False)
    goal = ratio("x", absent, fast, 2.0)
    assert (goal.met, goal.value, goal.note) == (None, None, "why")
    assert at_most("x", absent, 1).met is None


@pytest.mark.parametrize("size", ["tiny", "default", "full"])
def test_every_size_has_something_of_everything(size: str) -> None:
    chosen = Size.named(size)  # type: ignore[arg-type]  # the names of the parameters above
    assert min(chosen.rounds, chosen.cases, chosen.findings, chosen.deliveries) >= 1
    assert chosen.findings == {"tiny": 20, "default": 500, "full": 10_000}[size]


def test_the_table_says_met_not_met_and_not_measured_at_eighty_columns() -> None:
    absent = Figure(name="c", value=None, unit="ms", note="not there")
    figure = timed("a", [0.1])
    goals = [at_most("kept", figure, 200), at_most("missed", figure, 50), at_most("unknown", absent, 50)]
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(Bench(**machine(), size=Size(), figures=[figure, absent], goals=goals), console)  # type: ignore[arg-type]
    shown = console.export_text()
    assert [shown.count(word) for word in ("not met", "not measured", "not there")] == [1, 1, 2]
    assert max(map(len, shown.splitlines())) <= 80
    assert json.loads(goals[2].model_dump_json())["met"] is None
