"""What a user made for other users is counted and named, with who made it: a way back in that outlives the maker's keys."""

from typing import Any

import pytest
from asking import ATTACKER, FINDING, KEY, OFFICE, USER, WORLD, ask, changed, values

from agent.finding import Origin
from agent.target import Target
from tools.made_credentials import LIMIT

BOBS = "AKIABOBEXAMPLE000001"


def made(name: str = "CreateAccessKey", user: Any = "bob", key: str = BOBS, **more: Any) -> dict[str, Any]:
    """A call by which the finding's key gave somebody a credential."""
    answer = {"accessKey": {"accessKeyId": key, "userName": user}} if name == "CreateAccessKey" else None
    return {
        "at": "-30m", "name": name, "key": KEY, "user": USER, "address": ATTACKER, "region": "us-east-1",
        "request": {"userName": user}, "response": answer, **more,
    }  # fmt: skip


def told(*events: dict[str, Any]) -> dict[str, Any]:
    world = changed("cloudtrail.events", [*WORLD["cloudtrail"]["events"], *events])
    found = values(ask("cloudtrail_lookup", world))
    return {name: value for name, value in found.items() if name.startswith(("user.made", "new_"))}


COUNT = f"user.made_for_others {USER}"
MADE: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "nothing": ([], {COUNT: 0}),
    "a key, from elsewhere": ([made()], {COUNT: 1, f"new_key.made_by {BOBS}": "named_key"}),
    "a key, from the office": ([made(address=OFFICE)], {COUNT: 1, f"new_key.made_by {BOBS}": "own_network"}),
    "a key, with another of the user's keys": (
        [made(key="AKIABOBEXAMPLE000002") | {"key": None}],
        {COUNT: 1, "new_key.made_by AKIABOBEXAMPLE000002": "another"},
    ),
    "a password": ([made("CreateLoginProfile")], {COUNT: 1, "new_access.made_by bob": "named_key"}),
    "a password changed twice, the last time from the office": (
        [made("UpdateLoginProfile"), made("UpdateLoginProfile", address=OFFICE, at="-20m")],
        {COUNT: 1, "new_access.made_by bob": "named_key"},
    ),
    "a key for the user itself": ([made(user=USER)], {COUNT: 0}),
    "what was refused": ([made(error="AccessDenied"), made("CreateLoginProfile", error="AccessDenied")], {COUNT: 0}),
    "what somebody else made": ([made() | {"key": None, "user": "eve"}], {COUNT: 0}),
    "names that are none": ([made(user="b<o>b"), made("CreateLoginProfile", user={"bob": 1})], {COUNT: 0}),
}  # fmt: skip


@pytest.mark.parametrize("what", MADE)
def test_what_was_made_for_others_is_told_with_who_made_it(what: str) -> None:
    events, expected = MADE[what]
    assert told(*events) == expected


def test_all_are_counted_and_those_that_the_intruder_made_are_named_first() -> None:
    many = [made(user=f"user-{n}", key=f"AKIAMANYEXAMPLE{n:05}", address=OFFICE) for n in range(9)]
    found = told(*many, made())
    assert found[COUNT] == 10
    assert found[f"new_key.made_by {BOBS}"] == "named_key"
    assert len(found) == 1 + LIMIT


def test_the_key_and_its_user_are_related_targets() -> None:
    world = changed("cloudtrail.events", [*WORLD["cloudtrail"]["events"], made()])
    related = ask("cloudtrail_lookup", world).targets
    assert [(target.kind, target.id, target.owner) for target in related] == [
        ("access_key", BOBS, "bob"), ("user", "bob", None),
    ]  # fmt: skip


ALARMS = {
    ("CreateAccessKey", USER, ATTACKER): "named_key",
    ("CreateAccessKey", USER, OFFICE): "own_network",
    ("CreateAccessKey", "deploy", ATTACKER): "another",
    ("StopLogging", USER, ATTACKER): None,
}


@pytest.mark.parametrize(("call", "actor", "address"), ALARMS)
def test_of_a_finding_that_is_the_making_itself_the_finding_tells_who_made_it(
    call: str, actor: str, address: str
) -> None:
    bobs = Target.model_validate({**FINDING.targets[0].model_dump(), "id": BOBS, "owner": "bob"})
    remote = [each.model_copy(update={"id": f"{address}/32"}) for each in FINDING.remote_addresses]
    alarm = FINDING.model_copy(
        update={
            "origin": Origin.CLOUDTRAIL, "type": f"CloudTrail:{call}", "actors": [actor], "remote_addresses": remote,
            "targets": [*(FINDING.targets if actor == USER else []), bobs],
        }
    )  # fmt: skip
    found = values(ask("cloudtrail_lookup", WORLD, alarm))
    assert found.get(f"new_key.made_by {BOBS}") == ALARMS[call, actor, address]
