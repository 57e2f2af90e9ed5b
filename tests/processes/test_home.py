"""What a home keeps between processes: an event happens in its world once, and what cannot be read is said in one line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.processes.spawning import EVENTS, HERE, Ended, stanch, writes

BUCKET_EVENT, KEY_EVENT = EVENTS / "securityhub_s3_public.json", EVENTS / "guardduty_credential_abuse_asff.json"
BUCKET_WORLD = ["--world", str(HERE / "world_bucket.yaml")]
OTHER = "444455556666"
RESET = "`stanch sandbox reset` forgets the sandbox"


def run(home: Path, event: Path, *more: str, mode: str = "observe") -> Ended:
    return stanch(home, "run", str(event), "--sandbox", *more, "--mode", mode, "--json")


def seen(report: dict[str, Any]) -> dict[str, Any]:
    """What a run saw and decided, without the ids and times that are its own."""
    return {
        "facts": {source["source"]: (source["facts"], source["not_known"]) for source in report["evidence"]},
        "actions": [(one["planned"]["change"]["action"], one["verdict"]["otherwise"]) for one in report["actions"]],
        "said": (report["status"], report["disposition"], report["confidence"]),
    }


def changed(event: Path, to: Path, *pairs: tuple[str, str]) -> Path:
    text = event.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    to.write_text(text, encoding="utf-8")
    return to


def one_line(ended: Ended, code: int = 1) -> str:
    """What the command said: one line, no traceback, nothing on standard output."""
    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    return line


def test_the_same_event_in_a_second_process_finds_the_world_as_it_was(tmp_path: Path) -> None:
    """Macie's score is in the file alone: a bucket seeded again would have none, and the decision would be another."""
    first = run(tmp_path, BUCKET_EVENT, *BUCKET_WORLD).report
    assert seen(first)["actions"] == [("s3_block_public_access", {"approve": "ask", "auto": "allow"})]
    # another version is worked again, in the world that the first event was seeded into
    newer = changed(BUCKET_EVENT, tmp_path / "newer.json", ("2026-11-20T09:58:00", "2026-11-20T09:59:00"))
    second = run(tmp_path, newer, *BUCKET_WORLD).report
    assert second["run_id"] != first["run_id"]
    assert seen(second) == seen(first)
    third = run(tmp_path, BUCKET_EVENT, mode="auto").report
    assert (third["status"], writes(tmp_path)) == (
        "contained", ["s3:PutPublicAccessBlock", "securityhub:BatchUpdateFindings"],
    )  # fmt: skip
    told = {source: facts for source, facts in seen(third)["facts"].items() if facts != ({}, {})}
    assert told == {source: facts for source, facts in seen(first)["facts"].items() if facts != ({}, {})}


def test_what_became_of_the_named_things_stands_when_the_same_event_comes_again(tmp_path: Path) -> None:
    """The world's file has no such key: the finding is about one that is gone, and no later delivery brings it back."""
    world = tmp_path / "world.yaml"
    world.write_text(
        "now: 2026-11-20T10:30:00Z\naccount: 111122223333\nregion: eu-west-1\niam: {users: [{name: build-bot}]}\n",
        encoding="utf-8",
    )
    first = run(tmp_path, KEY_EVENT, "--world", str(world)).report
    newer = changed(KEY_EVENT, tmp_path / "newer.json", ("2026-11-20T10:00:00", "2026-11-20T11:30:00"))
    for event in (KEY_EVENT, newer):
        again = run(tmp_path, event, mode="approve").report
        assert seen(again)["facts"]["iam_state"] == seen(first)["facts"]["iam_state"]
    assert "iam_deactivate_key" not in json.dumps(again["actions"])


def test_an_event_of_another_account_is_not_served_by_a_world_that_came_from_a_file(tmp_path: Path) -> None:
    other = changed(KEY_EVENT, tmp_path / "other.json", ("111122223333", OTHER))
    run(tmp_path, BUCKET_EVENT, *BUCKET_WORLD)
    refused = run(tmp_path, other, mode="auto")
    assert (refused.code, refused.report["status"]) == (2, "refused")
    assert (
        f"account {OTHER} is not in the registry of the sandbox's world: after `stanch sandbox reset`"
        in refused.report["reason"]
    )
    assert "STANCH_REGISTRY" not in refused.err
    assert not writes(tmp_path)
    assert OTHER not in (tmp_path / "home" / "sandbox" / "registry.json").read_text(encoding="utf-8")


def test_an_event_of_another_account_happens_in_a_world_that_came_from_events(tmp_path: Path) -> None:
    other = changed(KEY_EVENT, tmp_path / "other.json", ("111122223333", OTHER))
    run(tmp_path, BUCKET_EVENT)
    assert run(tmp_path, other, mode="approve").report["status"] == "awaiting_approval"


