"""Several trials of a case are told apart, and k tries are reckoned without bias."""

import json
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_eval_run import replayed, results

from evals.trials import CaseTrials, TrialScore, pass_all, pass_at


@pytest.mark.parametrize(("passed", "trials", "k"), [(0, 4, 2), (1, 4, 2), (3, 4, 3), (4, 4, 4), (2, 5, 1), (5, 7, 3)])
def test_both_chances_are_those_of_drawing_k_of_the_trials(passed: int, trials: int, k: int) -> None:
    case = CaseTrials(id="a", passed=passed, trials=trials)
    draws = list(combinations([True] * passed + [False] * (trials - passed), k))
    assert pass_at(case, k) == pytest.approx(sum(any(draw) for draw in draws) / len(draws))
    assert pass_all(case, k) == pytest.approx(sum(all(draw) for draw in draws) / len(draws))


def test_the_score_is_the_mean_over_cases() -> None:
    score = TrialScore.of([("a", True), ("b", True), ("a", True), ("b", False)], 2)
    assert (score.pass_at, score.pass_all) == ({1: 0.75, 2: 1.0}, {1: 0.75, 2: 0.5})
    assert [case.id for case in score.wavered] == ["b"]


def test_each_item_is_worked_so_often_with_another_seed_each_time(tmp_path: Path) -> None:
    code, said, out = replayed(tmp_path, ["wavers", "contained"], "--trials", "3", "--seed", "7")
    assert code == 1, "a case that fails in one trial falls short"
    assert [report.status for report in results(out)] == ["contained", "failed", "contained", *["contained"] * 3]
    assert [report.rationale.rpartition(" seed ")[2] for report in results(out)[:3]] == ["7", "8", "9"]
    assert "3 trials: pass@1 83.3%, pass@3 100.0%, pass^3 50.0%" in said
    assert "pass in some trials only: in:1 (2 of 3)" in said
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["items"], summary["reports"]) == (2, 6)
    assert summary["trials"]["cases"][0] == {"id": "in:1", "passed": 2, "trials": 3}
    suite = ElementTree.fromstring((out / "junit.xml").read_text())  # noqa: S314 - our own file
    assert [case.get("name") for case in suite][:3] == ["in:1", "in:1 (trial 2)", "in:1 (trial 3)"]
    rows = [json.loads(line) for line in (out / "timings.jsonl").read_text().splitlines()]
    assert [(row["id"], row["trial"]) for row in rows][:4] == [("in:1", 1), ("in:1", 2), ("in:1", 3), ("in:2", 1)]


def test_bad_input_is_refused_once_whatever_the_number_of_trials(tmp_path: Path) -> None:
    corpus = tmp_path / "in.jsonl"
    corpus.write_text('"contained"\n{oops\n', encoding="utf-8")
    from test_eval_run import exam

    code, _, out = exam([str(corpus)], tmp_path / "out", "--trials", "2")
    assert code == 0
    assert [report.status for report in results(out)] == ["contained", "contained", "refused"]
