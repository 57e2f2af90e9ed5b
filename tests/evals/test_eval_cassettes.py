"""A real answer is recorded and replayed to exactly its prompt, and a cassette says who really answered."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_eval_run import results
from typer.testing import CliRunner

from evals.cassettes import Cassette
from evals.cli import app
from evals.exam import Exam
from evals.loading import Item, load
from evals.port import CassetteMissed
from evals.run import canonical
from evals.worker import ExamWorker, build
from graphs.embedded import ANSWERED_BY, answerer
from tools.action import catalogue
from tools.sandbox.engine import Sandbox
from tools.sandbox.services.bedrock import ModelAnswer, set_answerer
from tools.sandbox.serving import Endpoint, serving
from tools.sandbox.world import World

CASES = Path(__file__).parents[2] / "evals" / "cases"
NAME = "key-used-to-destroy-contained"
MODEL = "eu.example.analyst-v1:0"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def worker() -> ExamWorker:
    return build()


def case(name: str = NAME) -> Item:
    (item,) = load([CASES / name])
    return item


def worked(worker: ExamWorker, exam: Exam, item: Item, trial: int = 1, world: World | None = None) -> list[str]:
    assert item.world
    made = worker.work(item.event, world or World.load(item.world), exam.options(item, trial))
    return [canonical(report) for report in made.reports]


@pytest.fixture(scope="module")
def tape(worker: ExamWorker, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with the cassette of one case, and the reports of the run that recorded it."""
    folder = tmp_path_factory.mktemp("tape")
    return folder, worked(worker, Exam(record=folder), case())


def cassettes(folder: Path) -> list[Cassette]:
    return [Cassette.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def test_a_replay_is_the_recorded_run_to_the_byte_and_asks_nobody(
    worker: ExamWorker, tape: tuple[Path, list[str]]
) -> None:
    folder, recorded = tape

    def nobody(request: dict[str, Any]) -> ModelAnswer:
        raise AssertionError("a replay asked")

    set_answerer(nobody)
    assert worked(worker, Exam(replay=folder), case()) == recorded
    assert worked(worker, Exam(replay=folder, seed=5), case()) == worked(worker, Exam(replay=folder, seed=5), case())


def test_a_cassette_of_the_playbook_says_so_whatever_model_the_wire_named(tape: tuple[Path, list[str]]) -> None:
    (made,) = cassettes(tape[0])
    assert made.answered_by == ANSWERED_BY
    assert made.said
    assert made.said.answered_by == ANSWERED_BY
    assert json.loads(made.said.text)["disposition"] == "true_positive"
    assert made.said.input_tokens > 100


def test_a_changed_fact_is_a_miss_that_shows_how_the_prompt_differs(
    worker: ExamWorker, tape: tuple[Path, list[str]]
) -> None:
    item = case()
    assert item.world
    text = item.world.read_text(encoding="utf-8")
    changed = World.parse(text.replace("trusted_networks: [192.0.2.0/24]", "trusted_networks: [198.51.100.0/24]"))
    with pytest.raises(CassetteMissed) as missed:
        worked(worker, Exam(replay=tape[0]), item, world=changed)
    assert missed.value.reason.startswith("no_cassette: the nearest is ")
    lines = missed.value.difference.splitlines()
    assert [line for line in lines if line.startswith("- ")]
    assert [line for line in lines if line.startswith("+ ")]
    assert 2 < len(lines) < 62


def test_another_model_another_trial_or_another_brief_is_a_miss_that_says_so(
    worker: ExamWorker, tape: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason(exam: Exam, trial: int = 1) -> str:
        with pytest.raises(CassetteMissed) as missed:
            worked(worker, exam, case(), trial)
        return missed.value.reason

    assert f"now {MODEL}" in reason(Exam(replay=tape[0], model=MODEL))
    assert "the trial: recorded 1, now 2" in reason(Exam(replay=tape[0]), trial=2)
    monkeypatch.setattr("graphs.model.system_text", lambda catalogue: "Be kind.")
    assert "the static prompt or the schema" in reason(Exam(replay=tape[0]))


def test_an_empty_folder_says_that_it_is(worker: ExamWorker, tmp_path: Path) -> None:
    with pytest.raises(CassetteMissed, match="holds none at all"):
        worked(worker, Exam(replay=tmp_path), case())


def test_what_is_recorded_is_not_asked_again_and_what_failed_is(
    worker: ExamWorker, tape: tuple[Path, list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "tape"
    shutil.copytree(tape[0], folder)
    (path,) = folder.glob("*.json")
    kept = json.loads(path.read_text())
    kept["said"]["answered_by"] = "somebody of old"
    path.write_text(json.dumps(kept))
    (again,) = worked(worker, Exam(record=folder), case())
    assert json.loads(again)["answered_by"] == "somebody of old"
    path.write_text(json.dumps({**kept, "said": None, "failure": "bedrock:ThrottlingException"}))
    (replayed,) = worked(worker, Exam(replay=folder), case())
    assert json.loads(replayed)["fallback_reason"] == "bedrock:ThrottlingException"
    (asked,) = worked(worker, Exam(record=folder), case())
    assert json.loads(asked)["answered_by"] == ANSWERED_BY


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A Bedrock that is served over HTTP, and answers as who it is."""
    sandbox = Sandbox.fresh(0, datetime.now(UTC), ticking=True)
    honest = answerer(catalogue())
    set_answerer(lambda request: {**honest(request), "answered_by": "the served playbook"})
    with serving(sandbox, ACCOUNT) as made:
        yield made


def command(tmp_path: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["run", str(CASES / NAME), "--out", str(tmp_path / "out"), "--jobs", "1", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_a_model_by_id_is_asked_at_the_standard_endpoint_recorded_and_replayed_without_it(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret,
        "AWS_SESSION_TOKEN": endpoint.credentials.token or "",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, said = command(tmp_path, "--model", MODEL, "--record", str(tmp_path / "tape"))
    assert code == 0, said
    (recorded,) = results(tmp_path / "out")
    assert (recorded.answered_by, recorded.fallback_reason) == ("the served playbook", None)
    (made,) = cassettes(tmp_path / "tape")
    assert (made.model, made.answered_by) == (MODEL, "the served playbook")
    for name in variables:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, said = command(tmp_path, "--replay", str(tmp_path / "tape"))
    assert code == 0, said
    assert [canonical(report) for report in results(tmp_path / "out")] == [canonical(recorded)]


def test_a_model_that_cannot_be_asked_is_one_line_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    code, said = command(tmp_path, "--model", MODEL)
    assert (code, len(said.strip().splitlines())) == (1, 1)
    assert f"{MODEL} cannot be asked: " in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--record", "a", "--replay", "b"], "give one of them"), (["--replay", "nowhere"], "holds no cassettes")],
)
def test_cassettes_that_cannot_be_used_are_exit_code_two(tmp_path: Path, options: list[str], told: str) -> None:
    code, said = command(tmp_path, *options)
    assert code == 2
    assert told in said
