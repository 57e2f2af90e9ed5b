"""The playbook answers each situation as a responder would, from the case alone."""

import random

import pytest
from samples import (
    ADDRESS,
    BUCKET,
    INSTANCE,
    KEY,
    OTHER_KEY,
    TEMPORARY,
    USER,
    Value,
    about,
    case,
    evidence,
    fact,
    finding,
)

from agent import playbook
from agent.catalogue import Catalogue
from agent.evidence import Evidence, Standing
from agent.finding import Finding, Situation
from agent.plan import Answer, Case
from agent.playbook_conditions import fact_names
from agent.playbook_rules import Playbook
from agent.slots import assign
from agent.target import Target
from tools.action import catalogue

BOTH = ["iam_deny_user@T02", "iam_deactivate_key@T01"]
DENY = ["iam_deny_user@T02"]
BLOCK = ["s3_block_public_access@T01"]
USED: dict[str, Value] = {
    "key.exists": True,
    "key.active": True,
    "key.calls": 12,
    "key.denied_share": 0,
    "key.sensitive_calls": 0,
}
UNSEEN: dict[str, Value] = {"key.only_trusted_addresses": False, "key.finding_address_seen": False}


def say(shown: Case) -> Answer:
    return playbook.answer(shown, catalogue())


def brief(said: Answer) -> tuple[str, str, list[str]]:
    return said.disposition.value, said.confidence.value, [f"{p.action}@{p.slot}" for p in said.proposals]


KEYS: list[tuple[str, dict[str, Value], int, tuple[str, str, list[str]]]] = [
    ("used from the address", USED | {"key.finding_address_seen": True}, 80, ("true_positive", "high", BOTH)),
    ("sensitive calls", USED | UNSEEN | {"key.sensitive_calls": 1}, 80, ("true_positive", "high", BOTH)),
    ("many denials", USED | UNSEEN | {"key.denied_share": 60}, 80, ("true_positive", "high", BOTH)),
    (
        "one call, denied",
        USED | UNSEEN | {"key.calls": 1, "key.denied_share": 100},
        80,
        ("true_positive", "medium", BOTH),
    ),
    ("used from elsewhere", USED | UNSEEN, 80, ("true_positive", "medium", BOTH)),
    (
        "the owner's office, and an address that no call came from",
        USED | UNSEEN | {"key.only_trusted_addresses": True, "key.finding_address_trusted": False},
        80,
        ("uncertain", "medium", BOTH),
    ),
    (
        "the owner's office, and the registry was not asked about the address",
        USED | {"key.only_trusted_addresses": True, "key.sensitive_calls": 4},
        80,
        ("uncertain", "medium", BOTH),
    ),
    (
        "the address is the owner's, and no call of its own is seen",
        USED | UNSEEN | {"key.only_trusted_addresses": True, "key.finding_address_trusted": True},
        80,
        ("benign", "medium", []),
    ),
    (
        "the owner's office is the address",
        USED
        | {
            "key.only_trusted_addresses": True,
            "key.finding_address_trusted": True,
            "key.finding_address_seen": True,
            "key.sensitive_calls": 4,
        },
        80,
        ("benign", "medium", []),
    ),
    (
        "the owner's office is the address, and its sessions were used elsewhere",
        USED
        | {
            "key.only_trusted_addresses": True,
            "key.finding_address_trusted": True,
            "key.sessions_only_trusted": False,
        },
        80,
        ("uncertain", "medium", BOTH),
    ),
    (
        "the owner's office is the address, and not all of its sessions were followed",
        USED
        | {
            "key.only_trusted_addresses": True,
            "key.finding_address_trusted": True,
            "key.sessions_followed": False,
        },
        80,
        ("uncertain", "medium", BOTH),
    ),
    ("quarantined by AWS", {"user.quarantined_by_aws": True, "key.active": True}, 50, ("true_positive", "high", BOTH)),
    (
        "contained",
        USED | {"key.active": False, "user.denied_already": True, "key.finding_address_seen": True},
        80,
        ("true_positive", "high", []),
    ),
    (
        "the key alone is inactive",
        USED | {"key.active": False, "key.finding_address_seen": True},
        80,
        ("true_positive", "high", DENY),
    ),
    (
        "the user alone is denied",
        USED | {"user.denied_already": True, "key.finding_address_seen": True},
        80,
        ("true_positive", "high", ["iam_deactivate_key@T01"]),
    ),
    ("CloudTrail lags, severe", {"key.calls": Standing.NOT_YET}, 80, ("true_positive", "medium", BOTH)),
    ("CloudTrail lags", {"key.calls": Standing.NOT_YET}, 40, ("true_positive", "low", BOTH)),
    ("CloudTrail failed", {"key.calls": Standing.FAILED}, 40, ("true_positive", "low", BOTH)),
    ("CloudTrail has nothing", {"key.calls": Standing.ABSENT}, 40, ("true_positive", "low", BOTH)),
    ("no call at all", {"key.calls": 0}, 40, ("true_positive", "low", BOTH)),
    ("nothing was read", {}, 40, ("true_positive", "low", BOTH)),
    ("the key is gone", {"key.exists": False}, 80, ("uncertain", "medium", [])),
    ("the user is gone", {"user.exists": False}, 80, ("uncertain", "medium", [])),
]


