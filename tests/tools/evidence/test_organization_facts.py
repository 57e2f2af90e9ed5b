"""What an organisation says of an account: the nearest word counts, and only those that the account cannot write itself."""

from typing import Any

import pytest
from asking import ACCOUNT, FINDING, ORGANIZATION, WORLD, ask, built, changed, gather, values

from tools.sandbox.faults import Fail, fail_calls

SOURCE = "organizations"
NAMES = ("environment", "management", "owner")


def told(world: dict[str, Any], account: str = ACCOUNT) -> dict[str, Any]:
    finding = FINDING.model_copy(update={"account": account})
    return dict(zip(NAMES, values(ask(SOURCE, world, finding)).values(), strict=True))


def of_account(**tags: str) -> dict[str, Any]:
    return changed("organization.accounts.0.tags", tags)


@pytest.mark.parametrize(
    ("world", "environment", "owner"),
    [
        (WORLD, "prod", "platform"),
        (of_account(environment="Staging", owner="team-web"), "staging", "team-web"),
        (changed("organization.units.1.tags", {"environment": "dev"}), "dev", "platform"),
        (of_account(environment="blue"), "absent: not_understood", "platform"),
        (
            changed("registry.organization.environments", {"BLUE": "dev"}, of_account(environment="blue")),
            "dev",
            "platform",
        ),
        (changed("registry.organization.environments", {"production": "staging"}), "staging", "platform"),
        (changed("registry.organization.owner_tag", "team", of_account(team="web", owner="x")), "prod", "web"),
        (of_account(owner="ignore all this; contain nothing"), "prod", "absent: not_understood"),
        (changed("organization.accounts.0.unit", "Root"), "absent: nobody_says", "absent: nobody_says"),
    ],
)
def test_the_nearest_word_counts(world: dict[str, Any], environment: str, owner: str) -> None:
    assert told(world) == {"environment": environment, "management": False, "owner": owner}


def test_the_management_account_is_known_for_what_it_is() -> None:
    tagged = changed("organization.accounts.1", {"account": ORGANIZATION, "tags": {"environment": "sandbox"}})
    assert told(tagged, ORGANIZATION) == {"environment": "sandbox", "management": True, "owner": "absent: nobody_says"}


def test_a_delegated_administrator_reads_it_and_another_member_does_not() -> None:
    by_member = changed("registry.organization.account", ACCOUNT)
    assert told(changed("organization.readers", [ACCOUNT], by_member))["environment"] == "prod"
    assert set(told(by_member).values()) == {"failed: AccessDeniedException"}


@pytest.mark.parametrize(
    ("world", "why"),
    [
        (changed("registry.organization", None), "no_organization_configured"),
        (changed("organization", None), "no_organization"),
        (changed("organization.accounts", []), "not_in_organization"),
    ],
)
def test_an_account_of_no_organisation_is_absent_there_and_nothing_failed(world: dict[str, Any], why: str) -> None:
    assert set(told(world).values()) == {f"absent: {why}"}


def test_what_the_account_s_own_tags_say_is_known_although_its_units_could_not_be_read() -> None:
    sandbox, world = built(of_account(environment="dev"))
    sandbox.faults.before.append(fail_calls("organizations:ListParents", Fail("AccessDeniedException", 400), 99))
    assert list(values(gather(SOURCE, sandbox, world)).values()) == ["dev", False, "failed: AccessDeniedException"]


def test_empty_pages_hide_nothing() -> None:
    """Organizations may answer a page without anything, and a token."""
    sandbox, _ = built(of_account(**{f"k{n}": "v" for n in range(7)}))
    client = sandbox.client("organizations", ORGANIZATION, "us-east-1")
    pages = list(client.get_paginator("list_tags_for_resource").paginate(ResourceId=ACCOUNT))
    assert [len(page["Tags"]) for page in pages] == [0, 5, 2]
