"""What policy sees of an action comes from records alone, and what is not known is never taken for a no."""

from datetime import timedelta
from typing import Any

import pytest
from samples import ACCOUNT, ADDRESS, BUCKET, INSTANCE, KEY, NOW, USER, Value, about, evidence, fact, finding

from agent.evidence import Standing
from agent.facts import Circumstances, Standings, facts_for, facts_for_undo
from agent.finding import Situation
from agent.plan import Answer, Change, Confidence, Disposition, Plan, PlannedAction
from agent.policy import Policies
from agent.slots import assign
from agent.target import Target
from agent.verdict import Approval, Facts, Known, Mode, Ruling
from graphs.standings import standings_of
from tools.action import catalogue
from tools.registry import Registry

LISTED = Standings(
    environment="dev",
    account_role="workload",
    protected=Known.NO,
    break_glass=Known.NO,
    known_automation=Known.NO,
    audit_store=Known.NO,
    intended_public=Known.NO,
    never_block=False,
)
ACTIONS = {
    KEY.kind: "iam_deactivate_key",
    USER.kind: "iam_deny_user",
    BUCKET.kind: "s3_block_public_access",
    INSTANCE.kind: "ec2_quarantine_interfaces",
    ADDRESS.kind: "wafv2_block_address",
}
SURE = (Disposition.TRUE_POSITIVE, Confidence.HIGH)


def facts_of(
    target: Target, facts: dict[str, Value], said: tuple[Disposition, Confidence] = SURE, **given: Any
) -> Facts:
    found = finding(Situation.PUBLIC_BUCKET, KEY, USER, BUCKET, INSTANCE, ADDRESS)
    read = evidence(about(facts))
    change = Change(action=ACTIONS[target.kind], target=target, before={}, after={"x": 1})
    action = PlannedAction(id="A1", slot="T01", change=change, proposed_by_model=True, proposed_by_playbook=True)
    answer = Answer(disposition=SURE[0], confidence=Confidence.MEDIUM)
    plan = Plan(
        disposition=said[0], confidence=said[1], rationale="", cites=[], answered_by="playbook", playbook=answer
    )
    spec = catalogue().get(change.action)
    assert spec is not None
    known: dict[str, Any] = {
        "plan": plan,
        "finding": found,
        "evidence": read,
        "slots": assign(found, read, {BUCKET.key: True}),
        "standings": LISTED,
        "circumstances": Circumstances(mode=Mode.AUTO, sandbox=True, now=NOW, undone_before=False),
    }
    return facts_for(spec, action, **(known | given))


YES, NO, UNKNOWN = Known.YES, Known.NO, Known.UNKNOWN
NEITHER: dict[str, Any] = {"bucket.website": False, "bucket.cloudfront": False}


@pytest.mark.parametrize(
    ("facts", "listed", "expected"),
    [
        ({"bucket.website": False, "bucket.cloudfront": False}, NO, NO),
        ({"bucket.website": Standing.ABSENT, "bucket.cloudfront": False}, NO, NO),
        ({"bucket.website": True, "bucket.cloudfront": False}, NO, YES),
        ({**NEITHER, "bucket.distribution_breaks": True}, NO, YES),
        ({**NEITHER, "bucket.distribution_breaks": False}, NO, NO),
        ({**NEITHER, "bucket.distribution_breaks": Standing.ABSENT}, NO, NO),
        ({**NEITHER, "bucket.distribution_breaks": Standing.FAILED}, NO, UNKNOWN),
        ({"bucket.website": Standing.FAILED, "bucket.cloudfront": True}, NO, YES),
        ({"bucket.website": False, "bucket.cloudfront": False}, YES, YES),
        ({"bucket.website": Standing.FAILED, "bucket.cloudfront": False}, NO, UNKNOWN),
        ({"bucket.website": Standing.NOT_YET, "bucket.cloudfront": False}, NO, UNKNOWN),
        ({"bucket.website": False}, NO, UNKNOWN),
        ({}, NO, UNKNOWN),
    ],
)
def test_a_bucket_is_meant_to_be_public(facts: dict[str, Value], listed: Known, expected: Known) -> None:
    standings = LISTED.model_copy(update={"intended_public": listed})
    assert facts_of(BUCKET, facts, standings=standings).intended_public is expected