@pytest.mark.parametrize(("facts", "severity", "expected"), [k[1:] for k in KEYS], ids=[k[0] for k in KEYS])
def test_an_abused_key(facts: dict[str, Value], severity: int, expected: tuple[str, str, list[str]]) -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER, severity=severity)
    assert brief(say(case(found, evidence(about(facts))))) == expected


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ({"key.calls": 0}, "CloudTrail shows no call with these credentials."),
        ({"key.calls": Standing.NOT_YET}, "CloudTrail's record of these credentials is not complete yet."),
        ({"key.calls": Standing.FAILED}, "CloudTrail's record of these credentials could not be read."),
        ({"key.calls": Standing.ABSENT}, "CloudTrail's record of these credentials does not exist."),
        ({}, "CloudTrail's record of these credentials was not read."),
    ],
)
@pytest.mark.parametrize("severity", [40, 80])
def test_the_words_about_a_key_say_how_the_evidence_stands(calls: dict[str, Value], said: str, severity: int) -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER, severity=severity)
    assert f": {said} " in say(case(found, evidence(about(calls)))).rationale


BUCKETS: list[tuple[str, dict[str, Value], tuple[str, str, list[str]]]] = [
    ("closed", {"bucket.public": False, "bucket.block_complete": True}, ("benign", "high", [])),
    (
        "closed, and read by strangers before",
        {"bucket.public": False, "bucket.block_complete": True, "bucket.stranger_reads": 74},
        ("uncertain", "medium", []),
    ),
    ("closed by the account", {"bucket.public": False, "account.block_complete": True}, ("benign", "high", [])),
    ("gone", {"bucket.exists": False}, ("uncertain", "medium", [])),
    (
        "its own distribution alone",
        {
            "bucket.public": False,
            "bucket.cloudfront": True,
            "bucket.cross_account_readers": 0,
            "bucket.open_access_points": 0,
        },
        ("benign", "medium", []),
    ),
    (
        "a distribution that stops with the block",
        {"bucket.public": True, "bucket.sensitive": True, "bucket.distribution_breaks": True},
        ("uncertain", "medium", BLOCK),
    ),
    (
        "open by an access point alone",
        {"bucket.public": False, "bucket.open_access_points": 1, "bucket.block_complete": False},
        ("true_positive", "medium", BLOCK),
    ),
    (
        "an open access point behind a complete block",
        {"bucket.public": False, "bucket.open_access_points": 1, "bucket.block_complete": True},
        ("benign", "high", []),
    ),
    (
        "a stranger's distribution as well",
        {
            "bucket.public": False,
            "bucket.cloudfront": True,
            "bucket.cross_account_readers": 1,
            "bucket.block_complete": False,
        },
        ("uncertain", "medium", BLOCK),
    ),
    ("audit store", {"bucket.public": True, "bucket.audit_store": True}, ("uncertain", "medium", [])),
    ("website", {"bucket.public": True, "bucket.website": True}, ("uncertain", "medium", BLOCK)),
    (
        "distribution with sensitive data",
        {"bucket.public": True, "bucket.cloudfront": True, "bucket.sensitive": True},
        ("uncertain", "medium", BLOCK),
    ),
    ("public and sensitive", {"bucket.public": True, "bucket.sensitive": True}, ("true_positive", "high", BLOCK)),
    ("by a pipeline", {"bucket.public": True, "bucket.opened_by_automation": True}, ("uncertain", "medium", BLOCK)),
    (
        "public, Macie is off",
        {"bucket.public": True, "bucket.sensitive": Standing.ABSENT},
        ("true_positive", "medium", BLOCK),
    ),
    (
        "public, nothing sensitive",
        {"bucket.public": True, "bucket.sensitive": False},
        ("true_positive", "medium", BLOCK),
    ),
    ("unprotected", {"bucket.public": False, "bucket.block_complete": False}, ("true_positive", "medium", BLOCK)),
    ("block unread", {"bucket.public": False, "bucket.block_complete": Standing.FAILED}, ("uncertain", "medium", [])),
    ("unread", {"bucket.public": Standing.FAILED}, ("uncertain", "low", BLOCK)),
]


