"""Law 12: samples, echoes and ourselves. What the registry guards is never contained; a tag can ask, and never allow."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from desk import (
    ACCOUNT,
    BUCKET,
    BUCKET_WORLD,
    KEY,
    REGION,
    ROLE_WORLD,
    SPARE,
    USER,
    USER_WORLD,
    Desk,
    desk,
    event,
    world,
)
from instance_desk import ATTACKER, INSTANCE, INSTANCE_WORLD, ROLE, SIBLING, WEB_WORLD, blocked
from langgraph.checkpoint.memory import InMemorySaver
from worked import Worked

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.checkpoints import serializer
from graphs.runs import Runs
from tools.action import catalogue
from tools.registry import Registry
from tools.sandbox.faults import Fail, fail_calls

WORLDS = {
    "user": (USER_WORLD, "guardduty_credential_abuse"),
    "role": (ROLE_WORLD, "guardduty_role_session"),
    "bucket": (BUCKET_WORLD, "securityhub_s3_public"),
    "instance": (INSTANCE_WORLD, "guardduty_c2"),
    "instance by hand": (world(INSTANCE_WORLD, ("autoscaling.groups.0.instances", [SIBLING])), "guardduty_c2"),
    "address": (WEB_WORLD, "guardduty_web_attack"),
}
INSTANCES = [
    INSTANCE,
    f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{INSTANCE}",
    ROLE,
    f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
]
"""An instance, and the role that it works under: of our own runner people may have listed either."""
TARGETS = {
    "user": [USER, f"arn:aws:iam::{ACCOUNT}:user/ops/{USER}"],
    "role": ["deploy", f"arn:aws:iam::{ACCOUNT}:role/ops/deploy"],
    "bucket": [BUCKET, f"arn:aws:s3:::{BUCKET}"],
    "instance": INSTANCES,
    "instance by hand": INSTANCES,
}
GUARDED = [
    (situation, entry, key, policy)
    for situation, entries in TARGETS.items()
    for entry in entries
    for key, policy in (("protected", "protected"), ("break_glass", "break-glass"), ("own_parts", "own-part"))
] + [
    ("address", network, key, "never-block")
    for network in (f"{ATTACKER}/32", "192.0.2.0/24")
    for key in ("trusted_networks", "never_block")
]


def opened(folder: Path, situation: str, *changes: Any, mode: Mode = Mode.AUTO, body: Any = None, **more: Any) -> Desk:
    """The situation. Of an instance it is as severe as can be, so that its connections are to be cut as well."""
    text, name = WORLDS[situation]
    body = event(name) if body is None else body
    if situation.startswith("instance"):
        body["detail"]["severity"] = 9.5
    return desk(folder, world(text, *changes), body, mode, **more)


def policies(report: Report) -> set[str]:
    return {policy for a in report.actions if a.verdict for policy in a.verdict.policies}


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize(("situation", "entry", "key", "policy"), GUARDED)
def test_what_the_registry_guards_is_denied_to_every_action(
    tmp_path: Path, situation: str, entry: str, key: str, policy: str, mode: Mode
) -> None:
    at = opened(tmp_path, situation, (f"registry.{key}", [entry]), mode=mode)
    report = at.deliver()
    assert (report.status, at.changes) == (Status.DENIED, [])
    assert policy in policies(report)
    assert [a.verdict and a.verdict.ruling for a in report.actions] == ["deny"] * len(report.actions) != []


def test_every_offered_action_has_a_situation_here(tmp_path: Path) -> None:
    planned = set()
    for situation in WORLDS:
        (tmp_path / situation).mkdir()
        report = opened(tmp_path / situation, situation, mode=Mode.OBSERVE).deliver()
        planned |= {a.planned.change.action for a in report.actions}
    assert planned == {spec.id for spec in catalogue().offered}


def test_an_address_of_our_own_is_never_blocked(tmp_path: Path) -> None:
    at = opened(tmp_path, "address", ("ec2.instances.0.interfaces.0.public_address", ATTACKER))
    report = at.deliver()
    assert (report.status, at.changes, policies(report)) == (Status.DENIED, [], {"own-address"})


def test_a_set_becomes_ours_by_its_mark_and_one_that_lets_in_is_not_added_to_for_a_mark(tmp_path: Path) -> None:
    """The mark is a tag, which permits nothing: whoever set it on a list of guests must not have us let attackers in."""
    for number, (changes, held) in enumerate(
        (
            ([("wafv2.ip_sets.1.tags", {"stanch:purpose": "allow"})], {"quay": True, "edge": False}),
            ([("wafv2.web_acls.1.rules.0.action", "allow")], {"quay": False, "edge": False}),
        )
    ):
        (tmp_path / f"{number}").mkdir()
        at = opened(tmp_path / f"{number}", "address", *changes)
        at.say("approve", at.deliver())
        assert {name: f"{ATTACKER}/32" in entries for name, entries in blocked(at).items()} == held


def test_a_role_that_nobody_could_look_up_is_not_denied_anything(tmp_path: Path) -> None:
    """Whether the registry guards a role is asked of the name that the evidence found, and of no other."""
    at = opened(tmp_path, "instance")
    at.sandbox.faults.before.append(fail_calls("iam:GetInstanceProfile", Fail("AccessDenied", 403)))
    report = at.deliver()
    assert [d.detail for d in report.dropped if d.action == "iam_deny_instance_sessions"] == [
        f"{ROLE} is not the role that was looked up: nobody knows whether the registry guards it"
    ]
    assert (report.status, at.changes) == (Status.AWAITING_APPROVAL, [])


def test_a_guarded_key_guards_its_user(tmp_path: Path) -> None:
    """Denying the user would stop the key as surely as deactivating it."""
    at = opened(tmp_path, "user", ("registry.protected", [KEY]))
    report = at.deliver()
    assert at.changes == []
    assert {a.planned.change.action: a.verdict and a.verdict.ruling for a in report.actions} == {
        "iam_deny_user": "deny",
        "iam_deactivate_key": "deny",
    }


def test_a_guarded_key_that_only_the_evidence_names_guards_its_user(tmp_path: Path) -> None:
    report = opened(tmp_path, "user", ("registry.break_glass", [SPARE])).deliver()
    assert {a.planned.change.action: a.verdict and a.verdict.ruling for a in report.actions} == {
        "iam_deny_user": "deny",
        "iam_deactivate_key": "allow",
    }


def test_a_name_in_another_case_guards_too(tmp_path: Path) -> None:
    """IAM has no two users whose names differ in case only."""
    at = opened(tmp_path, "user", ("registry.protected", [USER.upper()]))
    assert (at.deliver().status, at.changes) == (Status.DENIED, [])


def test_an_empty_registry_serves_no_account(tmp_path: Path) -> None:
    at = opened(tmp_path, "bucket")
    nobody = dataclasses.replace(at.service, registry=Registry())
    at.runs = Runs(nobody, InMemorySaver(serde=serializer()))
    report = at.deliver()
    assert (report.status, report.reason.partition(":")[0], at.calls) == (Status.REFUSED, "account_not_served", [])


def test_a_finding_of_an_account_without_a_role_is_not_even_written_on(tmp_path: Path) -> None:
    account = {ACCOUNT: {"environment": "dev"}}
    at = opened(tmp_path, "bucket", ("registry.accounts", account))
    assert (at.deliver().status, at.writes) == (Status.DENIED, [])


PERMISSIVE = {"stanch-allow": "yes", "StanchApproved": "true", "ir:auto-contain": "always", "environment": "sandbox"}


@pytest.mark.parametrize(("tag", "value"), PERMISSIVE.items())
def test_a_permissive_tag_of_a_user_counts_for_nothing(tmp_path: Path, tag: str, value: str) -> None:
    at = opened(
        tmp_path, "user", ("iam.users.0.tags", {tag: value}), ("cloudtrail.events", []),
        ("registry.accounts", {ACCOUNT: {"role": "workload", "environment": "prod"}}),
    )  # fmt: skip
    report = at.deliver()
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])


PROTECTING = [
    "stanch-protected",
    "Stanch:Protected ",
    "STANCH_PROTECTED",
    "stanchprotectd",
    "do-not-touch",
    "ir-protected",
]


TAGGED = {"user": "iam.users.0", "bucket": "s3.buckets.0", "instance": "ec2.instances.0"}


@pytest.mark.parametrize("situation", TAGGED)
@pytest.mark.parametrize("tag", PROTECTING)
def test_a_protecting_tag_and_its_near_misses_ask_whatever_they_say(tmp_path: Path, tag: str, situation: str) -> None:
    at = opened(tmp_path, situation, (f"{TAGGED[situation]}.tags", {tag: "false"}))
    report = at.deliver()
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    assert [a.planned.change.action for a in report.actions if not a.verdict or a.verdict.ruling != "ask"] == []
    assert policies(report) - {"cuts-everything"} == {"protecting-tag"}


@pytest.mark.parametrize(("tag", "value"), PERMISSIVE.items())
def test_a_permissive_tag_of_an_instance_counts_for_nothing(tmp_path: Path, tag: str, value: str) -> None:
    at = opened(
        tmp_path, "instance", ("ec2.instances.0.tags", {tag: value}), ("flow_logs", []),
        ("registry.accounts", {ACCOUNT: {"role": "workload", "environment": "prod"}}),
    )  # fmt: skip
    report = at.deliver()
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])


def sampled(situation: str) -> Any:
    body = copy.deepcopy(event(WORLDS[situation][1]))
    if situation == "user":
        body["detail"]["service"]["additionalInfo"] = {"sample": True, "type": "default", "value": '{"sample":true}'}
    else:
        (finding,) = body["detail"]["findings"]
        finding["ProductFields"]["aws/guardduty/service/additionalInfo/sample"] = "true"
        finding["Sample"] = True
    return body


@pytest.mark.parametrize(
    ("as_real", "sandbox", "status"),
    [(False, True, Status.SKIPPED), (False, False, Status.SKIPPED), (True, False, Status.DENIED),
     (True, True, Status.CONTAINED)],
)  # fmt: skip
def test_a_sample_finding_never_writes_outside_the_sandbox(
    tmp_path: Path, as_real: bool, sandbox: bool, status: Status
) -> None:
    at = opened(tmp_path, "user", body=sampled("user"), samples_are_real=as_real, sandbox=sandbox)
    report = at.deliver()
    assert report.status is status
    assert (at.writes == []) == (status is not Status.CONTAINED)
    if status is Status.DENIED:
        assert policies(report) == {"sample-outside-sandbox"}


def test_in_every_case_a_skipped_or_refused_event_makes_no_write_and_asks_no_model(worked: tuple[Worked, ...]) -> None:
    offenders = [
        each.case.name
        for each in worked
        if all(report.status in (Status.SKIPPED, Status.REFUSED) for report in each.reports)
        and (each.converse or any(call.writes for call in each.calls))
    ]
    assert offenders == []
    assert sum(not each.converse for each in worked) >= 5
