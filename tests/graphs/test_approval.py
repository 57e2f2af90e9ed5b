"""What was approved is what runs (law 9): bound, once, in time, by the right people, and never more than was asked."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import (
    ACCOUNT,
    BUCKET,
    BUCKET_WORLD,
    KEY,
    REGION,
    SPARE,
    USER,
    USER_WORLD,
    WEBSITE,
    Desk,
    about,
    desk,
    event,
    world,
)
from langgraph.types import Command

from agent.report import Report, Status
from agent.verdict import Approval, Mode, Request
from graphs.answering import MoreNeeded, NotTaken, sign
from graphs.state import Context
from graphs.undo import undo_run
from graphs.undo_lease import NothingToUndo
from tools.ledger import Opened
from tools.sandbox.faults import SandboxCall

GUARDDUTY, HUB = "guardduty_credential_abuse", "securityhub_s3_public"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
BLOCKED = ["s3:PutPublicAccessBlock", "securityhub:BatchUpdateFindings"]
TWO_PEOPLE = """
@id("two-people")
@outcome("ask")
@why("Two people, one of them the owner.")
forbid (principal, action in Stanch::Action::"contain", resource)
unless { context.approver_count >= 2 && context.approver_roles.contains("owner") };
"""


def asked(folder: Path, name: str = GUARDDUTY, *, also: str = "", **settings: Any) -> tuple[Desk, Report]:
    """A run that waits for an answer, with nothing written yet."""
    folder.mkdir(exist_ok=True)
    text = USER_WORLD if name == GUARDDUTY else BUCKET_WORLD
    at = desk(folder, text, event(name), Mode.APPROVE, also=also, **settings)
    report = at.deliver()
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    return at, report


def request_of(at: Desk, run: Report) -> Request:
    found = at.service.ledger.request(run.run_id)
    assert found is not None
    return found


def signed(at: Desk, run: Report, *, by: str = "rosa") -> Approval:
    request = request_of(at, run)
    return sign(at.service, request, "approve", by, [action.id for action in request.actions], "")


def put(at: Desk, run: Report, approval: Approval) -> Report:
    """Bring an answer into the ledger by the back door, and let the run go on."""
    assert at.service.ledger.answer(approval)
    opened = at.service.ledger.reopen(run.run_id, "desk", at.sandbox.now())
    assert isinstance(opened, Opened)
    return at.runs.go(opened)


def resumed(at: Desk, run: Report, reply: Any) -> Report:
    """Resume the graph itself, as Studio does."""
    config: Any = {"configurable": {"thread_id": run.run_id}}
    context = Context(mode=run.mode, fence=1)
    values = at.runs._graph.invoke(Command(resume=reply), config, context=context, durability="sync")
    return values.get("report") or run


def test_an_approval_is_bound_to_run_digest_people_and_time(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    done = at.say("approve", run)
    assert (done.status, at.writes) == (Status.CONTAINED, BOTH)
    (kept,) = done.approvals
    assert (kept.run_id, kept.digest, kept.by, kept.role) == (run.run_id, request_of(at, run).digest, "rosa", "owner")
    assert kept.expires_at == at.sandbox.now() + timedelta(minutes=60)
    assert at.service.signed(kept)


# What is done to a good approval before it is brought in. None of them counts.
FORGERIES: dict[str, Callable[[Approval], dict[str, Any]]] = {
    "no signature at all": lambda a: {"signature": ""},
    "somebody else's signature": lambda a: {"signature": "0" * 64},
    "another person under the same signature": lambda a: {"by": "ivo"},
    "a later end under the same signature": lambda a: {"expires_at": a.expires_at + timedelta(days=1)},
    "more actions under the same signature": lambda a: {"action_ids": [*a.action_ids, "A3"]},
    "a rejection turned round": lambda a: {"reason": "changed"},
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_tampered_approval_does_not_count(tmp_path: Path, what: str) -> None:
    at, run = asked(tmp_path, sandbox=False)
    good = signed(at, run)
    after = put(at, run, good.model_copy(update={**FORGERIES[what](good), "nonce": "forged"}))
    assert (after.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    assert at.say("approve", run).status is Status.CONTAINED


@pytest.mark.parametrize("by", ["a-stranger", USER])
def test_a_rejection_by_somebody_who_may_not_answer_ends_nothing(tmp_path: Path, by: str) -> None:
    at, run = asked(tmp_path, sandbox=False)
    no = sign(at.service, request_of(at, run), "reject", by, [], "no")
    assert put(at, run, no).status is Status.AWAITING_APPROVAL
    unsigned = no.model_copy(update={"by": "rosa", "signature": "", "nonce": "another"})
    assert put(at, run, unsigned).status is Status.AWAITING_APPROVAL
    assert at.say("approve", run).status is Status.CONTAINED


def test_an_approval_works_once(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    done = at.say("approve", run)
    again = at.say("approve", run)
    assert isinstance(again, NotTaken)
    assert again.reason == "not_waiting"
    assert not at.service.ledger.answer(done.approvals[0])
    assert not at.service.ledger.consume(done.approvals[0], "run-of-somebody-else")
    assert at.writes == BOTH


def test_an_approval_for_another_run_does_not_count(tmp_path: Path) -> None:
    first, run = asked(tmp_path / "first", HUB)
    given = signed(first, run)
    other = desk(tmp_path, BUCKET_WORLD, about(WEBSITE, event(HUB)), Mode.APPROVE)
    waiting = other.deliver()
    moved = given.model_copy(update={"run_id": waiting.run_id, "digest": request_of(other, waiting).digest})
    assert moved.signature == given.signature
    # as it is, the other run does not even see it
    assert other.service.ledger.answer(given)
    assert other.service.ledger.answers(waiting.run_id, request_of(other, waiting).digest) == []
    done = put(other, waiting, moved.model_copy(update={"nonce": "another-nonce"}))
    assert (done.status, other.changes) == (Status.AWAITING_APPROVAL, [])


def test_the_nonce_of_an_answer_to_another_request_answers_nothing(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    given = signed(at, run).model_copy(update={"digest": "of-another-request"})
    given = given.model_copy(update={"signature": at.service.sign(given)})
    assert at.service.ledger.answer(given)
    done = resumed(at, run, {"nonces": [given.nonce]})
    assert (done.status, done.reason, at.writes) == (Status.REJECTED, "no valid answer", [])


@pytest.mark.parametrize(
    ("only", "reason"), [(["A1", "A3"], "wider_than_asked"), (["TELL"], "wider_than_asked"), ([], "nothing_named")]
)
def test_an_answer_may_not_name_more_than_was_asked(tmp_path: Path, only: list[str], reason: str) -> None:
    at, run = asked(tmp_path)
    refused = at.say("approve", run, only=only)
    assert isinstance(refused, NotTaken)
    assert (refused.reason, at.writes) == (reason, [])
    assert at.say("approve", run).status is Status.CONTAINED


@pytest.mark.parametrize(
    ("only", "writes"), [(["A1"], BOTH[:1]), (["A2"], BOTH[1:]), (["A2", "A1"], BOTH)], ids=["deny", "key", "both"]
)
def test_a_partial_approval_runs_that_part_alone(tmp_path: Path, only: list[str], writes: list[str]) -> None:
    at, run = asked(tmp_path)
    done = at.say("approve", run, only=only)
    status = Status.CONTAINED if len(only) == 2 else Status.PARTIALLY_CONTAINED
    assert (done.status, at.writes) == (status, writes)
    assert {a.planned.id for a in done.actions if a.receipt} == set(only)
    assert ("not approved" in done.reason) == (len(only) == 1)
    assert (at.works(KEY), at.may_act(SPARE)) == ("A2" not in only, "A1" not in only)


def test_a_rejection_ends_the_run_with_its_reason_and_writes_nothing_but_the_note(tmp_path: Path) -> None:
    at, run = asked(tmp_path, HUB)
    done = at.say("reject", run)
    assert (done.status, done.reason) == (Status.REJECTED, "rejected by rosa: rosa says reject")
    assert (at.writes, at.block()) == (["securityhub:BatchUpdateFindings"], "NoSuchPublicAccessBlockConfiguration")
    assert isinstance(at.say("approve", run), NotTaken)


def test_an_answer_that_comes_too_late_expires_the_run(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    at.wait(minutes=60)
    said = at.say("approve", run)
    assert isinstance(said, NotTaken)
    assert (said.reason, "stanch run EVENT.json --again" in said.detail) == ("too_late", True), said.detail
    row = at.service.ledger.run(run.run_id)
    assert row is not None
    assert (row.status, at.writes) == (Status.EXPIRED, [])
    after = at.say("approve", run)
    assert isinstance(after, NotTaken)
    assert (after.reason, "stanch run EVENT.json --again" in after.detail) == ("not_waiting", True), after.detail


def test_an_approval_that_ends_before_its_request_does_not_count_afterwards(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    given = signed(at, run).model_copy(update={"expires_at": at.sandbox.now() + timedelta(minutes=5)})
    given = given.model_copy(update={"signature": at.service.sign(given)})
    at.wait(minutes=6)
    done = put(at, run, given)
    assert (done.status, at.writes) == (Status.ESCALATED, [])


def test_an_approval_that_ends_while_the_run_works_covers_nothing_more(tmp_path: Path) -> None:
    at, run = asked(tmp_path)

    def later(call: SandboxCall) -> None:
        if call.name == "iam:PutUserPolicy":
            at.wait(hours=2)

    at.sandbox.faults.before.append(later)
    done = at.say("approve", run)
    assert (done.status, at.writes) == (Status.PARTIALLY_CONTAINED, BOTH[:1])
    assert f"iam_deactivate_key on {KEY}: approved, but no longer covered" in done.reason


FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def set_flags(at: Desk, *on: str) -> None:
    at.sandbox.client("s3", ACCOUNT, REGION).put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={flag: flag in on for flag in FLAGS}
    )


def put_our_policy_with_other_words(at: Desk) -> None:
    run = at.service.ledger.runs()[0]
    change = next(a.change for a in request_of(at, at.service.ledger.report(run.run_id)).actions)  # type: ignore[arg-type]  # it waits
    allow = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    at.sandbox.client("iam", ACCOUNT, REGION).put_user_policy(
        UserName=USER, PolicyName=str(change.params["policy_name"]), PolicyDocument=allow
    )


def deactivate(at: Desk) -> None:
    at.sandbox.client("iam", ACCOUNT, REGION).update_access_key(UserName=USER, AccessKeyId=KEY, Status="Inactive")


@pytest.mark.parametrize(
    ("name", "drift", "left"),
    [
        pytest.param(HUB, lambda at: set_flags(at, FLAGS[0]), ["s3_block_public_access"], id="a-flag-was-set"),
        pytest.param(
            GUARDDUTY,
            put_our_policy_with_other_words,
            ["iam_deny_user", "iam_deactivate_key"],
            id="somebody-took-the-name-of-our-policy",
        ),
        pytest.param(GUARDDUTY, deactivate, ["iam_deny_user"], id="the-key-was-deactivated"),
    ],
)
def test_a_world_that_drifted_asks_again_and_writes_nothing(
    tmp_path: Path, name: str, drift: Callable[[Desk], None], left: list[str]
) -> None:
    at, run = asked(tmp_path, name)
    first = request_of(at, run)
    drift(at)
    at.calls.clear()
    again = at.say("approve", run)
    assert (again.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    second = request_of(at, run)
    assert second.digest != first.digest
    assert [action.change.action for action in second.actions] == left
    done = at.say("approve", run)
    assert done.status is Status.CONTAINED
    assert [a.planned.change.action for a in done.actions if a.receipt] == left


def put_object(at: Desk, key: str) -> None:
    at.sandbox.client("s3", ACCOUNT, REGION).put_object(Bucket=BUCKET, Key=key, Body=b"x")


def test_what_anybody_writes_into_the_bucket_asks_nobody_again(tmp_path: Path) -> None:
    """The object that verifying tries is no part of what was approved: strangers may write others that come first."""
    at, run = asked(tmp_path, HUB)
    digest = request_of(at, run).digest
    put_object(at, "0000.html")
    at.calls.clear()
    done = at.say("approve", run)
    assert (done.status, at.writes) == (Status.CONTAINED, BLOCKED)
    assert {approval.digest for approval in done.approvals} == {digest}


@pytest.mark.parametrize(("gone", "how"), [(True, "by_configuration"), (False, "observed")])
def test_a_refusal_is_observed_only_on_an_object_that_is_still_there(tmp_path: Path, gone: bool, how: str) -> None:
    at, run = asked(tmp_path, HUB)

    def delete(call: SandboxCall) -> None:
        if gone and call.name == "s3:PutPublicAccessBlock":
            at.sandbox.client("s3", ACCOUNT, REGION).delete_object(Bucket=BUCKET, Key="q3/report.csv")

    at.sandbox.faults.after.append(delete)
    done = at.say("approve", run)
    assert done.status is Status.CONTAINED
    assert [a.receipt.verification.how for a in done.actions if a.receipt and a.receipt.verification] == [how]


def test_what_somebody_else_closed_meanwhile_needs_no_action(tmp_path: Path) -> None:
    at, run = asked(tmp_path, HUB)
    set_flags(at, *FLAGS)
    at.calls.clear()
    done = at.say("approve", run)
    assert (done.status, at.writes) == (Status.NO_ACTION, ["securityhub:BatchUpdateFindings"])
    assert "already" in done.reason


def test_a_world_that_never_stands_still_is_handed_to_people_in_the_end(tmp_path: Path) -> None:
    at, run = asked(tmp_path, HUB)
    report: Any = run
    for flag in FLAGS[:3]:
        set_flags(at, flag)
        at.calls.clear()
        report = at.say("approve", run)
    assert (report.status, at.changes) == (Status.ESCALATED, [])


def test_a_world_that_drifts_back_is_what_was_approved_first(tmp_path: Path) -> None:
    at, run = asked(tmp_path, HUB)
    set_flags(at, FLAGS[0])
    assert at.say("approve", run).status is Status.AWAITING_APPROVAL
    at.sandbox.client("s3", ACCOUNT, REGION).delete_public_access_block(Bucket=BUCKET)
    at.calls.clear()
    done = at.say("approve", run)
    assert (done.status, at.changes) == (Status.CONTAINED, ["s3:PutPublicAccessBlock"])


@pytest.mark.parametrize("late", [False, True], ids=["a no", "no answer in time"])
def test_after_a_no_nobody_is_asked_again_whatever_drifted(tmp_path: Path, late: bool) -> None:
    at, run = asked(tmp_path, HUB)
    set_flags(at, FLAGS[0])
    at.calls.clear()
    at.wait(minutes=90 if late else 0)
    at.say("approve" if late else "reject", run)
    done = at.service.ledger.report(run.run_id)
    assert done is not None
    assert (done.status, at.changes) == (Status.EXPIRED if late else Status.REJECTED, [])


def test_two_people_are_two_people(tmp_path: Path) -> None:
    at, run = asked(tmp_path, also=TWO_PEOPLE)
    assert run.waits_for.startswith("2 approvals, one of them as owner until ")
    for _ in range(2):
        more = at.say("approve", run, "mei")
        assert isinstance(more, MoreNeeded)
        assert (more.by, at.writes) == (["mei"], [])
    others = at.say("approve", run, "ivo")
    assert isinstance(others, MoreNeeded), "neither of the two is an owner"
    done = at.say("approve", run, "rosa")
    assert (done.status, at.writes) == (Status.CONTAINED, BOTH)
    assert {approval.by for approval in done.approvals} == {"mei", "ivo", "rosa"}


DENYING_NEEDS_TWO = """
@id("denying-needs-two")
@outcome("ask")
@why("Two people for a denial.")
forbid (principal, action == Stanch::Action::"iam_deny_user", resource)
unless { context.approver_count >= 2 };
"""


def test_each_action_waits_for_its_own_people_however_they_are_spread(tmp_path: Path) -> None:
    """Two answers are there, and yet the one action has one of its two people: that is not all that it needs."""
    at, run = asked(tmp_path, also=DENYING_NEEDS_TWO)
    deny, deactivate = (action.id for action in request_of(at, run).actions)
    assert isinstance(at.say("approve", run, "rosa"), MoreNeeded)
    more = at.say("approve", run, "ivo", only=[deactivate])
    assert isinstance(more, MoreNeeded), "nobody but rosa approved the denial"
    assert at.writes == []
    done = at.say("approve", run, "mei", only=[deny])
    assert (done.status, at.writes) == (Status.CONTAINED, BOTH)


def test_who_approves_less_drops_the_rest_and_nobody_is_waited_for(tmp_path: Path) -> None:
    at, run = asked(tmp_path, also=DENYING_NEEDS_TWO)
    _, deactivate = (action.id for action in request_of(at, run).actions)
    done = at.say("approve", run, "rosa", only=[deactivate])
    assert (done.status, at.writes) == (Status.PARTIALLY_CONTAINED, BOTH[1:])


def test_one_rejection_outweighs_approvals(tmp_path: Path) -> None:
    at, run = asked(tmp_path, also=TWO_PEOPLE)
    assert isinstance(at.say("approve", run, "rosa"), MoreNeeded)
    done = at.say("reject", run, "ivo")
    assert (done.status, done.reason, at.writes) == (Status.REJECTED, "rejected by ivo: ivo says reject", [])


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_whom_the_finding_names_has_no_say(tmp_path: Path, decision: str) -> None:
    at, run = asked(tmp_path)
    refused = at.say(decision, run, USER)
    assert isinstance(refused, NotTaken)
    assert (refused.reason, at.writes) == ("named_in_finding", [])
    forged = put(at, run, signed(at, run, by=USER))
    assert (forged.status, at.writes) == (Status.AWAITING_APPROVAL, [])


def opened_by(user: dict[str, str]) -> Any:
    """A bucket finding of GuardDuty's that says who opened the bucket, which is not what it is about."""
    body = event(GUARDDUTY)
    body["detail"] |= {
        "type": "Policy:S3/BucketAnonymousAccessGranted",
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {"accessKeyId": KEY, **user},
            "s3BucketDetails": [{"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}", "type": "Destination"}],
        },
    }
    return body


