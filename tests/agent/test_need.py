"""A need says how many answer, and which of them has to be who."""

import pytest

from agent.need import in_words
from agent.verdict import Need


def need(count: int, *roles: str) -> Need:
    return Need(count=count, roles=list(roles))


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ([], ""),
        ([need(1)], "1 approval"),
        ([need(2)], "2 approvals"),
        ([need(1, "oncall")], "1 approval as oncall"),
        ([need(2, "commander"), need(2, "owner")], "2 approvals, one of them as commander or owner"),
        ([need(1, "owner"), need(2)], "1 approval as owner or 2 approvals"),
        ([need(2, "commander", "owner")], "2 approvals as commander and owner between them"),
        ([need(1, "commander", "owner")], "1 approval as commander and owner"),
    ],
)
def test_a_role_is_asked_of_one_of_them_and_not_of_all(needs: list[Need], words: str) -> None:
    assert in_words(needs) == words


def test_people_are_counted_as_people() -> None:
    assert in_words([need(2, "owner")], "person", "people") == "2 people, one of them as owner"
