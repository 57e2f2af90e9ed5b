"""Law 13: failed is not absent, and neither is not yet. Whichever read of the evidence fails, nothing runs unattended."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, KEY, REGION, USER, USER_WORLD, Desk, desk, event, world
from instance_desk import ATTACKER, INSTANCE, INSTANCE_WORLD, WEB_WORLD

from agent.report import Status
from agent.verdict import Mode
from graphs.ruling import facts
from graphs.state import Planned
from tools import athena_query, log_query, renamed_users
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.source import sources

_TRAIL = {"database": "logs", "table": "cloudtrail", "day": "timestamp", "account": "account", "region": "region"}
_FLOWS = {"database": "logs", "table": "flow_logs", "day": "day", "account": "aws_account_id", "region": "aws_region"}
LOGGED_WORLD = world(
    USER_WORLD,
    (
        "registry.athena",
        {
            "workgroup": "stanch",
            "trail": _TRAIL,
            "flow_logs": _FLOWS,
        },
    ),
    ("athena", {"trail": "org-trail"}),
    ("flow_logs.0.group", None),
    ("flow_logs.0.bucket", "org-flow-logs"),
    ("flow_logs.0.records.0.count", 9),
)
WORLDS = {
    "user": (USER_WORLD, "guardduty_credential_abuse"),
    "bucket": (BUCKET_WORLD, "securityhub_s3_public"),
    "macie": (BUCKET_WORLD, "macie_policy"),
    "instance": (INSTANCE_WORLD, "guardduty_c2"),
    "address": (WEB_WORLD, "guardduty_web_attack"),
    "logs in S3": (LOGGED_WORLD, "guardduty_credential_abuse"),
}
ONLY_LOOKED_AT = {
    "role": (world(USER_WORLD, ("iam.roles", [{"name": "deploy"}])), "guardduty_role_session"),
}
"""Whatever is read of these, nothing runs unattended: revoking a role's sessions always asks."""
NEVER_IN_A_RUN = {log_query.STOP.name, athena_query.STOP.name, renamed_users.LIST_USERS.name}
"""Stopping a query is for one that takes too long, and all users are listed for one that was renamed."""
OF_NO_WEIGHT = {
    "bucket": ["s3:GetBucketOwnershipControls"],
    "macie": ["s3:GetBucketOwnershipControls"],
    "instance": ["iam:GetRole"],
}
"""Who owns objects matters only where an ACL opens the bucket, and here the policy does. The role is beside the instance:
without it its sessions are not denied, which the report says, and the rest goes on."""
ORGANIZED: list[tuple[str, Any]] = [
    ("registry.organization", {"account": "123456789012"}),
    (
        "organization",
        {"management": "123456789012", "units": [{"name": "Dev"}], "accounts": [{"account": ACCOUNT, "unit": "Dev"}]},
    ),
]
NOT_RUN = {Status.AWAITING_APPROVAL, Status.ESCALATED}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path, situation: str, *changes: Any, mode: Mode = Mode.AUTO, body: Any = None) -> Desk:
    """The situation, so that every call is made: the user has rights of every kind, and the web ACL a group of rules.

    The web attack is called severe, so that nothing but the evidence is in the way of a block.
    """
    text, name = (WORLDS | ONLY_LOOKED_AT)[situation]
    body = event(name) if body is None else body
    folder.mkdir(exist_ok=True)
    if situation == "address":
        body["detail"]["severity"] = 8
        changes = (("wafv2.rule_groups", [{"name": "shared"}]), (f"{RULES}.2", SHARED), *changes)
    if situation == "role":
        changes = (("iam.roles.0.policies", {"own": READS}), *changes)
    if situation == "bucket":
        point = {"name": "reports", "policy": SHUT}
        changes = (("s3.buckets.0.access_points", [point]), *changes)
        changes = (("access_analyzer", {"findings": []}), ("config", {"items": []}), *changes)
    if situation != "user":
        return desk(folder, world(text, *changes), body, mode)
    rights = [("iam.users.0.policies", {"own": READS}), ("iam.users.0.groups", ["staff"])]
    groups = ("iam.groups", [{"name": "staff", "policies": {"ours": READS}}])
    at = desk(folder, world(text, *rights, groups, *ORGANIZED, *changes), body, mode)
    iam = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    made = iam.create_policy(PolicyName="customer", PolicyDocument=json.dumps(READS))["Policy"]["Arn"]
    iam.attach_user_policy(UserName=USER, PolicyArn=made)
    at.calls.clear()
    return at


RULES, SHARED = "wafv2.web_acls.0.rules", {"name": "shared", "rule_group": "shared", "action": "count"}
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}

