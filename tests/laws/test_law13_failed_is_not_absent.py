"""Law 13: failed is not absent, and neither is not yet. Whichever read of the evidence fails, nothing runs unattended."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, KEY, USER, USER_WORLD, Desk, desk, event, world

from agent.report import Status
from agent.verdict import Mode
from graphs.ruling import facts
from graphs.state import Planned
from tools import log_query
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.source import sources

WORLDS = {
    "user": (USER_WORLD, "guardduty_credential_abuse"),
    "bucket": (BUCKET_WORLD, "securityhub_s3_public"),
    "macie": (BUCKET_WORLD, "macie_policy"),
}
NEVER_IN_A_RUN = {log_query.STOP.name}
"""Stopping a query is for one that takes too long."""
OF_NO_WEIGHT = {"bucket": ["s3:GetBucketOwnershipControls"], "macie": ["s3:GetBucketOwnershipControls"], "user": []}
"""Who owns objects matters only where an ACL opens the bucket, and here the policy does."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path, situation: str, *changes: Any, mode: Mode = Mode.AUTO) -> Desk:
    """The situation; the user in it has rights of every kind, so that every call that reads rights is made."""
    text, name = WORLDS[situation]
    folder.mkdir(exist_ok=True)
    if situation != "user":
        return desk(folder, world(text, *changes), event(name), mode)
    rights = [("iam.users.0.policies", {"own": READS}), ("iam.users.0.groups", ["staff"])]
    groups = ("iam.groups", [{"name": "staff", "policies": {"ours": READS}}])
    at = desk(folder, world(text, *rights, groups, *changes), event(name), mode)
    iam = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    made = iam.create_policy(PolicyName="customer", PolicyDocument=json.dumps(READS))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=USER, PolicyArn=made)
    at.calls.clear()
    return at


READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}


@cache
def reading(situation: str) -> frozenset[str]:
    """The evidence calls that the situation really makes."""
    with tempfile.TemporaryDirectory() as folder:
        report = opened(Path(folder), situation, mode=Mode.OBSERVE).deliver()
    return frozenset(report.calls["read"])


def test_every_evidence_call_that_is_declared_is_made_in_some_situation() -> None:
    """So that the next test leaves none out."""
    declared = {call.name for source in sources().values() for call in source.CALLS}
    made = {name for situation in WORLDS for name in reading(situation)}
    assert declared - made == NEVER_IN_A_RUN


@pytest.mark.parametrize(
    ("situation", "fault"),
    [("user", Fail("AccessDenied", 403)), ("bucket", Fail("SlowDown", 503)), ("macie", Lost.READ_TIMEOUT)],
    ids=["user-denied", "bucket-throttled", "macie-lost"],
)
def test_a_read_that_fails_lets_nothing_run_unattended(tmp_path: Path, situation: str, fault: Fail | Lost) -> None:
    without_weight = []
    for number, name in enumerate(sorted(reading(situation))):
        at = opened(tmp_path / f"{number}", situation)
        at.sandbox.faults.before.append(fail_calls(name, fault, times=999))
        report = at.deliver()
        if at.changes:
            without_weight.append(name)
        else:
            assert report.status in (Status.AWAITING_APPROVAL, Status.ESCALATED), f"{name}: {report.reason}"
    assert without_weight == OF_NO_WEIGHT[situation]


# when the finding was last seen, how the log's silence stands then, and which policy decides
@pytest.mark.parametrize(
    ("last_seen", "standing", "policies"),
    [("11:55", "not_yet", {"evidence-not-yet"}), ("09:55", "known", {"approved-contain"})],
    ids=["five-minutes-ago", "two-hours-ago"],
)
def test_a_log_that_is_silent_within_its_lag_says_not_yet(
    tmp_path: Path, last_seen: str, standing: str, policies: set[str]
) -> None:
    body = event("guardduty_credential_abuse")
    body["detail"]["service"]["eventLastSeen"] = f"2026-11-20T{last_seen}:00.000Z"
    at = desk(tmp_path, world(USER_WORLD, ("cloudtrail.events", [])), body)
    report = at.deliver()
    (trail,) = [s for s in report.evidence if s.source == "cloudtrail_lookup"]
    assert trail.standing == standing
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    assert {p for a in report.actions if a.verdict for p in a.verdict.policies} == policies


def test_none_is_an_answer_where_aws_says_that_there_is_none(tmp_path: Path) -> None:
    """No password, no MFA, no group, no flow logs: absent, or known to be false, and no reason to ask."""
    at = opened(tmp_path, "user", ("flow_logs", []))
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    (flows,) = [s for s in report.evidence if s.source == "vpc_flow_logs"]
    assert flows.standing == "absent"
    state = next(s for s in report.evidence if s.source == "iam_state")
    assert state.facts[f"user.mfa@aws:{ACCOUNT}:aws-global:user:{USER}"] is False
    assert f"key.active@aws:{ACCOUNT}:aws-global:access_key:{KEY}" in state.facts


def test_a_source_that_was_never_asked_counts_as_failed(tmp_path: Path) -> None:
    """A checkpoint of an earlier release may lack one that is wanted now."""
    at = opened(tmp_path, "user")
    report = at.deliver()
    state = at.state(report.run_id)
    assert state.finding is not None
    assert state.slots is not None
    assert state.plan is not None
    for missing in [name for name in state.evidence if name != "intake"]:
        evidence = {name: answer for name, answer in state.evidence.items() if name != missing}
        view = Planned(
            run_id=state.run_id, finding=state.finding, evidence=evidence, slots=state.slots, plan=state.plan
        )  # fmt: skip
        assert facts(state.plan.actions[0], view, Mode.AUTO, at.service).evidence_failed, missing
