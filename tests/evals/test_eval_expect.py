"""Each expectation is a named check that can come true and can fail."""

from typing import Any

import pytest
from report_builders import every_status, report

from agent.report import Report, Status
from evals.expect import Expectation, score

CONTAINED = every_status()[Status.CONTAINED]
REJECTED = every_status()[Status.REJECTED]
BOTH = [
    {"action": "iam_deny_user", "target": "deploy-bot"},
    {"action": "iam_deactivate_key", "target": "AKIAIOSFODNN7EXAMPLE"},
]


def failing(expect: dict[str, object], reports: list[Report], **how: Any) -> list[str]:
    return [check.name for check in score(Expectation.model_validate(expect), reports, **how) if not check.ok]


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"status": "contained", "disposition": "true_positive", "actions": BOTH[::-1], "reason_contains": "2 of 2"},
        {"actions": [BOTH[0] | {"ruling": "allow", "outcome": "done", "verified": "by_configuration"}, BOTH[1]]},
        {"never_touch": ["AKIAI44QH8DHBEXAMPLE", "example-site"]},
    ],
)
def test_what_is_as_expected_passes(expect: dict[str, object]) -> None:
    assert failing(expect, [CONTAINED]) == []


@pytest.mark.parametrize(
    ("expect", "names"),
    [
        ({"status": "denied"}, ["status"]),
        ({"disposition": "benign"}, ["disposition"]),
        ({"actions": []}, ["actions"]),
        ({"actions": BOTH[:1]}, ["actions"]),
        ({"actions": [BOTH[0], {"action": "iam_deactivate_key", "target": "AKIAI44QH8DHBEXAMPLE"}]}, ["actions"]),
        ({"actions": [BOTH[0] | {"ruling": "ask"}, BOTH[1]]}, ["iam_deny_user deploy-bot: ruling"]),
        ({"actions": [BOTH[0] | {"verified": "observed"}, BOTH[1]]}, ["iam_deny_user deploy-bot: verified"]),
        ({"asks": ["ask-in-approve-mode"]}, ["ask: ask-in-approve-mode"]),
        ({"denied": ["deny-protected"]}, ["deny: deny-protected"]),
        ({"reason_contains": "three"}, ["reason"]),
        ({"never_touch": ["deploy-bot"]}, ["never touched: deploy-bot"]),
        ({"also": [{"status": "skipped"}]}, ["reports"]),
    ],
)
def test_what_is_not_as_expected_fails_under_its_own_name(expect: dict[str, object], names: list[str]) -> None:
    assert failing(expect, [CONTAINED]) == names


def test_asks_and_denials_are_told_apart_by_their_policies() -> None:
    assert failing({"asks": ["ask-in-approve-mode"]}, [REJECTED]) == []
    assert failing({"denied": ["ask-in-approve-mode"]}, [REJECTED]) == ["deny: ask-in-approve-mode"]


def test_what_asked_is_checked_whatever_was_answered_then() -> None:
    expect = {"was_asked": ["prod-disruptive"]}
    assert failing(expect, [CONTAINED], asked=[["prod-disruptive", "overflow"]]) == []
    assert failing(expect, [CONTAINED], asked=[["overflow"]]) == ["was asked: prod-disruptive"]
    assert failing(expect, [CONTAINED]) == ["was asked: prod-disruptive"]
    assert failing(expect, [CONTAINED], own_mode=False) == []


def test_what_nobody_may_touch_is_looked_at_in_the_world_and_not_in_receipts_alone() -> None:
    expect = {"never_touch": ["example-site", "AKIAI44QH8DHBEXAMPLE"]}
    assert failing(expect, [CONTAINED], changed=["example-site"]) == ["never touched: example-site"]


def test_each_finding_of_an_event_is_checked_against_its_own_expectation() -> None:
    expect = {"status": "contained", "also": [{"status": "skipped"}]}
    assert failing(expect, [CONTAINED, report(Status.SKIPPED)]) == []
    assert failing(expect, [CONTAINED, CONTAINED]) == ["2.status"]


def test_in_another_mode_only_what_no_mode_changes_is_checked() -> None:
    expect = {"status": "rejected", "disposition": "benign", "actions": BOTH, "never_touch": ["deploy-bot"]}
    assert failing(expect, [CONTAINED], own_mode=False) == ["disposition", "never touched: deploy-bot"]