def test_a_list_of_findings_is_worked_and_so_is_a_file_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf[" + BUCKET_EVENT.read_bytes() + b"]")
    assert run(tmp_path, marked).report["status"] == "proposed"


def test_a_sandbox_run_and_a_real_one_of_the_same_finding_have_different_ids_and_the_output_says_which(
    tmp_path: Path,
) -> None:
    report = run(tmp_path, BUCKET_EVENT, mode="approve").report
    real = report | {"run_id": report["run_id"].replace("sbx-", "run-"), "sandbox": False}
    _real_ledger(tmp_path / "home", real)
    listed = stanch(tmp_path, "approvals", "list").out
    assert f"{report['run_id']}  in the sandbox" in listed
    explained = [stanch(tmp_path, "explain", name).out.splitlines()[0] for name in (report["run_id"], real["run_id"])]
    assert explained == [
        f"{report['run_id']}  awaiting approval  in the sandbox",
        f"{real['run_id']}  awaiting approval",
    ]


def test_an_id_that_both_ledgers_know_is_refused_and_not_guessed_at(tmp_path: Path) -> None:
    report = run(tmp_path, BUCKET_EVENT).report
    _real_ledger(tmp_path / "home", report)
    for command in (["explain"], ["undo"], ["approvals", "show"]):
        assert "is a run of the sandbox and a real one" in one_line(stanch(tmp_path, *command, report["run_id"]), 2)


def _real_ledger(home: Path, report: dict[str, Any]) -> None:
    """A ledger of the real AWS that knows this run, as if it had happened there."""
    from agent.report import Report
    from tools.ledger import SqliteLedger

    kept = Report.model_validate(report)
    ledger = SqliteLedger(home / "ledger.sqlite")
    opened = ledger.open("finding", "1", {}, "approve", "nobody", kept.started_at)
    with ledger._transaction() as db:
        db.execute("UPDATE runs SET run_id = ?", (kept.run_id,))
    ledger.close(kept.run_id, opened.fence, kept, kept.started_at)  # type: ignore[union-attr]  # it was opened