@pytest.mark.parametrize(("facts", "expected"), [b[1:] for b in BUCKETS], ids=[b[0] for b in BUCKETS])
def test_a_public_bucket(facts: dict[str, Value], expected: tuple[str, str, list[str]]) -> None:
    assert brief(say(case(finding(Situation.PUBLIC_BUCKET, BUCKET), evidence(about(facts))))) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"bucket.public": True}, ("true_positive", "high", BLOCK)),
        ({"bucket.public": True, "bucket.website": True}, ("uncertain", "medium", BLOCK)),
        ({"bucket.public": True, "bucket.audit_store": True}, ("uncertain", "medium", [])),
        ({"bucket.public": False}, ("uncertain", "medium", [])),
        ({"bucket.public": Standing.FAILED}, ("uncertain", "low", [])),
        ({"bucket.exists": False}, ("uncertain", "medium", [])),
    ],
)
def test_sensitive_data(facts: dict[str, Value], expected: tuple[str, str, list[str]]) -> None:
    assert brief(say(case(finding(Situation.SENSITIVE_DATA, BUCKET), evidence(about(facts))))) == expected


SERVED = {
    Situation.CREDENTIAL_ABUSE,
    Situation.ROLE_SESSION_ABUSE,
    Situation.PUBLIC_BUCKET,
    Situation.SENSITIVE_DATA,
    Situation.INSTANCE_COMPROMISE,
    Situation.INBOUND_ATTACK,
}


@pytest.mark.parametrize("situation", [each for each in Situation if each not in SERVED])
def test_a_situation_that_no_action_serves_says_so_and_proposes_nothing(situation: Situation) -> None:
    said = say(case(finding(situation, KEY, USER, BUCKET), evidence(about({"bucket.public": True}))))
    assert brief(said) == ("uncertain", "low", [])
    assert situation.value in said.rationale


@pytest.mark.parametrize("situation", sorted(SERVED))
def test_a_finding_that_names_nothing_to_act_on_proposes_nothing(situation: Situation) -> None:
    read = evidence(targets=[KEY, USER, BUCKET, INSTANCE, ADDRESS])
    assert brief(say(case(finding(situation), read))) == ("uncertain", "low", [])


def test_a_temporary_key_cannot_be_deactivated_so_its_user_is_denied() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, TEMPORARY, USER)
    facts = about({"key.finding_address_seen": True, "key.exists": False}, key=TEMPORARY)
    assert brief(say(case(found, evidence(facts)))) == ("true_positive", "high", DENY)


def test_a_denied_user_s_temporary_key_is_contained() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, TEMPORARY, USER)
    facts = about({"key.finding_address_seen": True, "user.denied_already": True}, key=TEMPORARY)
    assert brief(say(case(found, evidence(facts)))) == ("true_positive", "high", [])


def test_a_finding_about_a_user_alone_denies_the_user() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, USER)
    facts = about({"user.quarantined_by_aws": True})
    assert brief(say(case(found, evidence(facts, [KEY])))) == ("true_positive", "high", ["iam_deny_user@T01"])


