"""A run that was broken off goes on where it was, and comes to the same as an unbroken one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from test_eval_run import WORKER, exam, replayed, results, untimed

from evals.journal import NAME, Journal

HERE = Path(__file__).parent
EVENTS = ["contained", "no_action", "slow", ["skipped", "contained"], *["slow"] * 14, "escalated"]


def command(corpus: Path, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "evals.cli", "run", str(corpus), "--out", str(out), "--worker", WORKER, *more]


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def orphans(parent: int) -> list[int]:
    """Processes of ours whose parent is that one, or was before it died: they share its group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[2]) == parent and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def test_a_killed_run_goes_on_and_its_results_are_those_of_an_unbroken_one(tmp_path: Path) -> None:
    corpus, out, log = tmp_path / "in.jsonl", tmp_path / "broken", tmp_path / "worked"
    corpus.write_text("".join(json.dumps(event) + "\n" for event in EVENTS), encoding="utf-8")
    environment = {"PYTHONPATH": f"{HERE.parents[1]}:{HERE}", "PATH": os.environ["PATH"], "EXAM_WORKER_LOG": str(log)}
    where = {"cwd": HERE.parents[1], "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    running = subprocess.Popen(command(corpus, out, "--jobs", "2"), start_new_session=True, **where)  # noqa: S603
    try:
        until = time.monotonic() + 60
        while lines(out / NAME) < 6:
            assert running.poll() is None, running.stderr.read() if running.stderr else ""
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
    done = Journal.done(out)
    assert 5 <= done < len(EVENTS)
    while orphans(running.pid):
        assert time.monotonic() < until, "a worker outlives the run that started it"
        time.sleep(0.02)
    before = len(log.read_text().splitlines())
    again = subprocess.run(command(corpus, out, "--resume"), check=False, text=True, **where)  # noqa: S603
    assert again.returncode == 0, again.stderr
    assert len(log.read_text().splitlines()) - before == len(EVENTS) - done, "what was done is not done again"
    _, _, whole = replayed(tmp_path, EVENTS, "--jobs", "2", out="whole")
    for name in ("results.jsonl", "summary.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert untimed((out / "report.html").read_text()) == untimed((whole / "report.html").read_text())
    assert not (out / NAME).exists()


def broken_off(tmp_path: Path, events: list[object], keep: int) -> Path:
    """A folder as a kill leaves it: the journal of a whole run, cut within a line."""
    import evals.run

    kept: list[bytes] = []
    real = evals.run._write_sums
    try:
        evals.run._write_sums = lambda result, out, made: kept.append((out / NAME).read_bytes())
        replayed(tmp_path, events)
    finally:
        evals.run._write_sums = real
    whole = kept[0].splitlines(keepends=True)
    (tmp_path / "out" / NAME).write_bytes(b"".join(whole[: keep + 1]) + whole[keep + 1][:40])
    return tmp_path / "out"


def test_a_line_that_was_cut_by_the_kill_is_worked_again(tmp_path: Path) -> None:
    events: list[object] = ["contained", "no_action", "escalated", "refused"]
    out = broken_off(tmp_path, events, 2)
    code, said, _ = exam([str(tmp_path / "in.jsonl")], out, "--resume", "--jobs", "1")
    assert code == 0, said
    assert [report.status for report in results(out)] == events


def test_a_run_of_another_corpus_or_with_other_options_is_not_gone_on_with(tmp_path: Path) -> None:
    out = broken_off(tmp_path, ["contained", "no_action", "escalated"], 1)
    code, said, _ = exam([str(tmp_path / "in.jsonl")], out, "--resume", "--mode", "auto")
    assert (code, len(said.strip().splitlines())) == (2, 1)
    assert "without --resume it starts anew" in said
    code, _, _ = exam([str(tmp_path / "in.jsonl")], out, "--mode", "auto")
    assert code == 0
    assert {report.rationale for report in results(out)} == {"auto None False no world"}


def test_a_run_that_has_ended_is_not_overwritten_by_going_on_with_it(tmp_path: Path) -> None:
    _, _, out = replayed(tmp_path, ["contained", "no_action"])
    before = (out / "results.jsonl").read_bytes()
    corpus = [str(tmp_path / "in.jsonl")]
    code, said, _ = exam(corpus, out, "--resume")
    assert (code, said) == (0, f"{out} holds this very run, and nothing of it is left to do\n")
    code, said, _ = exam(corpus, out, "--resume", "--mode", "auto")
    assert (code, "without --resume it starts anew" in said) == (2, True)
    assert (out / "results.jsonl").read_bytes() == before


def test_an_item_whose_worker_died_is_tried_again(tmp_path: Path) -> None:
    out = broken_off(tmp_path, ["die", "contained", "no_action"], 1)
    assert Journal.done(out) == 1
    assert '"index":0' not in (out / NAME).read_text()


def test_resume_with_nothing_to_go_on_with_is_a_plain_run(tmp_path: Path) -> None:
    code, _, out = replayed(tmp_path, ["contained"], "--resume")
    assert code == 0
    assert [report.status for report in results(out)] == ["contained"]
