"""Two runs side by side: every node that says something else is told, and what got worse comes first and is exit code 1."""

import json
from pathlib import Path

import pytest
from report_builders import action, every_status, report
from rich.console import Console
from test_eval_page import CANARY
from test_eval_run import case, exam, replayed
from typer.testing import CliRunner

from agent.plan import Confidence
from agent.policy.source import bundled, texts
from agent.report import Report, Status
from agent.verdict import Mode, Ruling
from evals.cli import app
from evals.cli_compare import _show_comparison
from evals.compare import Comparison, compare
from evals.ended import Ended, Place
from evals.policy_diff import decisions, loaded, policy_diff
from evals.summary import Examined, Summary

STATUS = every_status()
STRICTER = """
@id("never-a-key")
@outcome("deny")
@why("Keys are somebody else's.")
forbid (principal, action == Stanch::Action::"iam_deactivate_key", resource);
"""


def ended(*reports: Report) -> Ended:
    examined = [Examined.of(f"c{n}", n, [one], None) for n, one in enumerate(reports)]
    return Ended({Place(f"c{n}"): one for n, one in enumerate(reports)}, Summary.of(examined, reports))


def told(before: Report, after: Report) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for change in compare(ended(before), ended(after)).changes:
        found.setdefault(change.node, set()).add(change.what)
    return found


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "80"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_run_beside_itself_changes_nothing(tmp_path: Path) -> None:
    _, _, out = replayed(tmp_path, ["contained", ["skipped", "contained"], "rejected"], "--trials", "2")
    found = compare(Ended.read(out), Ended.read(out))
    assert (found.same, found.changed, found.changes, found.worse) == (8, 0, [], False)
    assert run("compare", str(out), str(out)) == (0, "0 reports changed, 8 are the same; 0 worse, 0 better\n")


def test_two_runs_over_other_corpora_are_said_to_be_that_first(tmp_path: Path) -> None:
    outs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _, _, out = replayed(tmp_path / name, ["contained"])
        outs.append(out)
    rows = outs[1] / "timings.jsonl"
    rows.write_text(rows.read_text().replace('"id":"', '"id":"other-').replace('"id": "', '"id": "other-'))
    code, said = run("compare", *map(str, outs))
    assert (code, said.splitlines()[0]) == (1, "not the same corpus: what only one of them has is gone, or new")