SIGNED_IN = {
    "userType": "AssumedRole",
    "userName": "AWSReservedSSO_ops_0a1b2c3d",
    "principalId": "AROAIOSFODNN7EXAMPL4:rosa",
}
NAMED_SO = {"userType": "AssumedRole", "userName": "deploy", "principalId": "AROAIOSFODNN7EXAMPL4:rosa"}
"""Whoever assumes a role of ours names the session, and could keep anybody from answering so."""


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize(
    ("user", "may"),
    [
        ({"userType": "IAMUser", "userName": "Rosa", "principalId": "AIDAIOSFODNN7EXAMPL4"}, False),
        (SIGNED_IN, False),
        (NAMED_SO, True),
    ],
)
def test_whoever_acted_has_no_say_even_where_the_finding_is_about_something_else(
    tmp_path: Path, user: dict[str, str], may: bool, decision: str
) -> None:
    at = desk(tmp_path, BUCKET_WORLD, opened_by(user), Mode.APPROVE)
    run = at.deliver()
    assert [target.id for target in run.finding.targets] == [BUCKET]
    said = at.say(decision, run, "rosa")
    assert isinstance(said, Report if may else NotTaken)
    if not may:
        assert (said.reason, at.writes) == ("named_in_finding", [])


@pytest.mark.parametrize(
    ("sandbox", "choices", "status", "writes"),
    [
        (True, ["approve", "approve"], Status.CONTAINED, BOTH),
        (True, ["reject", "approve"], Status.PARTIALLY_CONTAINED, BOTH[1:]),
        (True, ["reject", "reject"], Status.REJECTED, []),
        (True, ["approve"], Status.REJECTED, []),
        (True, ["approve"] * 3, Status.REJECTED, []),
        (False, ["approve", "approve"], Status.AWAITING_APPROVAL, []),
        (False, ["reject", "reject"], Status.AWAITING_APPROVAL, []),
    ],
)
def test_unsigned_decisions_count_in_the_sandbox_only(
    tmp_path: Path, sandbox: bool, choices: list[str], status: Status, writes: list[str]
) -> None:
    at, run = asked(tmp_path, sandbox=sandbox)
    done = resumed(at, run, {"decisions": [{"type": choice} for choice in choices]})
    assert (done.status, at.writes) == (status, writes)


