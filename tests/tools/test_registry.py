"""The registry says what it means, or says where it does not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.target import GLOBAL, Target, TargetKind
from graphs.configuration import Configuration
from tools.registry import Registry, fault
from tools.registry_table import KEY, NoRegistry, load
from tools.sandbox.engine import Sandbox

ACCOUNT = "111122223333"
LISTS = ["protected", "break_glass", "own_parts", "automation", "audit_buckets", "public_buckets", "scanners"]
USER = Target(kind=TargetKind.USER, id="Build-Bot", account=ACCOUNT, region=GLOBAL)
BUCKET = Target(kind=TargetKind.BUCKET, id="example-ledger-exports", account=ACCOUNT, region="eu-west-1")
ROLE = Target(kind=TargetKind.ROLE, id="deploy", account=ACCOUNT, region=GLOBAL)

TABLE = "stanch-registry"
Kept = Callable[[str], Registry]
"""Keeps a registry's text somewhere, and reads it from there."""


@pytest.fixture
def tables() -> Any:
    sandbox = Sandbox.fresh(7, datetime(2026, 3, 1, tzinfo=UTC))
    client = sandbox.client("dynamodb", ACCOUNT, "eu-west-1")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture(params=["file", "table"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "file":

        def in_file(text: str) -> Registry:
            (tmp_path / "registry.yaml").write_text(text, encoding="utf-8")
            return Registry.load(tmp_path / "registry.yaml")

        return in_file
    client = request.getfixturevalue("tables")

    def in_table(text: str) -> Registry:
        client.put_item(TableName=TABLE, Item=KEY | {"body": {"S": text}})
        return load(client, TABLE)

    return in_table


NOTHING = {
    "a pattern": "example-ledger-*",
    "the objects of a bucket": "arn:aws:s3:::example-ledger-exports/*",
    "one object": "arn:aws:s3:::example-ledger-exports/q3.csv",
    "a trailing slash": "arn:aws:s3:::example-ledger-exports/",
    "a blank at its end": "example-ledger-exports ",
    "a blank at its beginning": " build-bot",
    "an address as the CLI writes it": "s3://example-ledger-exports",
    "the unique id of a user": "AIDACKCEVSQ6C2EXAMPLE",
    "the unique id of a role": "AROACKCEVSQ6C2EXAMPLE",
    "a session": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build-bot",
    "a path": "ops/build-bot",
    "a letter that looks like another": "build-b\u043et",
    "half an ARN": "arn:aws:s3",
    "an invisible character": "build-bot\u200b",
    "an address, which other lists guard": "192.0.2.66",
    "a network, which other lists guard": "2001:db8:66::/48",
    "nothing": "",
}


@pytest.mark.parametrize("entry", NOTHING.values(), ids=NOTHING.keys())
@pytest.mark.parametrize("name", LISTS)
def test_an_entry_that_would_protect_nothing_is_refused_with_its_place(name: str, entry: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Registry.model_validate({name: ["good-name", entry]})
    assert [each["loc"] for each in refused.value.errors()] == [(name, 1)]


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("build-bot", USER), (f"arn:aws:iam::{ACCOUNT}:user/ops/build-bot", USER), ("BUILD-BOT", USER),
        (BUCKET.id, BUCKET), (f"arn:aws:s3:::{BUCKET.id}", BUCKET),
        (f"arn:aws:iam::{ACCOUNT}:role/Deploy", ROLE),
    ],
)  # fmt: skip
def test_an_entry_names_a_target_by_name_or_arn_in_any_case(entry: str, target: Target) -> None:
    registry = Registry.model_validate({"protected": [entry]})
    assert registry.names(registry.protected, target)


@pytest.mark.parametrize(
    "entry",
    [
        "build", "build-bot-2", "example-ledger", f"arn:aws:iam::{ACCOUNT}:user/build-bot/x",
        "arn:aws:iam::999988887777:user/build-bot",
    ],
)  # fmt: skip
def test_an_entry_names_nobody_else(entry: str) -> None:
    registry = Registry.model_validate({"protected": [entry]})
    assert not registry.names(registry.protected, USER)
    assert not registry.names(registry.protected, BUCKET)


@pytest.mark.parametrize("name", ["trusted_networks", "never_block"])
def test_a_network_that_is_none_is_refused_when_it_is_read(name: str) -> None:
    for entry in ("10.0.0.0/33", "office", "10.0.0.*", ""):
        with pytest.raises(ValidationError):
            Registry.model_validate({name: [entry]})


def test_a_network_with_bits_behind_its_prefix_is_the_network() -> None:
    registry = Registry(trusted_networks=["198.51.100.9/24"], never_block=["203.0.113.9/24"])
    assert registry.trusts("198.51.100.200")
    assert registry.never_blocks("203.0.113.200/32")


@pytest.mark.parametrize("people", [{"Rosa": ["owner"], "rosa": []}, {"r\u043esa": ["owner"]}, {"Rosa Diaz": []}])
def test_a_person_nobody_could_answer_as_is_refused(people: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="no name of a person"):
        Registry.model_validate({"people": people})


def test_an_account_that_does_not_name_its_role_has_none(kept: Kept) -> None:
    assert kept("accounts: {'111122223333': {environment: prod}}").accounts[ACCOUNT].role == "unknown"


def test_an_account_that_does_not_name_its_environment_has_none(kept: Kept) -> None:
    assert kept("accounts: {'111122223333': {role: workload}}").accounts[ACCOUNT].environment == "unknown"


def test_a_registry_that_is_wrong_names_the_place_wherever_it_is_kept(kept: Kept) -> None:
    with pytest.raises(ValidationError) as refused:
        kept("accounts: {'111122223333': {environment: production}}")
    assert refused.value.errors()[0]["loc"][:3] == ("accounts", ACCOUNT, "environment")


def test_what_is_protected_trusted_and_scans_is_read_wherever_it_is_kept(kept: Kept) -> None:
    registry = kept(
        "protected: [example-ledger-exports]\nscanners: [i-0a1b2c3d4e5f60718]\ntrusted_networks: [203.0.113.0/24]\n"
    )
    assert registry.names(registry.protected, BUCKET)
    assert registry.scanners == ["i-0a1b2c3d4e5f60718"]
    assert registry.trusts("203.0.113.9")


def test_an_empty_file_is_a_registry_and_an_empty_table_is_none(tables: Any, tmp_path: Path) -> None:
    """A file is written by whoever deploys; a table that lost its item must not serve as one that protects nothing."""
    (tmp_path / "registry.yaml").write_text("", encoding="utf-8")
    assert Registry.load(tmp_path / "registry.yaml") == Registry()
    with pytest.raises(NoRegistry, match="has no item"):
        load(tables, TABLE)


def test_a_table_that_cannot_be_read_is_no_registry(tables: Any) -> None:
    with pytest.raises(NoRegistry, match="ResourceNotFoundException"):
        load(tables, "another")


def test_there_is_one_registry() -> None:
    with pytest.raises(ValidationError, match="there is one"):
        Configuration(registry=Path("registry.yaml"), registry_table=TABLE)


def test_other_regions_are_denied_only_where_it_is_said_which_are_not() -> None:
    with pytest.raises(ValidationError, match="regions has to say which are not"):
        Registry.parse("accounts: {'111122223333': {other_regions_denied: true}}")
    registry = Registry.parse("accounts: {'111122223333': {regions: [eu-west-1]}}")
    assert not registry.denies_other_regions("111122223333")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acounts: {}", "acounts: there is no such name; there are accounts, organization, protected, "),
        (f"accounts: {{'{ACCOUNT}': {{environmnt: dev}}}}", f"accounts.{ACCOUNT}.environmnt: there is no such name; there are role, "),
        (f"organization: {{account: '{ACCOUNT}', unit: x}}", "organization.unit: there is no such name; there are "),
    ],
)  # fmt: skip
def test_a_name_that_there_is_not_is_said_with_those_that_there_are(text: str, said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Registry.parse(text)
    assert fault(raised.value).startswith(said)
