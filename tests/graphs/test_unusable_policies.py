"""Policies that cannot be used stop a command before a finding is used up, with the variable's name."""

from collections.abc import Callable
from pathlib import Path

import pytest
from desk import USER_WORLD

from graphs.bootstrap import LEDGER, SANDBOX
from graphs.entrypoints.cli import app
from graphs.entrypoints.opening import REFUSED

EVENT = Path(__file__).parents[1] / "data" / "events" / "guardduty_credential_abuse.json"
PERMIT = 'permit (principal is Stanch::Service, action in Stanch::Action::"contain", resource);'


def holding(**files: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.cedar").write_text(text, encoding="utf-8")
        return folder

    return made


# what stands at the variable, and what is said of it
UNUSABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing": (lambda folder: folder, "No such file or directory"),
    "an empty directory": (holding(), "holds no .cedar file"),
    "a file without a policy": (holding(own="// later"), "holds no policy"),
    "a policy without its id": (holding(own=PERMIT), "own.cedar [policy0]: a policy has no @id"),
    "no Cedar": (holding(own="permit (\neverything\n);"), "own.cedar: not Cedar"),
}


def stanch(*arguments: str) -> int | str | None:
    """The exit code of a command in this process."""
    with pytest.raises(SystemExit) as ended:
        app(list(arguments), prog_name="stanch")
    return ended.value.code


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STANCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_run_is_stopped_in_one_line_before_its_finding_is_used_up(
    what: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = UNUSABLE[what]
    monkeypatch.setenv("STANCH_POLICIES", str(make(tmp_path / "policies")))
    (tmp_path / "world.yaml").write_text(USER_WORLD, encoding="utf-8")
    world = ("--sandbox", "--world", str(tmp_path / "world.yaml"))
    assert stanch("run", str(EVENT), *world, "--mode", "auto") == REFUSED
    told = capsys.readouterr()
    assert (told.out, told.err.startswith("STANCH_POLICIES: "), said in told.err) == ("", True, True), told.err
    assert told.err.count("\n") == 1
    assert not (home / SANDBOX / LEDGER).exists()


@pytest.mark.parametrize("command", ["check", "test"])
@pytest.mark.parametrize("what", UNUSABLE)
def test_policy_commands_look_at_the_configured_policies(
    command: str,
    what: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make, said = UNUSABLE[what]
    monkeypatch.setenv("STANCH_POLICIES", str(make(tmp_path / "policies")))
    assert stanch("policy", command) != 0
    told = capsys.readouterr()
    assert said in " ".join((told.out + told.err).split())
