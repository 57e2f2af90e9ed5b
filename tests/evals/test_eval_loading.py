"""Items come from lines, single events and case folders; what cannot be read says what and where."""

import json
import os
from pathlib import Path

import pytest

from agent.report import Status
from agent.verdict import Mode
from evals.loading import InputRefused, load, read_json

CORPUS = Path(os.environ.get("STANCH_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_corpus_row_gives_its_id_and_finding_and_a_bare_line_itself(tmp_path: Path) -> None:
    lines = [{"id": "gd-1", "source": "x", "finding": {"schemaVersion": "2.0"}}, {"detail-type": "GuardDuty Finding"}]
    path = written(tmp_path / "mixed.jsonl", "\ufeff" + "\n\n".join(map(json.dumps, lines)) + "\r\n")
    assert [(item.id, item.event) for item in load([path])] == [
        ("gd-1", {"schemaVersion": "2.0"}),
        ("mixed:3", {"detail-type": "GuardDuty Finding"}),
    ]


def test_equal_ids_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"id":"x","finding":1}\n{"id":"x","finding":2}')
    assert [item.id for item in load([path])] == ["x", "x#2"]


def test_a_recorders_datetime_becomes_iso_text() -> None:
    raw = b'{"at":[{"__class__":"datetime","year":2023,"month":9,"day":8,"hour":20,"minute":7,"second":30,"microsecond":366000}]}'
    assert read_json(raw) == {"at": ["2023-09-08T20:07:30.366000Z"]}


@pytest.mark.parametrize(
    "odd",
    [
        {"__class__": "datetime", "year": 2023, "month": 13, "day": 8},
        {"__class__": "datetime", "year": True, "month": "x", "day": 8},
        {"__class__": "other", "year": 2023},
    ],
)
def test_what_only_looks_like_a_datetime_is_left_as_it_is(odd: dict[str, object]) -> None:
    assert read_json(json.dumps(odd).encode()) == odd


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{oops", "not JSON at line 1, column 2: Expecting property name"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[" * 200_000, "nested too deeply"),
        (b"1" * 5000, "a number of 5000 digits"),
        (b'{"a": 1e999}', "too large: 1e999"),
    ],
)
def test_a_line_that_is_not_json_is_refused_with_its_number(tmp_path: Path, line: bytes, says: str) -> None:
    path = written(tmp_path / "in.jsonl", b'{"ok": 1}\n' + line + b"\n")
    good, bad = load([path])
    assert good.problem is None
    assert bad.problem
    assert bad.problem.status is Status.REFUSED
    assert bad.problem.reason.startswith("malformed: in.jsonl, line 2: ")
    assert says in bad.problem.reason
    assert "\n" not in bad.problem.reason


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("gone.jsonl", None, "gone.jsonl: No such file or directory"),
        ("empty.jsonl", "\n\n", "no findings in it"),
        ("bad.json", "{", "bad.json: not JSON"),
        ("bad.jsonl", "{\n}\n", "bad.jsonl, line 1: not JSON"),
    ],
)
def test_an_input_with_nothing_to_read_is_refused_in_one_line(
    tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    path = written(tmp_path / name, text) if text is not None else tmp_path / name
    with pytest.raises(InputRefused) as refused:
        load([path])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"without event\.json"):
        load([tmp_path])


def test_case_folders_bring_world_and_expectation_in_the_order_of_their_names(tmp_path: Path) -> None:
    written(tmp_path / "b" / "event.json", "{}")
    written(tmp_path / "a" / "deep" / "event.json", "[1]")
    written(tmp_path / "a" / "deep" / "expect.yaml", "status: contained\nmode: auto\napprover: approve\n")
    written(tmp_path / "b" / "world.yaml", "now: 2026-01-01T00:00:00Z\n")
    first, second = load([tmp_path])
    assert (first.id, first.event, first.world) == ("a/deep", [1], None)
    assert first.expect
    assert (first.expect.status, first.expect.mode, first.expect.approver) == (Status.CONTAINED, Mode.AUTO, "approve")
    assert (second.id, second.world, second.expect) == ("b", tmp_path / "b" / "world.yaml", None)
    assert [item.id for item in load([tmp_path / "b"])] == ["b"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("stauts: contained", "Expectation.stauts"), ("status: fine", "Expectation.status"), ("status: [", "flow")],
)
def test_an_expectation_that_cannot_be_read_fails_its_case_and_no_other(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path / "a" / "event.json", "{}")
    written(tmp_path / "a" / "expect.yaml", text)
    written(tmp_path / "b" / "event.json", "{}")
    bad, good = load([tmp_path])
    assert good.problem is None
    assert bad.problem
    assert bad.problem.status is Status.FAILED
    assert says in bad.problem.reason


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded corpus is not beside the repository")
def test_every_finding_line_of_the_recorded_corpus_loads() -> None:
    names = ["guardduty", "securityhub_asff", "securityhub_ocsf", "macie", "inspector", "other"]
    items = load([CORPUS / f"{name}.jsonl" for name in names])
    assert len(items) == 363
    assert [item.id for item in items if item.problem] == []
    assert "__class__" not in json.dumps([item.event for item in items])