@pytest.mark.parametrize(
    ("created", "age", "deactivated"),
    [
        (1, 0, True),
        (1, 1, True),
        (1, 90, False),
        (0, 0, False),
        (Standing.FAILED, 0, False),
        (1, Standing.FAILED, False),
    ],
)
def test_the_user_s_other_key_is_deactivated_only_if_it_was_made_meanwhile(
    created: Value, age: Value, deactivated: bool
) -> None:
    facts = about(USED | {"key.finding_address_seen": True, "user.created_keys": created})
    read = evidence([*facts, fact("key.age_days", KEY, 400), fact("key.age_days", OTHER_KEY, age)], [OTHER_KEY])
    said = say(case(finding(Situation.CREDENTIAL_ABUSE, KEY, USER), read))
    assert ("iam_deactivate_key@T03" in brief(said)[2]) == deactivated


BOB = USER.model_copy(update={"id": "bob"})
BOBS_KEY = KEY.model_copy(update={"id": "AKIABOBEXAMPLE000001", "owner": "bob"})


@pytest.mark.parametrize(
    ("change", "deactivated"),
    [
        ({}, True),
        ({"new_key.made_by": "own_network"}, False),
        ({"new_key.made_by": "another"}, False),
        ({"new_key.made_by": Standing.FAILED}, False),
        ({"user.made_for_others": Standing.FAILED}, False),
        ({"user.made_for_others": 0}, False),
        ({"key.only_trusted_addresses": True, "key.finding_address_trusted": True}, False),
    ],
)
def test_a_key_made_for_another_user_goes_only_with_its_maker_and_only_if_an_intruder_made_it(
    change: dict[str, Value], deactivated: bool
) -> None:
    told = {"key.finding_address_seen": True, "user.made_for_others": 1, "new_key.made_by": "named_key"} | change
    made = fact("new_key.made_by", BOBS_KEY, told.pop("new_key.made_by"))
    read = evidence([*about(USED | told), made], [BOBS_KEY, BOB])
    said = say(case(finding(Situation.CREDENTIAL_ABUSE, KEY, USER), read))
    assert {p.slot for p in said.proposals} & {"T03", "T04"} == ({"T03"} if deactivated else set())


def test_of_two_who_made_keys_for_others_nobody_is_taken_for_the_maker() -> None:
    counts = [fact("user.made_for_others", user, 1) for user in (USER, BOB.model_copy(update={"id": "eve"}))]
    made = fact("new_key.made_by", BOBS_KEY, "named_key")
    read = evidence([*about(USED | {"key.finding_address_seen": True}), *counts, made], [BOBS_KEY])
    assert brief(say(case(finding(Situation.CREDENTIAL_ABUSE, KEY, USER), read)))[2] == BOTH


@pytest.mark.parametrize(
    ("by", "facts", "said"),
    [
        ("named_key", {"key.finding_address_seen": True}, ("true_positive", "high", [*BOTH, "iam_deactivate_key@T03"])),
        ("another", {"key.finding_address_seen": True}, ("true_positive", "high", BOTH)),
        (
            "own_network",
            {"key.only_trusted_addresses": True, "key.finding_address_trusted": True},
            ("benign", "medium", []),
        ),
    ],
)
def test_the_user_whom_a_finding_s_new_key_was_made_for_is_left_alone(
    by: str, facts: dict[str, Value], said: tuple[str, str, list[str]]
) -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER, BOBS_KEY, BOB, severity=40)
    found = found.model_copy(update={"type": "CloudTrail:CreateAccessKey"})
    read = evidence([*about(USED | facts), fact("new_key.made_by", BOBS_KEY, by)])
    assert brief(say(case(found, read))) == said


def test_a_finding_s_new_key_that_is_used_is_contained_like_any_other() -> None:
    found = finding(Situation.CREDENTIAL_ABUSE, BOBS_KEY, BOB).model_copy(update={"type": "CloudTrail:CreateAccessKey"})
    used = about({"key.calls": 3, "key.finding_address_seen": True}, key=BOBS_KEY)
    read = evidence([*used, fact("new_key.made_by", BOBS_KEY, "another")])
    assert brief(say(case(found, read))) == ("true_positive", "high", BOTH)


def test_facts_of_another_target_never_count() -> None:
    other = BUCKET.model_copy(update={"id": "amzn-s3-demo-bucket2"})
    read = evidence([fact("bucket.public", other, True), fact("bucket.sensitive", other, True)], [other])
    assert brief(say(case(finding(Situation.PUBLIC_BUCKET, BUCKET), read))) == ("uncertain", "low", BLOCK)


