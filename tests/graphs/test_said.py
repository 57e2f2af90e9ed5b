"""What the commands say: in the order in which it happened, as wide as the terminal, with the exit code that fits."""

import io
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from closing_desk import SHUT, low
from command import command
from desk import BUCKET_WORLD, USER_WORLD, Desk, desk, event, world
from typer.testing import CliRunner

from agent.plan import Change, Effect
from agent.report import Report, SourceSummary
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Mode
from evals.cli import app as stanch_eval
from graphs.after_undo import is_back
from graphs.bootstrap import LEDGER, SANDBOX
from graphs.entrypoints.cli import app as stanch
from graphs.entrypoints.explaining import _evidence
from graphs.entrypoints.saying import as_wide
from graphs.undo import undo_run


class Terminal(io.StringIO):
    """A standard error or input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def contained(folder: Path) -> tuple[Desk, Report]:
    folder.mkdir(parents=True)
    at = desk(folder, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    asked = at.deliver()
    at.wait(minutes=1)
    report = at.say("approve", asked)
    assert isinstance(report, Report)
    at.wait(minutes=1)
    return at, report


def taken_back(at: Desk, report: Report, *actions: str) -> Report:
    done = report
    for action in actions:
        undone = undo_run(at.service, report.run_id, action, "rosa")
        assert isinstance(undone, Report)
        done = undone
        at.wait(minutes=1)
    return done


def test_explain_tells_answers_receipts_and_undos_in_the_order_in_which_they_happened(tmp_path: Path) -> None:
    at, report = contained(tmp_path / SANDBOX)
    taken_back(at, report, "A1", "A2")
    said = command(tmp_path, "explain", report.run_id)[1]
    told = [
        "answer approved A1 and A2",
        "receipt A1",
        "receipt A2",
        "answer approved A1 by rosa",
        "undo A1 iam_deny_user: undone",
        "answer approved A2 by rosa",
        "undo A2 iam_deactivate_key: undone",
    ]
    places = [said.index(words) for words in told]
    assert places == sorted(places)


def test_an_undo_of_one_action_is_done_as_asked_although_another_stands_and_says_who_took_it_back(
    tmp_path: Path,
) -> None:
    at, report = contained(tmp_path / SANDBOX)
    done = taken_back(at, report, "A1")
    assert done.reason == "A1 iam_deny_user was taken back by rosa; A2 iam_deactivate_key stands"
    assert (is_back(done, "A1"), is_back(done, "A2"), is_back(report, "A1")) == (True, False, False)


def test_a_finding_that_was_closed_in_a_world_of_another_time_is_in_the_week_of_that_world(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    report = desk(tmp_path / SANDBOX, world(BUCKET_WORLD, *SHUT), low()).deliver()
    said = command(tmp_path, "closed", "--days", "1")[1]
    assert said.startswith("1 closed as benign since 2026-11-19 12:00 UTC in the sandbox")
    assert "no action but closing the finding" in command(tmp_path, "explain", report.run_id)[1]


def test_what_was_counted_and_is_not_there_is_felt_by_nobody() -> None:
    target = Target(kind=TargetKind.USER, id="ann", account="111122223333", region=GLOBAL)
    radius = [Effect(what="Keys stop.", count=2), Effect(what="Sign-ins stop.", count=0), Effect(what="And others.")]
    change = Change(action="iam_deny_user", target=target, before={}, after={}, blast_radius=radius)
    assert change.felt == ["Keys stop: 2", "And others."]
    nobody = change.model_copy(update={"blast_radius": radius[1:2]})
    assert nobody.felt == ["Nobody: nothing that was counted is there."]


def test_a_refusal_is_one_line_for_a_program_and_as_wide_as_the_terminal_for_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = "refused: " + "a word and " * 30 + "/a/very/long/path-that-is-not-broken/" + "x" * 90
    assert as_wide(message) == message
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    lines = as_wide(message).splitlines()
    assert " ".join(line.strip() for line in lines) == message
    assert all(len(line) <= 80 for line in lines[:-1])
    assert len(lines) > 4


@pytest.mark.parametrize(("answer", "gone"), [("n\n", False), ("y\n", True)])
def test_reset_asks_at_a_terminal_and_says_what_is_forgotten(
    answer: str, gone: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contained(tmp_path / SANDBOX)
    monkeypatch.setattr("graphs.entrypoints.cli_sandbox.at_a_terminal", lambda: True)
    code, said = command(tmp_path, "sandbox", "reset", answer=answer)
    assert "its 1 run, 2 effects in place, and all receipts and evidence" in said
    assert (code == 0, not (tmp_path / SANDBOX).exists()) == (gone, gone)


def test_reset_asks_nobody_where_it_is_told_so_and_forgets_a_ledger_that_it_cannot_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SANDBOX).mkdir()
    (tmp_path / SANDBOX / LEDGER).write_bytes(b"no database at all, and long enough to be looked at" * 40)
    with pytest.raises(sqlite3.Error):
        sqlite3.connect(tmp_path / SANDBOX / LEDGER).execute("SELECT * FROM sqlite_master")
    monkeypatch.setattr("graphs.entrypoints.cli_sandbox.at_a_terminal", lambda: True)
    code, said = command(tmp_path, "sandbox", "reset", "--yes")
    assert (code, "which cannot be read" in said, (tmp_path / SANDBOX).exists()) == (0, True, False)


def helps(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each command's help by its name, those below it too."""
    yield name, command.help or ""
    for word, inner in getattr(command, "commands", {}).items():
        yield from helps(inner, f"{name} {word}")


@pytest.mark.parametrize("made", [stanch, stanch_eval])
def test_a_paragraph_of_help_is_one_line_and_a_list_of_commands_holds_it_whole(made: typer.Typer) -> None:
    group = typer.main.get_command(made)
    broken = [name for name, text in helps(group, "") if any("\n" in part.strip() for part in text.split("\n\n"))]
    assert broken == []
    listed = CliRunner().invoke(made, ["--help"], env={"COLUMNS": "80"}).output
    assert "..." not in listed.partition("Options")[2]


def test_an_option_that_would_do_nothing_and_an_action_in_small_letters_are_understood(tmp_path: Path) -> None:
    assert command(tmp_path, "run", "x.json", "--by", "ida") == (
        2,
        "--by says who asks for it once more: it goes with --again",
    )
    (tmp_path / SANDBOX).mkdir()
    at = desk(tmp_path / SANDBOX, USER_WORLD, event("guardduty_credential_abuse"), Mode.APPROVE)
    said = command(tmp_path, "approvals", "edit", at.deliver().run_id, "--drop", "a2", "--drop", "a9")[1]
    assert said == "not among the asked actions: A9"


def test_the_lines_of_evidence_are_joined_by_commas_and_count_one_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    _evidence(
        SourceSummary(source="a", standing="absent", calls=1, pages=1, note="no_athena_table", facts={}, not_known={})
    )
    assert "a: absent, 1 call, 1 page, no_athena_table" in " ".join(capsys.readouterr().out.split())


def test_the_phases_of_iam_are_named_and_not_broken() -> None:
    assert "verify" in CliRunner().invoke(stanch, ["iam", "--help"], env={"COLUMNS": "80"}).output
