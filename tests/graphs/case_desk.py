"""A desk whose runs keep a case file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from desk import USER_WORLD, Desk, desk, event
from langgraph.checkpoint.memory import InMemorySaver

from agent.report import Report
from agent.verdict import Mode
from graphs.checkpoints import serializer
from graphs.runs import Runs
from tools.archive import FileArchive

KEY = b"the key of these tests"


def keeping(folder: Path, text: str, body: Any, mode: Mode = Mode.AUTO) -> Desk:
    """A desk that keeps raw evidence under the folder."""
    at = desk(folder, text, body, mode)
    at.service = replace(at.service, archive=FileArchive(folder / "cases"))
    at.runs = Runs(at.service, InMemorySaver(serde=serializer()))
    return at


def worked(folder: Path) -> tuple[Desk, Report]:
    """A finished run whose raw evidence was kept."""
    at = keeping(folder, USER_WORLD, event("guardduty_credential_abuse"))
    return at, at.deliver()
