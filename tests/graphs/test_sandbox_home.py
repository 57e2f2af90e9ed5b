"""A home's sandbox is made from a world file, from an event, or from both."""

import json
import re
from pathlib import Path

import pytest
from command import command
from desk import ACCOUNT, REGION, USER_WORLD, event

from graphs import sandbox_home
from graphs.bootstrap import SANDBOX
from tools.sandbox.engine import Sandbox
from tools.sandbox.world import WorldError


def found(sandbox: Sandbox) -> int:
    """How many findings GuardDuty has."""
    client = sandbox.client("guardduty", ACCOUNT, REGION)
    (detector,) = client.list_detectors()["DetectorIds"]
    return len(client.list_findings(DetectorId=detector)["FindingIds"])


def test_a_world_file_alone_makes_the_world_and_an_event_may_happen_in_it_later(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text(USER_WORLD, encoding="utf-8")
    with sandbox_home.held(tmp_path, None, file) as (made, registry):
        assert (registry.people["rosa"], found(made)) == (["owner"], 0)
    with sandbox_home.held(tmp_path, event("guardduty_credential_abuse"), file) as (made, _):
        assert found(made) == 1


def test_a_home_with_nothing_to_make_a_world_of_is_told_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="makes one"), sandbox_home.held(tmp_path):
        pass


def test_the_clock_of_a_sandbox_is_moved_on_and_a_request_then_runs_out(tmp_path: Path) -> None:
    path, world = tmp_path / "event.json", tmp_path / "world.yaml"
    path.write_text(json.dumps(event("guardduty_credential_abuse")), encoding="utf-8")
    world.write_text(USER_WORLD, encoding="utf-8")
    command(tmp_path, "run", str(path), "--sandbox", "--world", str(world), "--mode", "approve")
    (run,) = re.findall(r"sbx-[0-9a-f]{12}", command(tmp_path, "approvals", "list")[1])
    assert command(tmp_path, "sandbox", "advance", "1d2h")[1].startswith("It is 2026-11-21 14:0")
    assert "too late: the time to answer was over" in command(tmp_path, "approvals", "approve", run, "--by", "rosa")[1]


@pytest.mark.parametrize("duration", ["", "0h", "2", "h", "2h1d", "-2h", "2w", "9" * 9 + "m", "٢h"])
def test_what_is_no_duration_moves_no_clock(tmp_path: Path, duration: str) -> None:
    (tmp_path / SANDBOX).mkdir()
    code, said = command(tmp_path, "sandbox", "advance", "--", duration)
    assert (code, "is no duration: 90m, 2h, 1d or 1d12h is" in said) == (2, True)


def test_without_a_sandbox_there_is_no_clock_to_move(tmp_path: Path) -> None:
    assert command(tmp_path, "sandbox", "advance", "2h") == (2, "there is no sandbox here yet")
