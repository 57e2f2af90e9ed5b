"""What a replay ends with when there was nothing to replay, or nowhere to write."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evals.cli import app

FINE = Path(__file__).parents[1] / "data" / "events" / "securityhub_s3_public.json"
UNREAD = {"malformed": {"source": "aws.guardduty", "detail": {"type": 5}}, "unsupported": {"eventVersion": "1.08"}}


def replayed(folder: Path, *lines: str, out: str = "out") -> Result:
    (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return CliRunner().invoke(app, ["run", str(folder / "in.jsonl"), "--out", str(folder / out), "--jobs", "1"])


def test_a_corpus_of_which_nothing_could_be_read_is_refused_and_still_written_down(tmp_path: Path) -> None:
    ended = replayed(tmp_path, *map(json.dumps, UNREAD.values()))
    assert ended.exit_code == 2
    assert "2/2 replayed, 2 refused, " in ended.stderr
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [row["reason"].partition(":")[0] for row in rows] == list(UNREAD)


def test_one_finding_that_was_read_is_enough(tmp_path: Path) -> None:
    assert (
        replayed(tmp_path, *map(json.dumps, UNREAD.values()), json.dumps(json.loads(FINE.read_text()))).exit_code == 0
    )


def test_a_case_that_expects_to_be_refused_is_as_it_should_be(tmp_path: Path) -> None:
    case = Path(__file__).parents[2] / "evals" / "cases" / "finding-severity-in-words-refused"
    assert CliRunner().invoke(app, ["run", str(case), "--out", str(tmp_path / "out"), "--jobs", "1"]).exit_code == 0


@pytest.mark.parametrize("out", ["/proc/stanch-out", "in.jsonl/out", "in.jsonl"])
def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, out: str) -> None:
    ended = replayed(tmp_path, json.dumps(json.loads(FINE.read_text())), out=out)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.splitlines()[-1].endswith((": No such file or directory", ": Not a directory", ": File exists"))
    assert "Traceback" not in ended.stderr


def test_cassettes_that_are_not_there_are_refused_before_anything_is_worked(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(json.loads(FINE.read_text())) + "\n", encoding="utf-8")
    words = ["run", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out"), "--model", "foo"]
    ended = CliRunner().invoke(app, [*words, "--replay", str(tmp_path / "nope")])
    assert (ended.exit_code, ended.output) == (2, f"{tmp_path / 'nope'} holds no cassettes\n")
    assert not (tmp_path / "out").exists()