@pytest.mark.parametrize(
    "reply", [{"expired": True}, {}, {"nonces": ["nonce-0001"]}, {"decisions": [], "expired": True}]
)
def test_outside_the_sandbox_an_interface_ends_no_run(tmp_path: Path, reply: Any) -> None:
    at, run = asked(tmp_path, sandbox=False)
    assert resumed(at, run, reply).status is Status.AWAITING_APPROVAL
    assert at.say("approve", run).status is Status.CONTAINED


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize(
    "name", ["nobody-known", "r\u043esa", "rosa\u200b", "ro sa", "rosa,ivo", "", "\x1b[2Jrosa", "a" * 65]
)
def test_where_people_are_listed_nobody_else_answers(tmp_path: Path, decision: str, name: str) -> None:
    at, run = asked(tmp_path)
    refused = at.say(decision, run, name)
    assert isinstance(refused, NotTaken)
    assert (refused.reason, at.writes) == ("unknown_person", [])
    assert at.say("approve", run).status is Status.CONTAINED


@pytest.mark.parametrize("spelling", ["Rosa", " rosa ", "ROSA", "\uff52osa"])
def test_a_person_in_another_spelling_is_the_same_person(tmp_path: Path, spelling: str) -> None:
    at, run = asked(tmp_path, also=TWO_PEOPLE)
    for name in ("rosa", spelling):
        more = at.say("approve", run, name)
        assert isinstance(more, MoreNeeded)
        assert len(more.by) == 1
    done = at.say("approve", run, "Mei")
    assert (done.status, {approval.by for approval in done.approvals}) == (Status.CONTAINED, {"rosa", "mei"})


