"""What policy sees of an action comes from records alone, and what is not known is never taken for a no."""

from typing import Any

import pytest
from samples import BUCKET, KEY, NOW, USER, Value, about, evidence, finding

from agent.evidence import Standing
from agent.facts import Circumstances, Standings, facts_for, facts_for_undo
from agent.finding import Situation
from agent.plan import Answer, Change, Confidence, Disposition, Plan, PlannedAction
from agent.slots import assign
from agent.target import Target
from agent.verdict import Approval, Facts, Known, Mode
from tools.action import catalogue

LISTED = Standings(
    environment="dev",
    account_role="workload",
    protected=Known.NO,
    break_glass=Known.NO,
    known_automation=Known.NO,
    audit_store=Known.NO,
    intended_public=Known.NO,
)
ACTIONS = {KEY.kind: "iam_deactivate_key", USER.kind: "iam_deny_user", BUCKET.kind: "s3_block_public_access"}
SURE = (Disposition.TRUE_POSITIVE, Confidence.HIGH)


def facts_of(
    target: Target, facts: dict[str, Value], said: tuple[Disposition, Confidence] = SURE, **given: Any
) -> Facts:
    found = finding(Situation.PUBLIC_BUCKET, KEY, USER, BUCKET)
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
        "circumstances": Circumstances(mode=Mode.AUTO, sandbox=True, now=NOW),
    }
    return facts_for(spec, action, **(known | given))


YES, NO, UNKNOWN = Known.YES, Known.NO, Known.UNKNOWN


@pytest.mark.parametrize(
    ("facts", "listed", "expected"),
    [
        ({"bucket.website": False, "bucket.cloudfront": False}, NO, NO),
        ({"bucket.website": Standing.ABSENT, "bucket.cloudfront": False}, NO, NO),
        ({"bucket.website": True, "bucket.cloudfront": False}, NO, YES),
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


def test_an_undo_is_its_own_direction_and_no_model_proposed_it() -> None:
    change = Change(action="s3_block_public_access", target=BUCKET, before={}, after={"x": 1})
    spec = catalogue().get(change.action)
    assert spec is not None
    circumstances = Circumstances(mode=Mode.APPROVE, sandbox=False, now=NOW)
    seen = facts_for_undo(
        spec,
        change,
        "A1",
        standings=LISTED,
        circumstances=circumstances,
        target_verified=True,
        approvals=[approval("ana")],
    )
    assert (seen.direction, seen.model_proposed, seen.playbook_proposed) == ("undo", False, False)
    assert (seen.approvers, seen.approver_roles) == (["ana"], ["owner"])
