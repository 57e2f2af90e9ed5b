"""The recorded findings parse as far as they can, and the generated table says which do not."""

from pathlib import Path

import pytest

from agent.finding import Reason
from evals.intake_table import FILES, read_corpus, render

FLOORS = {"guardduty": 122, "securityhub_asff": 136, "securityhub_ocsf": 74, "macie": 2, "inspector": 7, "other": 7}
"""All but the lines that `docs/intake.md` names: malformed on purpose by their authors, or masked beyond reading."""


@pytest.fixture(scope="module")
def lines(corpus):
    return read_corpus(corpus)


@pytest.mark.parametrize("name", FILES)
def test_so_many_lines_of_a_file_parse_to_a_typed_finding(name, lines):
    assert sum(line.parsed for line in lines if line.file == name) >= FLOORS[name]


def test_no_recorded_line_is_left_out(lines):
    assert len(lines) == 363


EXCEPTIONS = {
    "guardduty-a9584278a144": ("AccountId", "masked: asterisks stand in the account's place"),
    "guardduty-6de0ae00f5e9": ("region", "masked: the word region stands in its own place"),
    "guardduty-f9cc76d118de": ("Region", "masked: the word region stands in its own place"),
    "guardduty-e475a6015afd": ("accountId", "made up: an account of nine digits"),
    "guardduty-321ae4456f02": ("detail.AccountId", "made up: an account of thirteen digits"),
    "guardduty-6b0b8144bc0d": ("detail.AccountId", "made up: an account of thirteen digits"),
    "guardduty-24a34f986714": ("detail.AccountId", "made up: an account of thirteen digits"),
    "guardduty-87383b633ff4": ("detail.AccountId", "made up: an account of thirteen digits"),
    "asff-f8281f41abaf": ("AwsAccountId", "masked: letters stand in the account's place"),
    "asff-7a9bb82f10fa": ("ProductArn", "cut short: no product says whose finding it is"),
    "asff-95ec33b3014c": ("source", "cut short: no bus names its source"),
    "macie-07e19098a692": ("detail.accountId", "cut short: no account"),
    "macie-f7f81541d901": ("region", "cut short: no Region"),
    "other-e7e0486db217": (
        "detail.affectedAccount",
        "cut short: the one account field that says whom it is about is missing",
    ),
    "other-f32aac1b347c": ("detail.messageType", "no finding: a resource changed, and nothing judged it"),
}
"""The lines that no finding can be made of: where it stops, and why. In every one it is the line's own fault."""


def test_exactly_these_lines_do_not_parse_and_for_these_causes(lines):
    unread = {
        line.id: [(refusal.where, refusal.reason) for refusal in line.refusals] for line in lines if not line.parsed
    }
    expected = {
        name: [(where, Reason.UNSUPPORTED if cause.startswith("no finding") else Reason.MALFORMED)]
        for name, (where, cause) in EXCEPTIONS.items()
    }
    assert unread == expected


CAUSES = {
    "masked": "not a", "made up": "not an account of 12 digits", "cut short": "missing", "no finding": "not of its compliance"
}  # fmt: skip
"""What a refusal says where the cause is of that kind."""


def test_each_refusal_says_the_cause_of_its_kind(lines):
    said = {line.id: line.refusals[0].detail for line in lines if not line.parsed}
    assert all(CAUSES[cause.partition(":")[0]] in said[name] for name, (_, cause) in EXCEPTIONS.items())


def test_the_table_in_the_repository_is_the_one_that_the_code_gives(lines):
    kept = Path(__file__).parents[3] / "docs" / "intake.md"
    assert kept.read_text(encoding="utf-8") == render(lines)