def test_an_answer_that_is_kept_under_another_spelling_does_not_count(tmp_path: Path) -> None:
    """Policy counts people by the names that are kept, so there is one for each."""
    at, run = asked(tmp_path)
    after = put(at, run, signed(at, run, by="Rosa"))
    assert (after.status, at.writes) == (Status.AWAITING_APPROVAL, [])


def test_where_nobody_is_listed_one_may_answer_and_two_unknown_ones_are_no_two_people(tmp_path: Path) -> None:
    for also, answers in (("", Report), (TWO_PEOPLE, MoreNeeded)):
        folder = tmp_path / answers.__name__
        folder.mkdir()
        at = desk(folder, world(USER_WORLD, ("registry.people", {})), event(GUARDDUTY), Mode.APPROVE, also=also)
        run = at.deliver()
        assert isinstance(at.say("approve", run, "ada"), answers)
        at.say("approve", run, "bob")
        assert (at.changes == []) == (answers is MoreNeeded)


@pytest.mark.parametrize("spelling", [USER, USER.upper(), f" {USER}\n"])
def test_whom_the_finding_names_takes_nothing_back(tmp_path: Path, spelling: str) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.AUTO)
    run = at.deliver()
    at.calls.clear()
    refused = undo_run(at.service, run.run_id, None, spelling)
    assert isinstance(refused, NothingToUndo)
    assert "named in the finding" in refused.detail
    assert at.writes == []


