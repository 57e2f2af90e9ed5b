"""A home's sandbox is made from a world file, from an event, or from both."""

from pathlib import Path

import pytest
from desk import ACCOUNT, REGION, USER_WORLD, event

from graphs import sandbox_home
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
