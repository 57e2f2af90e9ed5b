"""The table says the whole of a run at 80 columns, and lets no text of a finding drive the terminal."""

import re
from io import StringIO

import pytest
from report_builders import every_status, finding, report
from rich.console import Console

from agent.report import Report, Status
from agent.verdict import Mode, Ruling
from evals.table import table


def drawn(reports: list[Report], width: int = 80) -> str:
    console = Console(width=width, file=StringIO(), force_terminal=False)
    console.print(table(reports, [1.25] * len(reports), [f"case-{n}" for n, _ in enumerate(reports)]))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(width: int) -> None:
    text = drawn(list(every_status().values()), width)
    assert max(map(len, text.splitlines())) <= width
    for word in (
        "disposition",
        "verdict",
        "outcome",
        "verified",
        "positive",
        "deactivate",
        "unverified",
        "AKIAIOSFODNN7EXAMPLE",
        "MaliciousIPCaller",
        "partially contained",
    ):
        assert word in text, word


@pytest.mark.parametrize(
    "type_",
    [
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        "Software and Configuration Checks/Industry and Regulatory Standards/AWS-Foundational-Security-Best-Practices",
        "S3.8",
    ],
)
def test_a_long_type_is_whole_and_breaks_in_no_word(type_: str) -> None:
    text = drawn([report(Status.ESCALATED, finding=finding(type=type_))])
    for word in re.split(r"(?<=[/:. ])", type_):
        assert word.strip() in text


def test_each_row_begins_with_its_case_and_an_action_on_many_is_counted() -> None:
    made = every_status()[Status.CONTAINED]
    text = drawn([made.model_copy(update={"actions": made.actions[:1] * 9})])
    assert "case-0" in text
    assert "allow: deny user \u00d79" in text


def test_what_only_the_observe_mode_forbids_is_said_to_be_what_would_be_asked_or_done() -> None:
    made = every_status()[Status.PROPOSED].actions[0]
    assert made.verdict
    for otherwise, said in (({"auto": "allow"}, "would do:"), ({"approve": "ask"}, "would ask:"), ({}, "deny:")):
        verdict = made.verdict.model_copy(
            update={"ruling": Ruling.DENY, "otherwise": {Mode(mode): Ruling(way) for mode, way in otherwise.items()}}
        )
        changed = {"mode": Mode.OBSERVE, "actions": [made.model_copy(update={"verdict": verdict})]}
        assert said in drawn([every_status()[Status.PROPOSED].model_copy(update=changed)])


def test_only_what_was_refused_is_said_to_be_no_finding() -> None:
    text = drawn([report(status, finding=None) for status in (Status.REFUSED, Status.FAILED)])
    assert (text.count("(not a finding)"), text.count("(not worked)")) == (1, 1)


def test_actions_stand_under_what_policy_says_of_them() -> None:
    text = " ".join(drawn([every_status()[Status.CONTAINED]]).split())
    assert "allow: deny user, deactivate key" in text
    assert "true positive" in text


def test_a_contained_run_has_all_that_was_promised() -> None:
    text = drawn([every_status()[Status.CONTAINED]], 120)
    for said in (
        "MaliciousIPCaller",
        "AKIAIOSFODNN7EXAMPLE",
        "deny user",
        "deactivate",
        "allow",
        "contained",
        "observed",
        "1.2",
    ):
        assert said in text


def test_text_of_a_finding_is_neither_markup_nor_a_control_sequence() -> None:
    text = drawn([report(Status.SKIPPED, finding=finding(type="[red]\x1b[2J\u202ey\r\n"))])
    assert "[red]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<U+202E>" in drawn([report(Status.SKIPPED, finding=finding(type="\u202ey"))])
