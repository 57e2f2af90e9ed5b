"""What `stanch standing` says of what stands: until when, and who ends it."""

from pathlib import Path

from command import command
from desk import desk, event
from instance_desk import WEB_WORLD

from agent.report import Report
from agent.verdict import Mode
from graphs.bootstrap import SANDBOX


def test_a_block_says_when_it_ends_and_who_ends_it(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    at = desk(tmp_path / SANDBOX, WEB_WORLD, event("guardduty_web_attack"), Mode.APPROVE)
    run = at.say("approve", at.deliver())
    assert isinstance(run, Report), run
    said = command(tmp_path, "standing")[1]
    assert "until 2026-11-21 10:30 UTC: then the next `stanch sweep --sandbox` takes it back" in said
    assert "on Lambda" in run.actions[0].planned.change.blast_radius[-1].what