GARBAGE = {
    "ledger.sqlite": "ledger.sqlite: file is not a database",
    "checkpoints.sqlite": "checkpoints.sqlite: file is not a database",
    "world.bin": f"world.bin is not a whole world, or one of another release: {RESET}",
    "registry.json": f"registry.json is not what was kept there: {RESET}",
    "origin.json": f"origin.json is not what was kept there: {RESET}",
    "approval.key": "approval.key is not a whole key",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one run."""
    home = tmp_path_factory.mktemp("kept")
    assert run(home, BUCKET_EVENT).code == 0
    return home


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_the_home_is_said_in_one_line_and_nothing_starts_over(name: str, kept: Path) -> None:
    path = kept / "home" / "sandbox" / name
    whole = path.read_bytes()
    garbage = b"garbage, and no database or world at all; " * 40
    path.write_bytes(garbage)
    try:
        assert GARBAGE[name] in one_line(run(kept, BUCKET_EVENT))
        assert path.read_bytes() == garbage
        if name == "ledger.sqlite":
            assert GARBAGE[name] in one_line(stanch(kept, "approvals", "list"))
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(("name", "said"), [("world.bin", "is gone, and the runs"), ("registry.json", "is gone")])
def test_what_is_gone_from_the_home_is_not_made_anew(name: str, said: str, kept: Path) -> None:
    path = kept / "home" / "sandbox" / name
    whole = path.read_bytes()
    path.unlink()
    try:
        assert said in one_line(run(kept, BUCKET_EVENT))
        assert not path.exists()
    finally:
        path.write_bytes(whole)


ABOUT_THE_HOME = [
    ["run", str(BUCKET_EVENT), "--sandbox"], ["standing"], ["sweep", "--sandbox"], ["explain", "run-0123456789ab"],
    ["approvals", "list"], ["parked", "list"], ["sandbox", "reset"], ["sandbox", "serve"], ["export", "--check", "x.gz"],
]  # fmt: skip


@pytest.mark.parametrize("command", ABOUT_THE_HOME, ids=lambda command: " ".join(command[:1]))
def test_a_home_that_is_no_directory_is_said_in_one_line_by_every_command(command: list[str], tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.write_text("a file where the home should be", encoding="utf-8")
    assert one_line(stanch(tmp_path, *command)) == f"STANCH_HOME is {place}, and {place} is no directory"


def test_a_refused_event_that_cannot_be_kept_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "refused").write_text("a file where a folder should be", encoding="utf-8")
    (tmp_path / "event.json").write_text("[]", encoding="utf-8")
    refused = stanch(tmp_path, "run", str(tmp_path / "event.json"), "--sandbox")
    assert "no findings in it; not kept" in one_line(refused, 2)


@pytest.mark.parametrize("command", [["standing"], ["approvals", "list"], ["parked", "list"]], ids=" ".join)
def test_a_list_says_that_there_is_no_home_and_makes_none(command: list[str], tmp_path: Path) -> None:
    ended = stanch(tmp_path, *command)
    assert (ended.code, ended.out) == (0, f"There is no home at {tmp_path / 'home'} yet.\n")
    assert not (tmp_path / "home").exists()


UNREADABLE = [
    ["run"], ["run", str(BUCKET_EVENT), "--sandbox", "--world"], ["sandbox", "serve", "--event"],
    ["export", "--check"], ["policy", "check"], ["policy", "test"],
]  # fmt: skip


@pytest.mark.parametrize("command", UNREADABLE, ids=lambda command: " ".join(command[:1] + command[-1:]))
def test_what_cannot_be_read_is_named_alike_by_every_command(command: list[str], tmp_path: Path) -> None:
    assert one_line(stanch(tmp_path, *command, "/nope"), 2) == "/nope: No such file or directory"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"STANCH_REGISTRY": "/nope"}, "STANCH_REGISTRY: /nope: No such file or directory"),
        ({"STANCH_REGISTRY": str(HERE / "registry_unquoted.yaml")}, "accounts.111122223333: put account ids in quotes"),
    ],
)
def test_a_registry_that_cannot_be_used_is_named_with_its_variable(
    variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    line = one_line(stanch(tmp_path, "run", str(BUCKET_EVENT), env=variables), 2)
    assert line.startswith("STANCH_REGISTRY: ")
    assert line.endswith(said)


def test_a_value_that_a_variable_or_an_option_cannot_have_is_said_without_a_parser_s_words(tmp_path: Path) -> None:
    state = one_line(stanch(tmp_path, "standing", env={"STANCH_STATE": "dynamodb"}), 2)
    assert state.startswith("STANCH_STATE=dynamodb needs the names")
    for words in (["run", str(BUCKET_EVENT), "--mode", "wild"], ["iam", "--phase", "wild"]):
        said = stanch(tmp_path, *words).err
        assert "'wild' is not one of" in said
        assert "Value error" not in said


def test_help_shows_a_flag_as_a_flag(tmp_path: Path) -> None:
    for words in (["--help"], ["run", "--help"], ["approvals", "approve", "--help"]):
        assert "bool" not in stanch(tmp_path, *words).out


WORLDS = {
    "bytes that are no text": (b"\x80\x81\xfe\xff\x00now", "not YAML"),
    "nested too deeply": (b"[" * 3_000, "not YAML"),
    "a day that no calendar has": (b"now: 2026-13-45T00:00:00Z", "not YAML: month must be"),
    "no mapping": (b"- now", "valid dictionary"),
    "JSON that breaks off": (b'{"now": 1,\n', "world.yaml: not YAML: line 2, column 1: "),
    "nothing": (b"", "world.yaml: empty"),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_file_that_is_no_world_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    content, said = WORLDS[name]
    (tmp_path / "world.yaml").write_bytes(content)
    assert said in one_line(run(tmp_path, BUCKET_EVENT, "--world", str(tmp_path / "world.yaml")), 2)


def test_a_world_without_the_sandbox_is_refused(tmp_path: Path) -> None:
    ended = stanch(tmp_path, "run", str(BUCKET_EVENT), *BUCKET_WORLD)
    assert one_line(ended, 2) == "--world says what stands in the sandbox: it needs --sandbox"


def test_reset_forgets_everything_and_a_second_one_finds_nothing(tmp_path: Path) -> None:
    run(tmp_path, BUCKET_EVENT)
    assert stanch(tmp_path, "sandbox", "reset").out.strip().endswith("The sandbox is empty.")
    assert list((tmp_path / "home").iterdir()) == []
    assert stanch(tmp_path, "sandbox", "reset").out.strip() == "There is no sandbox here."
    assert run(tmp_path, BUCKET_EVENT).report["status"] == "proposed"


def test_reset_leaves_a_sandbox_alone_in_which_somebody_works_and_says_who(tmp_path: Path) -> None:
    run(tmp_path, BUCKET_EVENT)
    from tools.sandbox.store import WorldStore

    with WorldStore(tmp_path / "home" / "sandbox" / "world.bin"):
        said = one_line(stanch(tmp_path, "sandbox", "reset"))
        assert "in use" in one_line(stanch(tmp_path, "sandbox", "serve"), 1)
    assert f"in use by another process, number {os.getpid()}: wait until it ends" in said
    assert run(tmp_path, BUCKET_EVENT).report["status"] == "skipped"


def test_a_command_about_a_sandbox_that_is_not_there_makes_none(tmp_path: Path) -> None:
    assert "there is no sandbox here yet" in one_line(stanch(tmp_path, "sweep", "--sandbox"), 2)
    assert run(tmp_path, BUCKET_EVENT, *BUCKET_WORLD).report["status"] == "proposed"