SHUT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:{REGION}:{ACCOUNT}:accesspoint/reports/object/*",
        }
    ],
}
"""Of an access point that would be open, did its own block not keep it shut."""


@cache
def reading(situation: str) -> frozenset[str]:
    """The evidence calls that the situation really makes."""
    with tempfile.TemporaryDirectory() as folder:
        report = opened(Path(folder), situation, mode=Mode.OBSERVE).deliver()
    return frozenset(report.calls["read"])


def test_every_evidence_call_that_is_declared_is_made_in_some_situation() -> None:
    """So that the next test leaves none out."""
    declared = {call.name for source in sources().values() for call in source.CALLS}
    made = {name for situation in [*WORLDS, *ONLY_LOOKED_AT] for name in reading(situation)}
    assert declared - made == NEVER_IN_A_RUN


@pytest.mark.parametrize("situation", WORLDS)
def test_where_every_read_is_answered_it_runs_unattended(tmp_path: Path, situation: str) -> None:
    """So that the next test shows what a read that fails is for."""
    report = opened(tmp_path, situation).deliver()
    assert report.status is Status.CONTAINED, report.reason


FAULTS = {
    "user": Fail("AccessDenied", 403),
    "bucket": Fail("SlowDown", 503),
    "macie": Lost.READ_TIMEOUT,
    "instance": Fail("UnauthorizedOperation", 403),
    "address": Fail("ThrottlingException"),
    "logs in S3": Fail("TooManyRequestsException"),
}


@pytest.mark.parametrize("situation", WORLDS)
def test_a_read_that_fails_lets_nothing_run_unattended(tmp_path: Path, situation: str) -> None:
    without_weight = []
    names = reading(situation) - reading("user") if situation == "logs in S3" else reading(situation)
    for number, name in enumerate(sorted(names)):
        at = opened(tmp_path / f"{number}", situation)
        at.sandbox.faults.before.append(fail_calls(name, FAULTS[situation], times=999))
        report = at.deliver()
        if at.changes:
            without_weight.append(name)
            assert report.status in (Status.CONTAINED, Status.PARTIALLY_CONTAINED), f"{name}: {report.reason}"
        elif report.status is Status.DENIED:  # what may be our own is never blocked, whoever approves
            assert {p for a in report.actions if a.verdict for p in a.verdict.policies} == {"own-address"}, name
        else:
            assert report.status in NOT_RUN, f"{name}: {report.reason}"
    assert without_weight == OF_NO_WEIGHT.get(situation, [])


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


SILENT: dict[str, tuple[str, list[tuple[str, Any]], str, tuple[str, str], set[str]]] = {
    "no flow logs of the instance's network": (
        "instance", [("flow_logs", [])], "09:48", ("vpc_flow_logs", "absent"), {"approved-contain"},
    ),
    "flow logs that may still come": (
        "instance", [("flow_logs.0.records", [])], "10:28", ("vpc_flow_logs", "not_yet"), {"evidence-not-yet"},
    ),
    "flow logs without the peer": (
        "instance", [("flow_logs.0.records", [])], "09:48", ("vpc_flow_logs", "known"), {"approved-contain"},
    ),
    "no full web logs": (
        "address", [("wafv2.web_acls.0.logging", None), ("wafv2.logs", [])], "09:48", ("waf_logs", "absent"),
        {"proxied-address"},
    ),
    "web logs that may still come": (
        "address", [("wafv2.logs", [])], "10:28", ("waf_logs", "not_yet"), {"evidence-not-yet", "proxied-address"},
    ),
}  # fmt: skip
"""The situation, what is missing in it, when the finding was last seen, how the source stands, and who decides."""


@pytest.mark.parametrize("what", SILENT)
def test_what_is_silent_about_an_instance_or_an_address_says_how(tmp_path: Path, what: str) -> None:
    """Absent, not yet, or known to be none: three answers, and none of them lets anything run unattended here."""
    situation, changes, last_seen, (source, standing), policies = SILENT[what]
    body = event(WORLDS[situation][1])
    body["detail"]["service"]["eventLastSeen"] = f"2026-11-20T{last_seen}:00.000Z"
    at = opened(tmp_path, situation, *changes, body=body)
    report = at.deliver()
    assert {s.source: s.standing for s in report.evidence}[source] == standing
    assert (report.status, at.writes) == (Status.AWAITING_APPROVAL, [])
    assert {p for a in report.actions if a.verdict for p in a.verdict.policies} == policies


def test_an_instance_that_hangs_in_nothing_is_no_reason_to_ask(tmp_path: Path) -> None:
    """No group, no target group, no role: each is an answer, and the instance is contained all the same."""
    bare = [("autoscaling.groups", []), ("elbv2.target_groups", []), ("ec2.instances.0.profile", None)]
    report = opened(tmp_path, "instance", *bare).deliver()
    assert report.status is Status.CONTAINED, report.reason
    (state,) = [s for s in report.evidence if s.source == "ec2_state"]
    about = f"@aws:{ACCOUNT}:{REGION}:instance:{INSTANCE}"
    assert state.not_known == {f"instance.group_can_shrink{about}": "absent: not_in_group"}
    assert [state.facts[f"instance.{name}{about}"] for name in ("in_group", "target_groups", "role")] == [
        False,
        0,
        False,
    ]


def test_an_account_without_addresses_and_gateways_of_its_own_is_no_reason_to_ask(tmp_path: Path) -> None:
    report = opened(tmp_path, "address").deliver()
    assert report.status is Status.CONTAINED, report.reason
    (own,) = [s for s in report.evidence if s.source == "own_addresses"]
    assert own.facts[f"address.own@aws:{ACCOUNT}:{REGION}:address:{ATTACKER}/32"] is False


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
