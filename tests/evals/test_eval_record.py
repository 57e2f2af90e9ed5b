"""A run of a home becomes a case that comes out as the run did, where its world is known."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from agent.report import Status
from evals.cli import app as eval_app
from evals.exam import Exam
from evals.expect import score
from evals.loading import load
from evals.worker import build
from graphs.bootstrap import LEDGER, SANDBOX
from graphs.entrypoints.cli import app
from tools.ledger import SqliteLedger
from tools.registry_table import KEY as ITEM
from tools.sandbox.engine import Sandbox
from tools.sandbox.world import World

CASES = Path(__file__).parents[2] / "evals" / "cases"
KEY = CASES / "key-used-to-destroy-contained"
TWO = CASES / "two-findings-one-passed"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two events were worked, each in the world of its case; the second's home is a copy's own."""
    return tmp_path_factory.mktemp("home")


def ran(home: Path, case: Path, *options: str) -> list[dict[str, object]]:
    words = ["run", str(case / "event.json"), "--sandbox", "--world", str(case / "world.yaml"), "--json", *options]
    done = CliRunner().invoke(app, words, env={"STANCH_HOME": str(home)})
    assert done.exit_code == 0, done.output
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def recorded(home: Path, run_id: object, out: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    """The case is written; that replaying it is told of is another test, because it takes a process."""
    monkeypatch.setattr("evals.cli_record._tried", lambda folder: True)
    words = ["record", str(run_id), "--out", str(out), *options]
    done = CliRunner().invoke(eval_app, words, env={"STANCH_HOME": str(home)})
    assert done.exit_code == 0, done.output
    return done.output


def failing(folder: Path) -> list[str]:
    """The checks of a case that fail when it is worked."""
    (item,) = load([folder])
    assert item.expect
    assert item.world
    work = build().work(item.event, World.load(item.world), Exam().options(item))
    checks = score(item.expect, work.reports, asked=work.asked, changed=work.changed)
    return [f"{check.name}: {check.message}" for check in checks if not check.ok]


def test_a_run_is_recorded_and_comes_out_the_same_in_its_own_world(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = ran(home / "key", KEY, "--mode", "auto")
    folder = tmp_path / "own"
    said = recorded(home / "key", report["run_id"], folder, monkeypatch, "--world", str(KEY / "world.yaml"))
    assert str(KEY / "world.yaml") in said
    assert json.loads((folder / "event.json").read_text()) == json.loads((KEY / "event.json").read_text())
    assert failing(folder) == []
    expect = yaml.safe_load((folder / "expect.yaml").read_text())
    assert (expect["mode"], expect["status"], len(expect["actions"])) == ("auto", "contained", 2)
    thin = tmp_path / "thin"
    assert "the finding alone" in recorded(home / "key", report["run_id"], thin, monkeypatch)
    world = World.load(thin / "world.yaml")
    assert world.registry == World.load(KEY / "world.yaml").registry, "what was protected is kept"
    assert any(line.startswith("status: ") for line in failing(thin)), "nobody's calls are in a finding"


def test_a_run_whose_registry_lies_in_a_table_is_recorded_with_what_the_table_says(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = ran(home / "table", KEY, "--mode", "auto")
    ledger = SqliteLedger(home / "table" / SANDBOX / LEDGER, lambda _: True, sandbox=True)
    monkeypatch.setattr("graphs.entrypoints.opening.ledgers", lambda: {False: ledger})  # as a run of the real AWS
    sandbox = Sandbox.fresh(7, datetime(2026, 3, 1, tzinfo=UTC))
    client = sandbox.client("dynamodb", "111122223333", "eu-west-1")
    key: dict[str, Any] = {"AttributeName": "pk", "KeyType": "HASH"}
    client.create_table(
        TableName="stanch-registry", KeySchema=[key], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )  # fmt: skip
    monkeypatch.setattr("graphs.bootstrap.state_client", lambda region: client)
    monkeypatch.setenv("STANCH_REGISTRY_TABLE", "arn:aws:dynamodb:eu-west-1:111122223333:table/stanch-registry")
    lost = CliRunner().invoke(
        eval_app, ["record", str(report["run_id"]), "--out", str(tmp_path / "lost")],
        env={"STANCH_HOME": str(home / "table")},
    )  # fmt: skip
    assert (lost.exit_code, (tmp_path / "lost").exists()) == (2, False)
    client.put_item(TableName="stanch-registry", Item=ITEM | {"body": {"S": "protected: [payroll]"}})
    recorded(home / "table", report["run_id"], tmp_path / "case", monkeypatch)
    assert World.load(tmp_path / "case" / "world.yaml").registry.protected == ["payroll"]


def test_each_finding_of_an_event_has_its_own_expectation(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = ran(home / "two", TWO, "--mode", "auto")
    assert [report["status"] for report in reports] == [Status.CONTAINED, Status.SKIPPED]
    folder = tmp_path / "two"
    recorded(home / "two", reports[0]["run_id"], folder, monkeypatch, "--world", str(TWO / "world.yaml"))
    expect = yaml.safe_load((folder / "expect.yaml").read_text())
    assert expect["status"] == "contained"
    assert len(expect["also"]) == 1
    assert failing(folder) == []


def test_a_run_that_was_undone_since_is_recorded_as_it_ended_before(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = ran(home / "undone", KEY, "--mode", "auto")
    undone = CliRunner().invoke(
        app, ["undo", str(report["run_id"]), "--by", "ida", "--json"], env={"STANCH_HOME": str(home / "undone")}
    )
    assert json.loads(undone.stdout)[0]["status"] == "undone"
    folder = tmp_path / "before"
    recorded(home / "undone", report["run_id"], folder, monkeypatch, "--world", str(KEY / "world.yaml"))
    assert yaml.safe_load((folder / "expect.yaml").read_text())["status"] == "contained"
    assert failing(folder) == []


def test_a_run_of_which_a_person_dropped_an_action_is_answered_the_same_in_its_replay(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (report,) = ran(home / "edited", KEY, "--mode", "approve")
    words = [
        "approvals",
        "edit",
        str(report["run_id"]),
        "--drop",
        "A2",
        "--by",
        "ida",
        "--reason",
        "payroll signs with it",
    ]
    assert "partially contained" in CliRunner().invoke(app, words, env={"STANCH_HOME": str(home / "edited")}).output
    folder = tmp_path / "edited"
    recorded(home / "edited", report["run_id"], folder, monkeypatch, "--world", str(KEY / "world.yaml"))
    expect = yaml.safe_load((folder / "expect.yaml").read_text())
    assert (expect["status"], len(expect["approver_drops"])) == ("partially_contained", 1)
    assert expect["approver_drops"][0].startswith("iam_deactivate_key ")
    assert failing(folder) == []


def test_what_cannot_be_recorded_is_one_line_and_exit_code_two(home: Path, tmp_path: Path) -> None:
    (report,) = ran(home / "again", KEY, "--mode", "auto")
    environment = {"STANCH_HOME": str(home / "again")}
    for words in (["run-none"], [str(report["run_id"]), "--out", str(tmp_path)]):
        done = CliRunner().invoke(eval_app, ["record", *words], env=environment)
        assert done.exit_code == 2
        assert len(done.output.strip().splitlines()) == 1


def test_past_decisions_of_a_home_are_judged_anew(home: Path, tmp_path: Path) -> None:
    ran(home / "past", KEY, "--mode", "auto")
    for file in (Path(__file__).parents[2] / "agent" / "policy").glob("*.cedar"):
        shutil.copy(file, tmp_path)
    environment = {"STANCH_HOME": str(home / "past"), "COLUMNS": "80"}
    done = CliRunner().invoke(eval_app, ["backtest", str(tmp_path)], env=environment)
    assert (done.exit_code, done.output.split(":")[0]) == (0, "0 of 4 decisions change")
    permit = tmp_path / "permit.cedar"
    permit.write_text(permit.read_text().replace("context.severity >= 70", "context.severity >= 99"), encoding="utf-8")
    done = CliRunner().invoke(eval_app, ["backtest", str(tmp_path), "--mode", "auto", "--json"], env=environment)
    found = json.loads(done.stdout)
    assert (found["decisions"], found["stricter"]) == (2, 2)
