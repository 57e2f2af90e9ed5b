"""Reasons are counted by what they have in common, not by whom they are about."""

import pytest
from report_builders import report

from agent.report import Status
from evals.summary import reason_code


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sample", "sample: a sample finding (lifecycle.sample)"),
        ("not_aws", "not_aws: product of somebody else: x"),
        ("duplicate", "duplicate"),
        ("No action serves this situation yet", "No action serves this situation yet. A person has to look."),
        ("[access_key]: Every call came from the office", "AKIAIOSFODNN7EXAMPLE: Every call came from the office."),
        ("[user]: The user is gone", "deploy-bot: The user is gone. Nothing is left."),
        ("deploy-bots are not the user deploy_bot", "deploy-bots are not the user deploy_bot"),
        ("none", ""),
    ],
)
def test_a_reason_is_counted_by_its_code_or_its_first_sentence(code: str, reason: str) -> None:
    assert reason_code(report(Status.ESCALATED, reason=reason)) == code


def test_what_was_contained_is_counted_by_why_and_not_by_how_it_was_verified() -> None:
    made = report(Status.CONTAINED, reason="iam_deny_user on deploy-bot: observed")
    assert reason_code(made) == "true positive, confidence high"
