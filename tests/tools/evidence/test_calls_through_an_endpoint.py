"""A call through a VPC endpoint has an address that the endpoint's owner chose: it is the owner's only behind an endpoint of ours."""

from typing import Any

import pytest
from asking import (
    ACCOUNT,
    BUCKET,
    FINDING,
    KEY,
    KEY_TARGET,
    KEYLESS,
    LOGGED,
    OF_ROLE,
    OFFICE,
    OTHER_ACCOUNT,
    REGION,
    USER,
    WORLD,
    ask,
    built,
    changed,
    gather,
    values,
)

from tools.made_credentials import INTRUDER
from tools.sandbox.athena_tables import Catalog

STRANGER = "999999999999"
THROUGH = {"vpcEndpointId": "vpce-0123456789abcdef0"}
ENDPOINTS: list[tuple[str, dict[str, Any], bool]] = [
    ("none", {}, True),
    ("one of ours", {**THROUGH, "vpcEndpointAccountId": ACCOUNT}, True),
    ("a stranger's", {**THROUGH, "vpcEndpointAccountId": STRANGER}, False),
    ("a stranger's, by its account alone", {"vpcEndpointAccountId": STRANGER}, False),
    ("nobody says whose", THROUGH, False),
]
IDS = [name for name, _, _ in ENDPOINTS]
CASES = [each[1:] for each in ENDPOINTS]


@pytest.mark.parametrize(("raw", "ours"), CASES, ids=IDS)
def test_a_key_s_calls_through_somebody_else_s_endpoint_are_from_no_trusted_network(
    raw: dict[str, Any], ours: bool
) -> None:
    event = {"at": "-40m", "name": "ListUsers", "key": KEY, "user": USER, "address": OFFICE, "raw": raw}
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [event])))
    assert told[f"key.only_trusted_addresses {KEY}"] is ours


@pytest.mark.parametrize(("raw", "ours"), CASES, ids=IDS)
def test_so_are_those_of_its_sessions(raw: dict[str, Any], ours: bool) -> None:
    given = "ASIAFIRSTSESSION0001"
    made = {"at": "-45m", "name": "AssumeRole", "source": "sts", "key": KEY, "user": USER, "address": OFFICE,
            "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/operator", "roleSessionName": "s"},
            "response": {"credentials": {"accessKeyId": given}}}  # fmt: skip
    used = {"at": "-40m", "name": "ListUsers", "key": given, "role": "operator", "address": OFFICE, "raw": raw}
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [made, used])))
    assert told[f"key.sessions_only_trusted {KEY}"] is ours


@pytest.mark.parametrize(("raw", "ours"), CASES, ids=IDS)
def test_so_are_those_of_a_role_s_session(raw: dict[str, Any], ours: bool) -> None:
    world = changed(
        "cloudtrail.events.4", {**OF_ROLE["cloudtrail"]["events"][-1], "address": OFFICE, "raw": raw}, OF_ROLE
    )
    told = values(ask("cloudtrail_principals", world, KEYLESS))
    assert {told[f"session.only_trusted_addresses {KEYLESS.targets[0].id}"]} == {ours}
    assert told["role.only_trusted_addresses worker"] is ours


@pytest.mark.parametrize(("raw", "ours"), CASES, ids=IDS)
def test_who_made_a_credential_through_one_is_taken_for_an_intruder(raw: dict[str, Any], ours: bool) -> None:
    made = {"at": "-40m", "name": "CreateAccessKey", "key": KEY, "user": USER, "address": OFFICE, "raw": raw,
            "request": {"userName": "bob"},
            "response": {"accessKey": {"userName": "bob", "accessKeyId": "AKIABOBMADEMEANWHILE"}}}  # fmt: skip
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [made])))
    assert (told["new_key.made_by AKIABOBMADEMEANWHILE"] == INTRUDER) is not ours


def logged(raw: dict[str, Any]) -> dict[str, Any]:
    """A trail in which the key read an object."""
    read = {"at": "-45m", "name": "GetObject", "source": "s3", "key": KEY, "user": USER, "address": OFFICE,
            "resources": [BUCKET], "object": "a.csv", "raw": raw}  # fmt: skip
    return changed("cloudtrail.events", [read], LOGGED)


TRAIL: dict[str, bool | str] = {"nobody says whose": "failed: endpoint_account_not_told"}


@pytest.mark.parametrize(("name", "raw", "ours"), ENDPOINTS, ids=IDS)
def test_a_trail_s_files_tell_the_same(name: str, raw: dict[str, Any], ours: bool) -> None:
    told = values(ask("cloudtrail_athena", logged(raw), FINDING.model_copy(update={"targets": [KEY_TARGET]})))
    assert told[f"key.trail_only_trusted {KEY}"] == TRAIL.get(name, ours)


def test_a_table_without_a_column_for_the_endpoint_s_account_clears_nobody_who_came_through_one() -> None:
    sandbox, world = built(logged({**THROUGH, "vpcEndpointAccountId": STRANGER}))
    table = sandbox.shelf(Catalog, ACCOUNT, REGION).tables["logs", "cloudtrail"]
    table.columns = {name: kind for name, kind in table.columns.items() if name != "vpcendpointaccountid"}
    told = values(gather("cloudtrail_athena", sandbox, world))
    assert told[f"key.trail_only_trusted {KEY}"] == "failed: endpoint_account_not_told"
    assert told[f"key.trail_calls {KEY}"] == 1


@pytest.mark.parametrize(("raw", "ours"), CASES, ids=IDS)
def test_who_signs_for_an_unknown_account_is_a_stranger_behind_any_endpoint_but_ours(
    raw: dict[str, Any], ours: bool
) -> None:
    theirs = {**raw, "userIdentity": {"type": "AWSAccount", "accountId": STRANGER}}
    told = values(ask("cloudtrail_athena", logged(theirs)))
    assert told[f"bucket.stranger_reads {BUCKET}"] == (0 if ours else 1)


def test_an_endpoint_of_another_account_of_ours_is_ours() -> None:
    raw = {**THROUGH, "vpcEndpointAccountId": OTHER_ACCOUNT}
    event = {"at": "-40m", "name": "ListUsers", "key": KEY, "user": USER, "address": OFFICE, "raw": raw}
    world = changed("cloudtrail.events", [event])
    served = changed(f"registry.accounts.{OTHER_ACCOUNT}", {"role": "workload", "environment": "dev"}, world)
    name = f"key.only_trusted_addresses {KEY}"
    assert (values(ask("cloudtrail_lookup", world))[name], values(ask("cloudtrail_lookup", served))[name]) == (
        False,
        True,
    )


def test_the_worlds_are_about_an_office_that_is_trusted() -> None:
    assert WORLD["registry"]["trusted_networks"] == ["203.0.113.0/24"]
