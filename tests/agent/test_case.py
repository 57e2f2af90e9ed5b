"""The case is masked, in one order, and the same under other slot names."""

import json
import random

import pytest
from samples import (
    ACCOUNT,
    ADDRESS,
    BUCKET,
    INSTANCE,
    KEY,
    OTHER_KEY,
    TEMPORARY,
    USER,
    about,
    case,
    evidence,
    fact,
    finding,
)

from agent.case import EXCERPTS, build, evidence_ids
from agent.evidence import Standing
from agent.finding import Situation
from agent.masking import TEXT_LIMIT, Masker
from agent.plan import Case
from agent.slots import assign

FACTS = about({"key.calls": 4, "user.admin": False, "key.active": Standing.NOT_YET, "address.seen_in_vpc": True})
FOUND = finding(
    Situation.CREDENTIAL_ABUSE,
    KEY,
    USER,
    title=f"{KEY.id} was used from 198.51.100.7",
    text=f"arn:aws:iam::{ACCOUNT}:user/ci-deployer in {ACCOUNT}",
)
READ = evidence([*FACTS, fact("key.active", OTHER_KEY, True)], [OTHER_KEY], ["aws-cli by ci-deployer"])


def test_no_name_number_or_address_is_in_the_case_in_the_clear() -> None:
    text = case(FOUND, READ).canonical()
    assert not [name for name in (KEY.id, OTHER_KEY.id, "ci-deployer", ACCOUNT, "198.51.100.7") if name in text]


def test_targets_say_what_code_knows_of_them() -> None:
    shown = case(FOUND, READ).targets
    assert [(t.slot, t.name, t.owner, t.origin) for t in shown] == [
        ("T01", "«KEY1.5f2a»", "«USER1.5f2a»", "finding"),
        ("T02", "«USER1.5f2a»", None, "finding"),
        ("T03", "«KEY2.5f2a»", "«USER1.5f2a»", "evidence"),
    ]
    assert case(finding(Situation.CREDENTIAL_ABUSE, TEMPORARY), evidence()).targets[0].temporary


def test_facts_keep_their_standing_and_say_what_they_are_about() -> None:
    shown = {(f.name, f.slot, f.standing, f.value, f.about) for f in case(FOUND, READ).facts}
    assert shown == {
        ("key.calls", "T01", "known", 4, None),
        ("key.active", "T01", "not_yet", None, None),
        ("key.active", "T03", "known", True, None),
        ("user.admin", "T02", "known", False, None),
        ("address.seen_in_vpc", None, "known", True, "«IP1.5f2a public»"),
    }


def test_a_word_that_code_chose_stays_whatever_a_user_is_called() -> None:
    named = USER.model_copy(update={"id": "policy"})
    read = evidence([fact("bucket.public_by", BUCKET, "policy"), fact("bucket.trail", BUCKET, ACCOUNT)], [named])
    assert [f.value for f in case(finding(Situation.PUBLIC_BUCKET, BUCKET), read).facts] == [
        "policy",
        "«ACCOUNT1.5f2a»",
    ]


def test_texts_are_few_and_short_and_those_of_the_finding_come_first() -> None:
    read = evidence(excerpts=["x y " * 500] * 40)
    shown = case(finding(Situation.PUBLIC_BUCKET, BUCKET, title="t", text="d"), read).texts
    assert [text.label for text in shown[:3]] == ["title", "description", "sample: user agent"]
    assert len(shown) == EXCERPTS + 2
    assert all(len(text.text) <= TEXT_LIMIT for text in shown)


@pytest.mark.parametrize("seed", range(20))
def test_other_slots_for_the_same_targets_change_slot_names_and_nothing_else(seed: int) -> None:
    order = random.Random(seed).sample(range(3), 3)  # noqa: S311 - a permutation for a test, not a secret
    plain, other = case(FOUND, READ), case(FOUND, READ, order)
    renamed = {f"T{place + 1:02d}": f"T{now + 1:02d}" for now, place in enumerate(order)}
    assert _renamed(plain, renamed) == json.loads(other.canonical())


def _renamed(plain: Case, names: dict[str, str]) -> dict[str, object]:
    record = plain.model_dump(mode="json")
    for entry in [*record["targets"], *record["facts"]]:
        entry["slot"] = names.get(entry["slot"], entry["slot"])
    record["targets"].sort(key=lambda target: target["slot"])
    return record


def test_a_citation_becomes_the_id_of_the_evidence() -> None:
    slots = assign(FOUND, READ, {})
    assert evidence_ids(["key.calls@T01", "account.served", "key.calls@T09"], slots) == [
        fact("key.calls", KEY, 4).id,
        "account.served",
        "key.calls",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "<b>x</b>", "«KEY1.5f2a»", "a\u202eb", "rule " + ACCOUNT, f"arn:aws::guardduty:{ACCOUNT}:x", "ci-deployer is fine",
        "Exfiltration:S3/ci-deployer", "ci-deployer", "Recon:IAMUser/111122223333",
    ],
)  # fmt: skip
def test_a_finding_type_that_is_no_plain_name_is_treated_as_text(kind: str) -> None:
    found = FOUND.model_copy(update={"type": kind})
    shown = build(found, READ, assign(found, READ, {}), Masker("5f2a")).finding_type
    assert ACCOUNT not in shown
    assert "ci-deployer" not in shown
    assert "\u202e" not in shown
    assert "«KEY" not in shown


@pytest.mark.parametrize(
    "kind",
    [
        "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", "Backdoor:EC2/C&CActivity.B!DNS", "S3.8", "EC2.13",
        "SensitiveData:S3Object/Multiple", "AWS_RISK_CREDENTIALS_EXPOSED", "CryptoCurrency:EC2/BitcoinTool.B",
        "AttackSequence:EC2/AutoScalingGroupMember",
    ],
)  # fmt: skip
def test_a_type_of_a_known_shape_stays_whatever_a_user_is_called(kind: str) -> None:
    users = [USER.model_copy(update={"id": name}) for name in ("Custom", "Multiple", "CryptoCurrency", "EC2")]
    found = FOUND.model_copy(update={"type": kind, "targets": users})
    assert build(found, READ, assign(found, READ, {}), Masker("5f2a")).finding_type == kind


def test_an_address_that_the_finding_only_saw_is_no_target_of_an_action() -> None:
    assert ADDRESS.id not in case(FOUND, READ).canonical()
    assert {target.kind.value for target in case(FOUND, READ).targets} == {"access_key", "user"}


def test_an_address_that_attacks_is_a_target_under_its_pseudonym_and_its_facts_are_about_its_slot() -> None:
    attack = finding(Situation.INBOUND_ATTACK, INSTANCE, ADDRESS)
    shown = case(attack, evidence(about({"address.own": False, "instance.node": Standing.FAILED})))
    assert "198.51.100.7" not in shown.canonical()
    assert [(t.slot, t.kind, t.name) for t in shown.targets] == [
        ("T01", "instance", "«INSTANCE1.5f2a»"),
        ("T02", "address", "«IP1.5f2a public»"),
    ]
    assert [(f.name, f.slot, f.standing, f.about) for f in shown.facts] == [
        ("address.own", "T02", "known", None),
        ("instance.node", "T01", "failed", None),
    ]
