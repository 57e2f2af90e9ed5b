"""The hand-written example events, the recorded corpus where it lies beside the repository, and one way to parse."""

import copy
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent.event import Event
from agent.finding import Finding, Refusal
from agent.intake import parse

EVENTS = Path(__file__).parents[2] / "data" / "events"
WHEN = datetime(2026, 11, 20, 10, 6, tzinfo=UTC)

Read = Callable[[JsonValue], list[Finding | Refusal]]


@pytest.fixture(scope="session")
def read() -> Read:
    """All findings and refusals of one body."""
    return lambda body: parse(Event(body=body, received_at=WHEN, via="direct")).findings


@pytest.fixture(scope="session")
def example() -> Callable[[str], dict]:
    """A fresh copy of an example event, to change at will."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EVENTS.glob("*.json")}
    return lambda name: copy.deepcopy(kept[name])


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the recorded corpus."""
    folder = Path(os.environ.get("STANCH_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
    if not (folder / "guardduty.jsonl").is_file():
        pytest.skip("the recorded corpus is not here: set STANCH_CORPUS")
    return folder
