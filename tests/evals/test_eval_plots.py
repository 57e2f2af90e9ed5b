"""The plots say what was measured, at any size, and draw hostile names as text."""

import json
from pathlib import Path

import pytest
from report_builders import every_status, report
from test_eval_page import CANARY, Markup, hostile, summed
from test_eval_run import exam

from agent.report import Report, Status
from evals.attack_score import Attacked, AttackScore
from evals.expect import Check
from evals.page import LARGEST, render_eval
from evals.plots import FLOW, REST, Timing, plots, quantile, spoken
from evals.summary import Examined, Summary

__all__ = ["hostile"]
NODES = {node: 0.01 * number for number, node in enumerate(FLOW, start=1)}
TIMINGS = [Timing(f"case-{n}", 0.05 * (n + 1), NODES) for n in range(40)]


def summary(
    trials: int = 1, name: str = "case", attacks: list[AttackScore] | None = None
) -> tuple[Summary, list[Report]]:
    reports = [report(Status.CONTAINED if n % 3 else Status.FAILED) for n in range(4 * trials)]
    checks = [[Check(name="status", ok=one.status is Status.CONTAINED)] for one in reports]
    examined = [
        Examined.of(f"{name}-{n // trials}", n, [one], checks[n], n % trials + 1) for n, one in enumerate(reports)
    ]
    return Summary.of(examined, reports, trials, attacks), reports


def test_columns_hold_every_case_and_stand_in_order_of_time() -> None:
    made = plots(summary()[0], TIMINGS)
    assert sum(column.holds for column in made.columns) == len(TIMINGS)
    assert max(column.height for column in made.columns) == 100
    assert [column.x for column in made.columns] == sorted(column.x for column in made.columns)
    assert made.columns[-1].x + made.columns[-1].width == pytest.approx(100, abs=0.1)
    assert made.typical == "Half of them within 1.1 s, 95 of 100 within 2.0 s."


def test_nodes_stand_in_the_order_of_the_flow_and_what_is_outside_of_them_last() -> None:
    made = plots(summary()[0], TIMINGS)
    assert [row.label for row in made.nodes] == [*FLOW, REST]
    assert all(0 <= row.length <= 100 and row.mark is not None and 0 <= row.mark <= 100 for row in made.nodes)
    assert made.nodes[0].says == "10 ms, 10 ms"


def test_what_nothing_was_expected_of_counts_in_no_situation_unless_it_went_wrong() -> None:
    reports = [report(status) for status in (Status.CONTAINED, Status.ESCALATED, Status.FAILED)]
    fine = [Examined.of(f"c{n}", n, [one], None) for n, one in enumerate(reports)]
    assert Summary.of(fine[:2], reports[:2]).by_situation == {}
    assert [(one.passed, one.items) for one in Summary.of(fine, reports).by_situation.values()] == [(0, 1)]


def test_situations_trials_and_attacks_are_drawn_where_there_are_any() -> None:
    score = AttackScore.of(
        "injection-calm", "tells", [Attacked(attack="a", id="b", hid=True), Attacked(attack="a", id="c")]
    )
    made = plots(summary(trials=3, attacks=[score])[0], TIMINGS)
    assert [(row.says, row.tone) for row in made.situations] == [("8 of 12", "bad")]
    assert [round(point.y) for point in made.pass_all] == [33, 67, 100]
    assert [row.says for row in made.wavering] == ["2 of 3"] * 4
    assert made.attacks[0].length == 50
    assert made.attacks[0].says.startswith("1 of 2 succeeded (1 hid)")
    bare = plots(summary()[0], [])
    assert [bare.columns, bare.nodes, bare.slowest, bare.pass_at, bare.attacks, bare.typical] == [
        [],
        [],
        [],
        [],
        [],
        "",
    ]


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_any_number_of_cases_is_drawn(count: int) -> None:
    timings = [Timing(f"case-{n}", 0.001 * n, {}) for n in range(count)]
    page = render_eval(summary()[1], summary()[0], timings)
    assert len(page.encode()) <= LARGEST
    assert page.count("<rect") < 60


def test_hostile_names_of_cases_are_text_in_the_plots_too(hostile: Report) -> None:
    made, reports = summary(trials=2, name=CANARY)
    timings = [Timing(f"{CANARY}-{n}", 1.0, {CANARY: 1.0, **NODES}) for n in range(8)]
    markup = Markup(render_eval([hostile, *reports], made, timings))
    benign, plain = summary(trials=2)
    allowed = Markup(render_eval([*every_status().values(), *plain], benign, TIMINGS))
    also = Markup(render_eval([hostile], summed([hostile])))
    tags = {tag for tag, _ in [*allowed.elements, *also.elements]}
    assert {tag for tag, _ in markup.elements} <= tags
    assert not [value for _, attributes in markup.elements for _, value in attributes if value and "canary" in value]
    assert markup.text.count("canary.example") > 20
    assert not {"script", "img", "a", "iframe", "link"} & {tag for tag, _ in markup.elements}


def test_a_hostile_corpus_leaves_no_markup_in_any_file_that_is_shown(tmp_path: Path) -> None:
    """The ids of a corpus' lines are the corpus' own."""
    corpus = tmp_path / "in.jsonl"
    lines = [{"id": f"{CANARY}{n}", "finding": event} for n, event in enumerate(["wavers", "contained", "raise"])]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    code, said, out = exam([str(corpus)], tmp_path / "out", "--trials", "2", "--attacks", "injection")
    assert code == 1
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "canary.example" in page
    assert "\u202e" not in page + said


def test_numbers_are_said_as_people_say_them() -> None:
    assert [spoken(0.0871), spoken(1.25), quantile([], 0.5)] == ["87 ms", "1.2 s", 0.0]