@pytest.mark.parametrize(
    "reply",
    [
        "yes",
        {"approve": True},
        {"decisions": [{"type": "edit", "edited_action": {"name": "iam_deny_user", "args": {"slot": "T09"}}}]},
        {"decisions": [{"type": "approve", "args": {"target": "somebody-else"}}] * 2},
        {"nonces": [{"signature": ""}]},
    ],
)
def test_a_reply_of_another_shape_is_refused_and_the_run_can_still_be_answered(tmp_path: Path, reply: Any) -> None:
    at, run = asked(tmp_path)
    resumed(at, run, reply)
    (again,) = at.runs._graph.get_state({"configurable": {"thread_id": run.run_id}}).interrupts
    assert "not_understood" in again.value, "whoever answered is told what did not fit"
    assert at.writes == []
    assert at.say("approve", run).status is Status.CONTAINED


def test_the_card_shows_what_will_run_and_who_must_answer(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    state = at.runs._graph.get_state({"configurable": {"thread_id": run.run_id}})
    card = state.interrupts[0].value
    request = request_of(at, run)
    assert [each["args"] for each in card["action_requests"]] == [
        {"slot": action.slot, "target": action.change.target.key} for action in request.actions
    ]
    assert card["action_requests"][0]["change"] == request.actions[0].change.model_dump(mode="json")
    assert {decision for each in card["review_configs"] for decision in each["allowed_decisions"]} == {
        "approve",
        "reject",
    }
    assert (card["digest"], card["needs"]) == (request.digest, [{"count": 1, "roles": []}])


def test_an_unknown_run_and_one_that_does_not_wait_take_no_answer(tmp_path: Path) -> None:
    at = desk(tmp_path, world(BUCKET_WORLD), event(HUB), Mode.AUTO)
    done = at.deliver()
    unknown = done.model_copy(update={"run_id": "run-of-nobody"})
    assert [at.say("approve", run).reason for run in (unknown, done)] == ["no_such_run", "not_waiting"]