@pytest.mark.parametrize(
    ("facts", "listed", "expected"),
    [
        ({"bucket.audit_store": False}, NO, NO),
        ({"bucket.audit_store": True}, NO, YES),
        ({"bucket.audit_store": False}, YES, YES),
        ({"bucket.audit_store": Standing.FAILED}, NO, UNKNOWN),
        ({}, NO, UNKNOWN),
    ],
)
def test_a_bucket_keeps_audit_logs(facts: dict[str, Value], listed: Known, expected: Known) -> None:
    standings = LISTED.model_copy(update={"audit_store": listed})
    assert facts_of(BUCKET, facts, standings=standings).audit_store is expected


UNANSWERED: list[Value] = [Standing.FAILED, Standing.NOT_YET, Standing.ABSENT, "no", 0]
"""What must never be taken for a no: nobody could say, or what was said is neither yes nor no."""


@pytest.mark.parametrize(
    ("readers", "expected"),
    [
        ({"bucket.cross_account_readers": 0}, NO),
        ({"bucket.cross_account_readers": 0, "bucket.external_principals": 0}, NO),
        ({"bucket.cross_account_readers": 0, "bucket.external_principals": 2}, YES),
        ({"bucket.cross_account_readers": 0, "bucket.external_principals": Standing.ABSENT}, NO),
        ({"bucket.external_principals": 0}, UNKNOWN),
        ({"bucket.cross_account_readers": 1}, YES),
        ({"bucket.cross_account_readers": 0, "bucket.access_point_readers": 1}, YES),
        ({"bucket.cross_account_readers": 0, "bucket.reading_accounts": 1}, YES),
        ({"bucket.cross_account_readers": 0, "bucket.reading_accounts": 0}, NO),
        ({"bucket.cross_account_readers": 0, "bucket.reading_accounts": Standing.ABSENT}, NO),
        ({"bucket.cross_account_readers": Standing.FAILED}, UNKNOWN),
        ({"bucket.cross_account_readers": Standing.NOT_YET}, UNKNOWN),
        ({"bucket.cross_account_readers": Standing.ABSENT}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_a_bucket_is_read_from_outside(readers: dict[str, Value], expected: Known) -> None:
    assert facts_of(BUCKET, readers).outside_readers is expected


ALONE: dict[str, Value] = {
    "instance.node": False,
    "instance.forwards": False,
    "instance.dns_server": False,
    "instance.managed": False,
}


def test_an_instance_is_shared_by_nobody_only_if_every_question_was_answered_with_no() -> None:
    assert facts_of(INSTANCE, ALONE).shared_host is NO
    assert facts_of(INSTANCE, {}).shared_host is UNKNOWN


@pytest.mark.parametrize("name", ALONE)
def test_one_way_of_carrying_others_is_enough_and_one_open_question_too(name: str) -> None:
    others = {other: said for other, said in ALONE.items() if other != name}
    assert facts_of(INSTANCE, others | {name: True}).shared_host is YES
    unread: dict[str, Value] = dict.fromkeys(others, Standing.FAILED)
    assert facts_of(INSTANCE, unread | {name: True}).shared_host is YES
    assert facts_of(INSTANCE, others).shared_host is UNKNOWN
    assert [facts_of(INSTANCE, others | {name: said}).shared_host for said in UNANSWERED] == [UNKNOWN] * 5


@pytest.mark.parametrize("name", ["address_own", "address_proxied"])
def test_of_an_address_only_a_no_is_a_no(name: str) -> None:
    source = name.replace("_", ".", 1)
    said = {answer: getattr(facts_of(ADDRESS, {source: answer}), name) for answer in (True, False)}
    assert said == {True: YES, False: NO}
    assert [getattr(facts_of(ADDRESS, {source: answer}), name) for answer in UNANSWERED] == [UNKNOWN] * 5
    assert getattr(facts_of(ADDRESS, {}), name) is UNKNOWN


def test_what_is_known_of_another_target_says_nothing() -> None:
    other_host = INSTANCE.model_copy(update={"id": "i-0ffffffffffffffff"})
    other_address = ADDRESS.model_copy(update={"id": "203.0.113.9/32"})
    other_account = BUCKET.model_copy(update={"account": "444455556666"})
    read = evidence(
        [
            *(fact(name, other_host, said) for name, said in ALONE.items()),
            *(fact(name, other_address, False) for name in ("address.own", "address.proxied")),
            fact("bucket.cross_account_readers", other_account, 0),
        ]
    )
    assert facts_of(INSTANCE, {}, evidence=read).shared_host is UNKNOWN
    seen = facts_of(ADDRESS, {}, evidence=read)
    assert (seen.address_own, seen.address_proxied) == (UNKNOWN, UNKNOWN)
    assert facts_of(BUCKET, {}, evidence=read).outside_readers is UNKNOWN


@pytest.mark.parametrize(
    ("other", "own", "readers"),
    [((False, 0), NO, NO), ((True, 3), YES, YES), ((Standing.FAILED, Standing.FAILED), UNKNOWN, UNKNOWN)],
)
def test_of_two_sources_the_worse_one_counts(other: tuple[Value, Value], own: Known, readers: Known) -> None:
    facts = [fact("address.own", ADDRESS, said) for said in (False, other[0])]
    facts += [fact("bucket.cross_account_readers", BUCKET, said) for said in (0, other[1])]
    read = evidence(facts)
    assert facts_of(ADDRESS, {}, evidence=read).address_own is own
    assert facts_of(BUCKET, {}, evidence=read).outside_readers is readers


@pytest.mark.parametrize("target", [KEY, USER, BUCKET, INSTANCE, ADDRESS], ids=lambda target: target.kind)
def test_what_a_kind_cannot_be_is_no_question_of_it(target: Target) -> None:
    seen = facts_of(target, {}, standings=Standings())
    asked = {
        "outside_readers": target is BUCKET,
        "shared_host": target is INSTANCE,
        "address_own": target is ADDRESS,
        "address_proxied": target is ADDRESS,
    }
    assert {name: getattr(seen, name) for name in asked} == {n: UNKNOWN if one else NO for n, one in asked.items()}
    assert (seen.never_block, seen.address_version > 0) == (target is ADDRESS, target is ADDRESS)
    assert seen.expired is False


@pytest.mark.parametrize(
    ("network", "version", "length", "reserved"),
    [
        ("198.51.100.7/32", 4, 32, False),
        ("198.51.100.0/24", 4, 24, False),
        ("2001:db8::1/128", 6, 128, False),
        ("2001:db8::/48", 6, 48, False),
        ("10.1.2.3/32", 4, 32, True),
        ("100.64.0.1/32", 4, 32, True),
        ("127.0.0.1/32", 4, 32, True),
        ("169.254.169.254/32", 4, 32, True),
        ("224.0.0.1/32", 4, 32, True),
        ("fd00::1/128", 6, 128, True),
        ("fe80::1/128", 6, 128, True),
        ("ff02::1/128", 6, 128, True),
        ("::1/128", 6, 128, True),
        # only a part of it is reserved, and not the first address
        ("8.0.0.0/6", 4, 6, True),
        ("f000::/4", 6, 4, True),
        ("::ffff:198.51.100.7/128", 4, 32, False),
        ("::ffff:10.1.2.3/128", 4, 32, True),
    ],
)
def test_an_address_is_measured_as_what_it_is(network: str, version: int, length: int, reserved: bool) -> None:
    seen = facts_of(ADDRESS.model_copy(update={"id": network}), {})
    assert (seen.address_version, seen.prefix_length, seen.address_reserved) == (version, length, reserved)


POLICIES = Policies.load(catalogue=catalogue())


def ruling_of(network: str, listed: dict[str, list[str]], own: Value = False) -> tuple[Ruling, list[str]]:
    """What policy says of blocking it, with the registry's word, when two people have approved."""
    target = ADDRESS.model_copy(update={"id": network})
    registry = Registry.model_validate({"accounts": {ACCOUNT: {"role": "workload", "environment": "dev"}}, **listed})
    found = finding(Situation.INBOUND_ATTACK, target)
    read = evidence([fact("address.own", target, own), fact("address.proxied", target, False)])
    seen = facts_of(
        target,
        {},
        evidence=read,
        slots=assign(found, read, {target.key: True}),
        standings=standings_of(target, registry),
        approvals=[approval("ana"), approval("ben")],
    )
    verdict = POLICIES.judge("A1", seen)
    return verdict.ruling, verdict.policies


@pytest.mark.parametrize("where", ["trusted_networks", "never_block"])
@pytest.mark.parametrize(
    ("listed", "network"),
    [
        ("203.0.113.0/24", "203.0.113.9/32"),
        ("203.0.113.9/32", "203.0.113.0/24"),
        ("203.0.113.9", "203.0.113.9/32"),
        ("203.0.113.9/24", "203.0.113.200/32"),
        ("2001:db8::/32", "2001:db8::1/128"),
        ("2001:db8:0:1::/64", "2001:db8::/48"),
        ("203.0.113.0/24", "::ffff:203.0.113.9/128"),
        ("::ffff:203.0.113.0/120", "203.0.113.9/32"),
    ],
)
def test_an_address_that_overlaps_one_of_the_registry_is_never_blocked(listed: str, network: str, where: str) -> None:
    assert ruling_of(network, {where: [listed]}) == (Ruling.DENY, ["never-block"])
    assert ruling_of(network, {where: ["192.0.2.0/24", "2001:db8:ffff::/48"]})[0] is Ruling.ALLOW


@pytest.mark.parametrize("own", [True, *UNANSWERED])
def test_an_address_that_may_be_ours_is_never_blocked(own: Value) -> None:
    assert ruling_of("203.0.113.9/32", {}, own) == (Ruling.DENY, ["own-address"])


def test_what_is_no_bucket_is_neither() -> None:
    seen = facts_of(KEY, {}, standings=Standings())
    assert (seen.audit_store, seen.intended_public) == (NO, NO)


@pytest.mark.parametrize(
    ("target", "facts", "expected"),
    [
        (BUCKET, {"bucket.protecting_tag": False}, False),
        (BUCKET, {"bucket.protecting_tag": Standing.ABSENT}, False),
        (BUCKET, {"bucket.protecting_tag": True}, True),
        (BUCKET, {"bucket.protecting_tag": Standing.FAILED}, True),
        (BUCKET, {"bucket.protecting_tag": Standing.NOT_YET}, True),
        (BUCKET, {"user.protecting_tag": False}, True),
        (USER, {"user.protecting_tag": False}, False),
        (KEY, {"user.protecting_tag": False}, False),
        (KEY, {"user.protecting_tag": True}, True),
        (KEY, {}, True),
        (INSTANCE, {"instance.protecting_tag": False}, False),
        (INSTANCE, {"instance.protecting_tag": True}, True),
        (INSTANCE, {"instance.protecting_tag": Standing.FAILED}, True),
        (INSTANCE, {}, True),
        # an address has no tags
        (ADDRESS, {}, False),
    ],
)
def test_a_tag_protects_its_target_and_a_user_s_tag_its_keys(
    target: Target, facts: dict[str, Value], expected: bool
) -> None:
    assert facts_of(target, facts).protecting_tag is expected


@pytest.mark.parametrize(
    ("facts", "wanted", "failed", "not_yet"),
    [
        ({"key.calls": 1}, ["sample"], False, False),
        ({"key.calls": Standing.ABSENT}, ["sample"], False, False),
        ({"key.calls": Standing.FAILED}, ["sample"], True, False),
        ({"key.calls": Standing.NOT_YET}, ["sample"], False, True),
        ({"key.calls": 1}, ["sample", "macie"], True, False),
    ],
)
def test_evidence_that_failed_is_not_absent_and_neither_is_what_lags(
    facts: dict[str, Value], wanted: list[str], failed: bool, not_yet: bool
) -> None:
    seen = facts_of(BUCKET, facts, wanted=wanted)
    assert (seen.evidence_failed, seen.evidence_not_yet) == (failed, not_yet)


@pytest.mark.parametrize(
    ("said", "disposition", "confidence"),
    [
        ((Disposition.TRUE_POSITIVE, Confidence.HIGH), "true_positive", 1),
        ((Disposition.TRUE_POSITIVE, Confidence.LOW), "true_positive", 0),
        ((Disposition.UNCERTAIN, Confidence.HIGH), "uncertain", 1),
        ((Disposition.BENIGN, Confidence.HIGH), "uncertain", 1),
    ],
)
def test_a_model_lowers_what_the_playbook_says_and_never_raises_it(
    said: tuple[Disposition, Confidence], disposition: str, confidence: int
) -> None:
    seen = facts_of(BUCKET, {}, said)
    assert (seen.disposition, seen.confidence) == (disposition, confidence)


def test_a_target_counts_as_verified_only_in_its_slot() -> None:
    stranger = BUCKET.model_copy(update={"id": "amzn-s3-demo-stranger"})
    seen = {each.id: facts_of(each, {}) for each in (BUCKET, USER, stranger)}
    assert {name: (f.target_verified, f.target_in_slots) for name, f in seen.items()} == {
        BUCKET.id: (True, True),
        USER.id: (False, True),
        stranger.id: (False, False),
    }


def approval(by: str, **given: Any) -> Approval:
    known: dict[str, Any] = {
        "run_id": "r1", "digest": "d", "decision": "approve", "action_ids": ["A1"], "by": by, "role": "owner",
        "at": NOW.replace(hour=11), "expires_at": NOW.replace(hour=13), "nonce": by,
    }  # fmt: skip
    return Approval.model_validate(known | given)


@pytest.mark.parametrize(
    ("approvals", "approvers"),
    [
        ([approval("ana"), approval("ben")], ["ana", "ben"]),
        ([approval("ana"), approval("ana", nonce="2")], ["ana"]),
        ([approval("ana", action_ids=["A2"])], []),
        ([approval("ana", expires_at=NOW)], []),
        ([approval("ana", at=NOW.replace(hour=13), expires_at=NOW.replace(hour=14))], []),
        ([approval("ana", at=NOW + timedelta(minutes=4))], ["ana"]),
        ([approval("ana", decision="reject")], []),
        ([approval("ana"), approval("ana", decision="reject", nonce="2")], []),
    ],
)
def test_people_count_once_for_the_action_that_they_approved_while_it_holds(
    approvals: list[Approval], approvers: list[str]
) -> None:
    assert facts_of(BUCKET, {}, approvals=approvals).approvers == approvers


def test_what_the_registry_does_not_know_stays_unknown() -> None:
    seen = facts_of(USER, {}, standings=Standings())
    assert (seen.environment, seen.account_role, seen.protected, seen.break_glass, seen.known_automation) == (
        "unknown",
        "unknown",
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    )


@pytest.mark.parametrize(
    ("registry", "said", "expected"),
    [
        ("unknown", "prod", "prod"),
        ("dev", "prod", "dev"),
        ("unknown", Standing.ABSENT, "unknown"),
        ("unknown", Standing.FAILED, "unknown"),
        ("unknown", "PROD", "unknown"),
        ("unknown", True, "unknown"),
    ],
)
def test_the_registry_names_the_environment_and_where_it_does_not_the_organisation_does(
    registry: str, said: Value, expected: str
) -> None:
    standings = LISTED.model_copy(update={"environment": registry})
    assert facts_of(USER, {"organization.environment": said}, standings=standings).environment == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [(True, "management"), (False, "workload"), (Standing.ABSENT, "workload"), (Standing.FAILED, "workload")],
)
def test_a_management_account_is_one_whatever_the_registry_says(said: Value, expected: str) -> None:
    assert facts_of(USER, {"organization.management": said}).account_role == expected


def test_what_the_organisation_says_of_the_finding_s_account_says_nothing_of_another() -> None:
    elsewhere = USER.model_copy(update={"account": "999988887777"})
    seen = facts_of(
        elsewhere, {"organization.environment": "dev", "organization.management": True}, standings=Standings()
    )
    assert (seen.environment, seen.account_role) == ("unknown", "unknown")


def undo_facts(target: Target, **given: Any) -> Facts:
    change = Change(action=ACTIONS[target.kind], target=target, before={}, after={"x": 1})
    spec = catalogue().get(change.action)
    assert spec is not None
    known: dict[str, Any] = {
        "standings": LISTED,
        "circumstances": Circumstances(mode=Mode.APPROVE, sandbox=False, now=NOW, undone_before=False),
        "target_verified": True,
    }
    return facts_for_undo(spec, change, "A1", **(known | given))


def test_an_undo_is_its_own_direction_and_no_model_proposed_it() -> None:
    seen = undo_facts(BUCKET, approvals=[approval("ana")])
    assert (seen.direction, seen.model_proposed, seen.playbook_proposed) == ("undo", False, False)
    assert (seen.approvers, seen.approver_roles) == (["ana"], ["owner"])


@pytest.mark.parametrize(("expired", "ruling"), [(True, Ruling.ALLOW), (False, Ruling.ASK), (None, Ruling.ASK)])
def test_an_undo_without_a_person_is_allowed_only_if_somebody_said_that_its_time_is_over(
    expired: bool | None, ruling: Ruling
) -> None:
    given = {} if expired is None else {"expired": expired}
    assert POLICIES.judge("A1", undo_facts(ADDRESS, **given)).ruling is ruling


def test_an_undo_of_a_bucket_s_block_asks_though_its_time_were_over() -> None:
    assert POLICIES.judge("A1", undo_facts(BUCKET, expired=True)).ruling is Ruling.ASK
