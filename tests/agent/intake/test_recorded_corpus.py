"""The recorded findings parse as far as they can, and the generated table says which do not."""

from pathlib import Path

import pytest

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


def test_every_line_that_does_not_parse_has_a_reason_and_a_place(lines):
    unread = [line for line in lines if not line.parsed]
    assert unread
    assert all(line.refusals and all(refusal.where for refusal in line.refusals) for line in unread)


def test_the_table_in_the_repository_is_the_one_that_the_code_gives(lines):
    kept = Path(__file__).parents[3] / "docs" / "intake.md"
    assert kept.read_text(encoding="utf-8") == render(lines)
