"""A replay is the same to the byte however it is parallelised, and loses nothing."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from typer.testing import CliRunner

from agent.report import Report
from evals.cli import app
from evals.progress import Meter
from evals.summary import Examined

WORKER = "exam_worker:build"
MIXED = ["contained", "slow", "escalated", ["skipped", "contained"], "refused", "no_action"]
FILES = {"results.jsonl", "timings.jsonl", "summary.json", "report.html", "junit.xml", "run.json"}


def replayed(tmp_path: Path, events: list[object], *options: str, out: str = "out") -> tuple[int, str, Path]:
    corpus = tmp_path / "in.jsonl"
    corpus.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return exam([str(corpus)], tmp_path / out, *options)


def exam(corpus: list[str], out: Path, *options: str) -> tuple[int, str, Path]:
    done = CliRunner().invoke(app, ["run", *corpus, "--out", str(out), "--worker", WORKER, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output, out


def results(out: Path) -> list[Report]:
    return [Report.model_validate_json(line) for line in (out / "results.jsonl").read_text().splitlines()]


def untimed(page: str) -> str:
    """The page without its plots: how long a case took is another time in every run."""
    before, _, rest = page.partition('<section class="plots">')
    assert rest
    return before + rest.partition("</section>")[2]


def test_results_are_the_same_to_the_byte_twice_and_with_two_jobs(tmp_path: Path) -> None:
    runs = [replayed(tmp_path, MIXED, "--jobs", jobs, out=f"out{n}")[2] for n, jobs in enumerate(["1", "1", "2"])]
    for name in ("results.jsonl", "summary.json"):
        assert len({(out / name).read_bytes() for out in runs}) == 1, name
    assert len({untimed((out / "report.html").read_text()) for out in runs}) == 1
    assert [report.status for report in results(runs[0])] == [
        "contained", "no_action", "escalated", "skipped", "contained", "refused", "no_action",
    ]  # fmt: skip


def test_every_promised_file_is_written_and_sums_up(tmp_path: Path) -> None:
    code, said, out = replayed(tmp_path, MIXED)
    assert code == 0
    assert {path.name for path in out.iterdir()} == FILES
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["items"], summary["reports"], summary["ok"]) == (6, 7, True)
    assert summary["by_status"] == {"contained": 2, "no_action": 2, "escalated": 1, "refused": 1, "skipped": 1}
    assert summary["by_reason"]["sample"] == 1
    timings = [json.loads(line) for line in (out / "timings.jsonl").read_text().splitlines()]
    assert [row["id"] for row in timings] == ["in:1", "in:2", "in:3", "in:4", "in:4", "in:5", "in:6"]
    assert timings[1]["seconds"] >= 0.3
    assert "report.html" in said


def test_a_worker_process_that_dies_takes_one_item_with_it(tmp_path: Path) -> None:
    code, said, out = replayed(tmp_path, ["contained", "die", "no_action", "die", "escalated"], "--jobs", "2")
    assert code == 1
    assert [report.status for report in results(out)] == ["contained", "failed", "no_action", "failed", "escalated"]
    assert results(out)[1].reason.startswith("worker_died: ")
    assert "in:2: failed: worker_died" in said


def test_what_a_worker_raises_is_a_failed_report_with_its_traceback_kept(tmp_path: Path) -> None:
    code, _, out = replayed(tmp_path, ["raise", "contained"], "--jobs", "1")
    assert code == 1
    assert [report.status for report in results(out)] == ["failed", "contained"]
    assert results(out)[0].reason.startswith("bug: KeyError: 'Statement' (exam_worker.py:")
    assert "Traceback" in (out / "failures.txt").read_text()


def test_a_prompt_that_no_cassette_holds_fails_its_item_alone_and_shows_the_difference(tmp_path: Path) -> None:
    code, said, out = replayed(tmp_path, ["contained", "unheard"])
    assert code == 1
    assert [report.status for report in results(out)] == ["contained", "failed"]
    assert "in:2: failed: no_cassette: the nearest is a.json: - 1; + 2" in said
    assert (out / "failures.txt").read_text().splitlines() == ["in:2", "- 1", "+ 2"]


@pytest.mark.parametrize("status", ["failed", "unverified", "partially_contained"])
def test_an_end_that_nobody_wants_is_exit_code_one(tmp_path: Path, status: str) -> None:
    code, _, out = replayed(tmp_path, [status])
    assert code == 1
    suite = ElementTree.fromstring((out / "junit.xml").read_text())  # noqa: S314 - our own file
    assert suite.get("failures") == "1"
    assert status in str(suite[0][0].get("message"))


def case(folder: Path, event: object, expect: str = "") -> None:
    folder.mkdir(parents=True)
    (folder / "event.json").write_text(json.dumps(event), encoding="utf-8")
    if expect:
        (folder / "expect.yaml").write_text(expect, encoding="utf-8")


def test_each_case_runs_in_its_own_mode_with_its_own_approver(tmp_path: Path) -> None:
    case(tmp_path / "cases" / "a", "contained", "mode: auto\nstatus: contained")
    case(
        tmp_path / "cases" / "b", "rejected", "mode: approve\napprover: reject\nsamples_as_real: true\nstatus: rejected"
    )
    case(tmp_path / "cases" / "c", "partially_contained", "status: partially_contained")
    code, said, out = exam([str(tmp_path / "cases")], tmp_path / "out")
    assert code == 0
    assert "3 of 3 cases as expected" in said
    assert [report.rationale for report in results(out)] == [
        "auto None False no world", "approve reject True no world", "observe None False no world",
    ]  # fmt: skip


def test_asked_for_options_go_before_a_cases_own(tmp_path: Path) -> None:
    case(tmp_path / "cases" / "a", "denied", "mode: auto\nstatus: contained")
    options = ["--mode", "approve", "--approve", "--treat-samples-as-real"]
    code, _, out = exam([str(tmp_path / "cases")], tmp_path / "out", *options)
    assert results(out)[0].rationale == "approve approve True no world"
    assert code == 0, "what its own mode would have led to is not expected of another"


def test_a_case_that_falls_short_is_exit_code_one_and_says_where(tmp_path: Path) -> None:
    case(tmp_path / "cases" / "a", "denied", "status: contained")
    code, said, out = exam([str(tmp_path / "cases")], tmp_path / "out")
    assert code == 1
    assert "a: status: expected contained, found denied (denied: deny-protected)" in said
    assert json.loads((out / "summary.json").read_text())["cases_passed"] == 0


def test_a_line_that_is_not_json_is_one_refused_report_and_one_message(tmp_path: Path) -> None:
    corpus = tmp_path / "in.jsonl"
    corpus.write_text('"contained"\n{oops\n"no_action"\n', encoding="utf-8")
    code, said, out = exam([str(corpus)], tmp_path / "out")
    assert code == 0
    assert [report.status for report in results(out)] == ["contained", "refused", "no_action"]
    messages = [line for line in said.splitlines() if line.startswith("malformed: in.jsonl, line 2: not JSON")]
    assert len(messages) == 1, "and the table's row says it again, beside its outcome"


@pytest.mark.parametrize("text", [None, "", "{oops\n"])
def test_nothing_to_read_is_exit_code_two_and_one_line(tmp_path: Path, text: str | None) -> None:
    corpus = tmp_path / "in.jsonl"
    if text is not None:
        corpus.write_text(text, encoding="utf-8")
    code, said, _ = exam([str(corpus)], tmp_path / "out")
    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert "in.jsonl" in said


def test_a_worker_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    code, said, _ = replayed(tmp_path, ["contained"], "--worker", "exam_worker:gone")
    assert code == 1
    assert said.strip().splitlines()[-1].startswith("no worker at exam_worker:gone: ")


def test_without_a_terminal_progress_is_plain_lines_on_standard_error(tmp_path: Path) -> None:
    corpus = tmp_path / "in.jsonl"
    corpus.write_text('"contained"\n' * 20, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "evals.cli",
        "run",
        str(corpus),
        "--out",
        str(tmp_path / "out"),
        "--worker",
        WORKER,
    ]
    here = Path(__file__).parent
    done = subprocess.run(  # noqa: S603 - our own command
        command, capture_output=True, text=True, check=False, cwd=here.parents[1], env={"PYTHONPATH": str(here), "LANG": "C.UTF-8"}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "20/20 replayed, 20 ok" in done.stderr
    assert len(done.stderr.splitlines()) == 10
    for stream in (done.stdout, done.stderr):
        assert not {"\x1b", "\r", "\b"} & set(stream)
    assert "replayed" not in done.stdout


def test_on_a_terminal_there_is_a_bar_with_rate_and_running_score() -> None:
    console = Console(force_terminal=True, width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    with Meter(4, console) as meter:
        for n in range(4):
            meter.ended(Examined(id=str(n), first=n, reports=1, ok=n != 3))
    shown = console.export_text()
    assert "4/4" in shown
    assert "/s" in shown
    assert "3 ok, 1 not" in shown
