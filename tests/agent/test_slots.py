"""Slots are filled by code, in order, and what does not fit is listed."""

import pytest
from samples import ADDRESS, BUCKET, INSTANCE, KEY, OTHER_KEY, USER, evidence, finding

from agent.finding import Situation
from agent.slots import assign, slot_of


def test_the_finding_s_targets_come_first_each_once() -> None:
    slots = assign(
        finding(Situation.CREDENTIAL_ABUSE, KEY, USER, KEY),
        evidence(targets=[OTHER_KEY, USER]),
        {KEY.key: True},
    )
    assert [(s.name, s.target.id, s.origin, s.verified) for s in slots.filled] == [
        ("T01", KEY.id, "finding", True),
        ("T02", USER.id, "finding", False),
        ("T03", OTHER_KEY.id, "evidence", False),
    ]
    assert slots.overflow == []


def test_an_address_among_the_targets_takes_a_slot_like_any_other() -> None:
    slots = assign(
        finding(Situation.INBOUND_ATTACK, INSTANCE, ADDRESS), evidence(targets=[ADDRESS]), {ADDRESS.key: True}
    )
    assert [(s.name, s.target, s.origin, s.verified) for s in slots.filled] == [
        ("T01", INSTANCE, "finding", False),
        ("T02", ADDRESS, "finding", True),
    ]


def test_an_address_that_the_finding_only_saw_takes_no_slot() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, KEY)
    assert found.remote_addresses == [ADDRESS]
    assert [slot.target for slot in assign(found, evidence(), {}).filled] == [KEY]


def test_addresses_overflow_too() -> None:
    peers = [ADDRESS.model_copy(update={"id": f"198.51.100.{number}/32"}) for number in range(17)]
    slots = assign(finding(Situation.INBOUND_ATTACK, INSTANCE, *peers), evidence(), {})
    assert slots.overflow == peers[15:]


def test_the_seventeenth_target_and_all_after_it_overflow() -> None:
    buckets = [BUCKET.model_copy(update={"id": f"amzn-s3-demo-bucket-{number}"}) for number in range(19)]
    slots = assign(finding(Situation.PUBLIC_BUCKET, *buckets[:5]), evidence(targets=buckets[5:]), {})
    assert [slot.name for slot in slots.filled][-1] == "T16"
    assert slots.overflow == buckets[16:]


def test_who_owns_a_key_is_believed_from_aws_before_a_finding() -> None:
    claimed = KEY.model_copy(update={"owner": "somebody-else"})
    slots = assign(finding(Situation.CREDENTIAL_ABUSE, claimed), evidence(targets=[KEY]), {})
    assert [(s.target.owner, s.origin) for s in slots.filled] == [("ci-deployer", "finding")]


def test_an_order_gives_the_same_targets_other_names() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    slots = assign(found, evidence(), {}, order=[1, 0])
    assert [(s.name, s.target) for s in slots.filled] == [("T01", USER), ("T02", KEY)]
    assert (slot := slot_of(slots, KEY)) is not None
    assert slot.name == "T02"


@pytest.mark.parametrize("order", [[0], [0, 0], [0, 1, 2], [1, 2]])
def test_an_order_that_would_lose_or_double_a_target_is_refused(order: list[int]) -> None:
    with pytest.raises(ValueError, match="permutation"):
        assign(finding(Situation.CREDENTIAL_ABUSE, KEY, USER), evidence(), {}, order=order)
