"""What a policy document permits, and to whom."""

from typing import Any

import pytest

from agent.iam_policy import allows_everything, denies_everything, opens_to_everyone, parse_document, principals

ROLE = "arn:aws:iam::111122223333:role/reader"


def one(**statement: Any) -> dict[str, Any]:
    return {"Statement": [statement]}


@pytest.mark.parametrize(
    ("document", "allows", "denies"),
    [
        (one(Effect="Allow", Action="*", Resource="*"), True, False),
        (one(Effect="Allow", Action=["s3:*", "*:*"], Resource=["*"]), True, False),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, True, False),
        (one(Effect="Allow", Action="*", Resource="*", Condition={"Bool": {}}), True, False),
        (one(Effect="Allow", Action="s3:*", Resource="*"), False, False),
        (one(Effect="Allow", Action="*", Resource="arn:aws:s3:::x"), False, False),
        (one(Effect="Allow", NotAction="iam:*", Resource="*"), False, False),
        (one(Effect="Deny", Action="*", Resource="*"), False, True),
        (one(Effect="Deny", Action="*", Resource="*", Condition={"Bool": {"a": "b"}}), False, False),
        (one(Effect="Deny", Action="s3:*", Resource="*"), False, False),
        ({"Statement": ["*", None, 3]}, False, False),
        ({}, False, False),
    ],
)
def test_a_statement_counts_as_everything_only_if_it_is_about_every_action_and_resource(
    document: dict[str, Any], allows: bool, denies: bool
) -> None:
    assert (allows_everything(document), denies_everything(document)) == (allows, denies)


@pytest.mark.parametrize(
    ("statement", "ids", "accounts"),
    [
        ({"Principal": "*"}, ["*"], [None]),
        ({"Principal": {"AWS": "*"}}, ["*"], [None]),
        ({"Principal": {"AWS": ["111122223333", ROLE]}}, ["111122223333", ROLE], ["111122223333", "111122223333"]),
        ({"Principal": {"AWS": "arn:aws-cn:sts::111122223333:assumed-role/x/y"}}, None, ["111122223333"]),
        ({"Principal": {"AWS": "AIDAEXAMPLEEXAMPLE00"}}, None, [None]),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, ["cloudtrail.amazonaws.com"], [None]),
        ({"NotPrincipal": {"AWS": ROLE}}, ["*"], [None]),
        ({"Principal": 3}, [], []),
        ({}, [], []),
    ],
)
def test_principals_are_read_in_every_way_in_which_they_are_written(
    statement: dict[str, Any], ids: list[str] | None, accounts: list[str | None]
) -> None:
    found = principals(statement)
    assert [principal.account for principal in found] == accounts
    assert ids is None or [principal.id for principal in found] == ids


@pytest.mark.parametrize(
    ("document", "opens"),
    [
        (one(Effect="Allow", Principal="*"), True),
        (one(Effect="Allow", Principal={"AWS": ["*", ROLE]}), True),
        (one(Effect="Allow", Principal={"AWS": ROLE}), False),
        (one(Effect="Deny", Principal="*"), False),
        (one(Effect="Allow", NotPrincipal={"AWS": ROLE}), True),
    ],
)
def test_a_policy_opens_to_everyone_if_a_statement_allows_anybody(document: dict[str, Any], opens: bool) -> None:
    assert opens_to_everyone(document) is opens


@pytest.mark.parametrize("raw", ["", "[]", "{", "null", 3, None, "[" * 100_000])
def test_what_is_not_an_object_is_not_a_document(raw: object) -> None:
    assert parse_document(raw) is None