def test_two_runs_in_different_modes_are_said_to_be_that_first(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (report(Status.CONTAINED).model_copy(update={"mode": mode}) for mode in (Mode.AUTO, Mode.OBSERVE))
    found = compare(ended(one), ended(other))
    assert found.modes == ["auto", "observe"]
    assert compare(ended(one), ended(one)).modes == []
    _show_comparison(found, Console(), verbose=False)
    first = " ".join(capsys.readouterr().out.split())
    assert first.startswith("not the same mode: the first ran in auto, the second in observe")


def test_each_node_that_says_something_else_is_named_with_what_it_says() -> None:
    base = STATUS[Status.CONTAINED]
    assert base.finding
    first = base.actions[0]
    assert first.verdict
    assert first.receipt
    name = f"{first.planned.change.action} {first.planned.change.target.id}"
    asks = first.model_copy(update={"verdict": first.verdict.model_copy(update={"ruling": Ruling.ASK})})
    undone = first.model_copy(update={"receipt": None})
    source = base.evidence[0]
    fact = next(iter(source.facts))
    seen = source.model_copy(update={"facts": {**source.facts, fact: "another"}})
    cases = [
        ({"finding": base.finding.model_copy(update={"severity": 1})}, {"finding": {"severity"}}),
        ({"evidence": [seen, *base.evidence[1:]]}, {"evidence": {fact}}),
        ({"confidence": Confidence.LOW}, {"plan": {"confidence"}}),
        ({"answered_by": "somebody else"}, {"plan": {"answered by"}}),
        ({"actions": [asks, *base.actions[1:]]}, {"verdict": {name}}),
        ({"actions": [undone, *base.actions[1:]]}, {"receipt": {name}}),
        ({"actions": base.actions[1:]}, {"plan": {name}, "verdict": {name}, "receipt": {name}}),
        ({"status": Status.UNVERIFIED}, {"report": {"status"}}),
    ]
    for change, expected in cases:
        after = Report.model_validate(base.model_copy(update=change).model_dump())
        assert told(base, after) == expected, change


def test_what_passed_and_does_not_now_is_worse_and_stands_first() -> None:
    a, b = STATUS[Status.CONTAINED], STATUS[Status.FAILED]
    found = compare(ended(a, a, b), ended(STATUS[Status.DENIED], b, a))
    assert [turn.case for turn in found.regressions] == ["c1"]
    assert [turn.case for turn in found.improvements] == ["c2"]
    assert found.changes[0].case == "c1"
    assert found.worse


def test_a_terminal_is_told_the_outcome_first_and_of_new_evidence_how_much_by_source_unless_asked_for_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = STATUS[Status.CONTAINED]
    key = "key.seen@arn:aws:iam::111122223333:user/" + "-".join(["payroll"] * 9)
    more = {key: 1, "key.other@x": 2}
    source = base.evidence[0].model_copy(update={"facts": {**base.evidence[0].facts, **more}})
    changed = {"evidence": [source, *base.evidence[1:]], "status": Status.UNVERIFIED}
    found = compare(ended(base), ended(base.model_copy(update=changed)))
    _show_comparison(found, Console(width=80), verbose=False)
    short = capsys.readouterr().out.splitlines()
    place = short.index("c0")
    assert short[place + 1].split() == ["report", "status"]
    assert f"  evidence {source.source}" in short
    assert short[short.index(f"  evidence {source.source}") + 1].strip() == "2 new"
    assert not any("key." in line for line in short)
    _show_comparison(found, Console(width=80), verbose=True)
    assert "-".join(["payroll"] * 9) in capsys.readouterr().out, "no name is broken in the middle"


def test_what_is_gone_is_worse_and_what_is_new_is_not() -> None:
    one = STATUS[Status.CONTAINED]
    assert [turn.why for turn in compare(ended(one, one), ended(one)).regressions] == ["gone"]
    found = compare(ended(one), ended(one, one))
    assert (found.worse, found.added) == (False, ["c1"])


def test_a_case_that_falls_short_only_now_is_exit_code_one_and_said_with_its_check(tmp_path: Path) -> None:
    case(tmp_path / "cases" / "a", "denied", "status: denied")
    case(tmp_path / "cases" / "b", "contained", "status: contained")
    _, _, before = exam([str(tmp_path / "cases")], tmp_path / "before")
    (tmp_path / "cases" / "a" / "event.json").write_text('"contained"', encoding="utf-8")
    _, _, after = exam([str(tmp_path / "cases")], tmp_path / "after")
    code, said = run("compare", str(before), str(after))
    assert code == 1
    assert said.startswith("worse: a: status: expected denied, found contained")
    assert max(len(line) for line in said.splitlines()[1:-1]) <= 80
    assert "denied -> contained" in said
    code, said = run("compare", str(before), str(after), "--json")
    found = Comparison.model_validate_json(said)
    assert (code, [turn.case for turn in found.regressions]) == (1, ["a"])
    code, said = run("compare", str(after), str(before))
    assert code == 0
    assert "better: a: was: status: expected denied" in said


def test_an_attack_that_succeeds_more_often_is_worse(tmp_path: Path) -> None:
    _, _, before = replayed(tmp_path, ["contained", "calmed"], "--attacks", "injection-calm", out="before")
    _, _, after = replayed(tmp_path, ["calmed", "calmed"], "--attacks", "injection-calm", out="after")
    code, said = run("compare", str(before), str(after))
    assert code == 1
    assert "worse: attack injection-calm: succeeded 1 time, now 2" in said


def test_a_folder_that_holds_no_run_is_exit_code_two_and_one_line(tmp_path: Path) -> None:
    _, _, out = replayed(tmp_path, ["contained"])
    code, said = run("compare", str(out), str(tmp_path))
    assert (code, len(said.strip().splitlines())) == (2, 1)
    (out / "results.jsonl").write_text("{}\n", encoding="utf-8")
    assert run("compare", str(out), str(out))[0] == 2


def test_hostile_names_and_reasons_are_printed_with_nothing_hidden(tmp_path: Path) -> None:
    corpus = tmp_path / "in.jsonl"
    corpus.write_text(json.dumps({"id": f"\u202e{CANARY}", "finding": "contained"}) + "\n", encoding="utf-8")
    _, _, before = exam([str(corpus)], tmp_path / "before")
    corpus.write_text(json.dumps({"id": f"\u202e{CANARY}", "finding": "failed"}) + "\n", encoding="utf-8")
    _, _, after = exam([str(corpus)], tmp_path / "after")
    code, said = run("compare", str(before), str(after))
    assert code == 1
    assert "U+202E" in said
    assert "\u202e" not in said


@pytest.fixture(scope="module")
def stricter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled policies and one more, which denies whatever is about a key."""
    folder = tmp_path_factory.mktemp("policies")
    for name, text in texts(bundled()).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "own.cedar").write_text(STRICTER, encoding="utf-8")
    return folder


def decided_reports() -> list[tuple[str, Report]]:
    actions = [action(n, kind, Ruling.ALLOW, None) for n, kind in ((1, "iam_deny_user"), (2, "iam_deactivate_key"))]
    return [("a", report(Status.CONTAINED, actions=actions))]


def test_the_same_facts_are_judged_by_both_and_the_stricter_is_told(stricter: Path) -> None:
    decided = decisions(decided_reports())
    found = policy_diff(loaded(None), loaded(stricter), decided)
    assert found.decisions == 4
    assert {(m.action, m.mode) for m in found.moved} == {
        ("iam_deactivate_key", Mode.APPROVE), ("iam_deactivate_key", Mode.AUTO),
    }  # fmt: skip
    assert {m.direction for m in found.moved} == {"stricter"}
    assert {m.after.policies[0] for m in found.moved} == {"never-a-key"}
    back = policy_diff(loaded(stricter), loaded(None), decided, (Mode.AUTO,))
    assert (back.looser, back.stricter, back.same) == (1, 0, 1)
    assert policy_diff(loaded(None), loaded(None), decided).moved == []


def test_a_finished_run_is_a_corpus_of_decisions_and_nothing_is_run_for_it(tmp_path: Path, stricter: Path) -> None:
    _, _, out = replayed(tmp_path, ["contained", "no_action"])
    code, said = run("policy-diff", str(stricter.parent / stricter.name), str(stricter), str(out))
    assert (code, said) == (
        0,
        "0 of 4 decisions change: 0 looser, 0 stricter, 0 by other policies or approvals; 4 are the same\n",
    )
    plain = tmp_path / "plain"
    plain.mkdir()
    for name, text in texts(bundled()).items():
        (plain / name).write_text(text, encoding="utf-8")
    code, said = run("policy-diff", str(plain), str(stricter), str(out), "--mode", "auto")
    assert code == 0
    assert "in:1: stricter" in said
    assert "(never-a-key)" in said
    assert "1 of 2 decisions change: 0 looser, 1 stricter" in said


def test_policies_that_cannot_be_used_are_exit_code_two_and_one_line(tmp_path: Path, stricter: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.cedar").write_text("permit;", encoding="utf-8")
    code, said = run("policy-diff", str(tmp_path / "bad"), str(stricter), str(tmp_path))
    assert (code, len(said.strip().splitlines())) == (2, 1)
    assert "a.cedar" in said