def test_two_buckets_are_no_surer_than_the_less_sure_one() -> None:
    site = BUCKET.model_copy(update={"id": "amzn-s3-demo-website"})
    facts = [*about({"bucket.public": True, "bucket.sensitive": True}), fact("bucket.website", site, True)]
    said = say(case(finding(Situation.PUBLIC_BUCKET, BUCKET, site), evidence(facts)))
    assert brief(said) == ("uncertain", "medium", [*BLOCK, "s3_block_public_access@T02"])


def test_a_closed_bucket_beside_an_open_one_does_not_hide_it() -> None:
    closed = BUCKET.model_copy(update={"id": "amzn-s3-demo-closed"})
    facts = [*about({"bucket.public": True, "bucket.sensitive": True}), fact("bucket.exists", closed, False)]
    said = say(case(finding(Situation.PUBLIC_BUCKET, closed, BUCKET), evidence(facts)))
    assert brief(said) == ("true_positive", "high", ["s3_block_public_access@T02"])


def test_an_answer_cites_the_facts_that_its_rule_looked_at() -> None:
    facts = about({"bucket.public": True, "bucket.sensitive": True, "bucket.website": False})
    said = say(case(finding(Situation.PUBLIC_BUCKET, BUCKET), evidence(facts)))
    assert said.cites == ["bucket.public@T01", "bucket.sensitive@T01"]


def test_an_action_that_the_catalogue_does_not_have_is_not_proposed() -> None:
    shown = case(finding(Situation.PUBLIC_BUCKET, BUCKET), evidence(about({"bucket.public": True})))
    said = playbook.answer(shown, Catalogue(actions=[]))
    assert said.proposals == []
    assert "Nothing here that an offered action can be used on." in said.rationale


def resolved(found: Finding, read: Evidence, order: list[int]) -> list[tuple[str, Target]]:
    slots = assign(found, read, {}, order)
    pairs = [(p.action, slots.get(p.slot)) for p in say(case(found, read, order)).proposals]
    return [(action, slot.target) for action, slot in pairs if slot is not None]


@pytest.mark.parametrize("seed", range(20))
def test_other_slots_give_the_same_actions_on_the_same_targets(seed: int) -> None:
    facts = about(USED | {"key.finding_address_seen": True, "user.created_keys": 1})
    read = evidence([*facts, fact("key.age_days", OTHER_KEY, 0)], [OTHER_KEY, BUCKET])
    found = finding(Situation.CREDENTIAL_ABUSE, KEY, USER)
    order = random.Random(seed).sample(range(4), 4)  # noqa: S311 - a permutation for a test, not a secret
    assert resolved(found, read, order) == [
        ("iam_deny_user", USER),
        ("iam_deactivate_key", KEY),
        ("iam_deactivate_key", OTHER_KEY),
    ]
    plain, other = say(case(found, read)), say(case(found, read, order))
    assert (plain.disposition, plain.confidence, plain.rationale) == (
        other.disposition,
        other.confidence,
        other.rationale,
    )


@pytest.mark.parametrize("book", playbook.playbooks().values(), ids=playbook.playbooks().keys())
def test_every_rule_has_its_own_id_and_names_actions_of_the_catalogue(book: Playbook) -> None:
    ids = [rule.id for rule in book.rules]
    unknown = {step.do for rule in book.rules for step in rule.steps} - {spec.id for spec in catalogue().offered}
    assert len(set(ids)) == len(ids)
    assert unknown == set()


def test_every_playbook_is_named_for_its_situation() -> None:
    assert set(playbook.playbooks()) == {each.value for each in SERVED} | {playbook.OTHERWISE}


def test_rules_look_only_at_facts_that_some_source_declares() -> None:
    sources = pytest.importorskip("tools.source").sources()
    if len(sources) < 5:
        pytest.skip("not every evidence source is there")
    declared = {name for source in sources.values() for name in source.SPEC.facts}
    rules = [rule for book in playbook.playbooks().values() for rule in book.rules]
    asked = {name for rule in rules for name in fact_names(rule.when)}
    asked |= {name for rule in rules for step in rule.steps for name in fact_names(step.when)}
    assert asked - declared == set()
