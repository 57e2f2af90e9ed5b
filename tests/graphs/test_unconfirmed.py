"""A target that is not there any more, or not ours, is told of: with its standing, and never as something to act on."""

from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, REGION, desk, event

from agent.report import Report
from graphs.entrypoints.printing import line

DATABASE = f"aws:{ACCOUNT}:{REGION}:database:orders"
WORLD = f"""
now: 2026-11-20T10:25:00Z
account: {ACCOUNT}
region: {REGION}
registry: {{accounts: {{{ACCOUNT}: {{role: workload, environment: dev}}}}}}
"""


def worked(folder: Path, present: str) -> Report:
    return desk(folder, WORLD + present, event("guardduty_database")).deliver()


@pytest.mark.parametrize(
    ("unconfirmed", "present"),
    [({DATABASE: "gone"}, ""), ({}, "present: [{kind: database, id: orders}]\n")],
)
def test_a_report_tells_which_targets_are_gone(
    tmp_path: Path, unconfirmed: Any, present: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = worked(tmp_path, present)
    assert report.unconfirmed == unconfirmed
    assert report.actions == []
    line(report)
    assert ("gone database orders" in " ".join(capsys.readouterr().out.split())) is bool(unconfirmed)
