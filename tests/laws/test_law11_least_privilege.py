"""Law 11: least privilege by construction. What a run calls is declared, by phase, and exactly that is enough to do it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, USER_WORLD, Desk, desk, event, world
from instance_desk import INSTANCE_WORLD
from worked import Worked

from agent.report import Status
from agent.verdict import Mode
from graphs.model import CONVERSE
from graphs.runs import Runs
from tools import reread, targets
from tools.action import actions
from tools.aws import AwsCall, Phase
from tools.iam import statements
from tools.sandbox.engine import Credentials
from tools.source import sources

UNITS: dict[str, frozenset[AwsCall]] = {
    **{name: action.CALLS for name, action in actions().items()},
    **{name: source.CALLS for name, source in sources().items()},
    "reread": reread.CALLS,
    "targets": targets.CALLS,
    "model": frozenset({CONVERSE}),
}
DECLARED = frozenset(call for calls in UNITS.values() for call in calls)
CONTAINING = [call for name, action in actions().items() if action.SPEC.offered for call in action.CALLS]
ANYWHERE = world(USER_WORLD, ("registry.accounts", {ACCOUNT: {"role": "workload", "environment": "dev"}}))
"""The registry does not say in which Regions the account works, so that it is asked for all that it has enabled."""
WORLDS = {
    "user": (ANYWHERE, "guardduty_credential_abuse_asff"),
    "bucket": (BUCKET_WORLD, "securityhub_s3_public"),
    "instance": (INSTANCE_WORLD, "guardduty_c2_asff"),
}


def test_every_call_of_every_case_is_declared_for_its_phase(worked: tuple[Worked, ...]) -> None:
    declared = {(phase.value, call.name) for call in DECLARED for phase in call.phases}
    offenders = {
        (each.case.name, phase, name)
        for each in worked
        for report in each.reports
        for phase, names in report.calls.items()
        for name in names
        if (phase, name) not in declared
    }
    assert offenders == set()


def test_the_report_counts_every_call_that_was_made(worked: tuple[Worked, ...]) -> None:
    """But the model's: it is no call of a tool, and its tokens are counted instead."""
    offenders = []
    for each in worked:
        counted = sum(n for r in each.reports for names in r.calls.values() for n in names.values())
        made = sum(call.service != "bedrock-runtime" for call in each.calls)
        if counted != made and each.case.expect.approver is None:
            offenders.append(f"{each.case.name}: {counted} counted, {made} made")
    assert offenders == []


def test_reading_planning_and_verifying_write_nothing_in_any_case(worked: tuple[Worked, ...]) -> None:
    writing = {call.name for call in DECLARED if call.writes}
    offenders = {
        (each.case.name, phase, name)
        for each in worked
        for report in each.reports
        for phase in ("read", "plan", "verify")
        for name in report.calls.get(phase, {})
        if name in writing
    }
    assert offenders == set()


def test_who_asks_the_model_cannot_write_and_who_writes_cannot_ask_the_model() -> None:
    asking = statements(DECLARED, [Phase.READ, Phase.PLAN, Phase.MODEL])
    writing = statements(DECLARED, [Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO])
    assert "bedrock:InvokeModel" in granted(asking)
    assert not granted(asking) & {call.permission for call in DECLARED if call.writes}
    assert not {action for action in granted(writing) if action.startswith("bedrock:")}


def granted(made: list[Any]) -> set[str]:
    return {action for statement in made for action in statement["Action"]}


def with_role(at: Desk, actions_: set[str]) -> Desk:
    """The desk with clients that may do exactly this. The sandbox knows resources of few services, so it is given all."""
    iam = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    rights = [{"Effect": "Allow", "Action": sorted(actions_), "Resource": "*"}]
    arn = iam.create_role(RoleName="declared", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **trust}))
    iam.put_role_policy(
        RoleName="declared",
        PolicyName="declared",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rights}),
    )
    given = at.sandbox.client("sts", ACCOUNT, "us-east-1").assume_role(
        RoleArn=arn["Role"]["Arn"], RoleSessionName="stanch"
    )["Credentials"]
    credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    at.service = replace(at.service, clients=at.sandbox.clients(credentials))
    at.runs = Runs(at.service, at.saver)  # type: ignore[arg-type]  # a desk has one
    at.calls.clear()
    return at


@pytest.mark.parametrize("situation", WORLDS)
def test_a_role_with_the_declared_permissions_and_no_other_does_the_whole_run(tmp_path: Path, situation: str) -> None:
    text, name = WORLDS[situation]
    at = with_role(desk(tmp_path, text, event(name)), {call.permission for call in DECLARED if not call.unsigned})
    report = at.deliver()
    assert report.status is Status.CONTAINED, report.reason
    assert [fact for s in report.evidence for fact, why in s.not_known.items() if "Denied" in why] == []
    assert report.told is not None
    assert report.told.outcome == "done"


@pytest.mark.parametrize("situation", WORLDS)
def test_a_role_that_only_reads_changes_nothing_and_the_run_says_so(tmp_path: Path, situation: str) -> None:
    text, name = WORLDS[situation]
    reading = {call.permission for call in DECLARED if not call.unsigned and not call.writes}
    at = with_role(desk(tmp_path, text, event(name), Mode.AUTO), reading)
    report = at.deliver()
    # an instance is not quarantined unasked once its first steps have failed
    asks = situation == "instance"
    assert report.status is (Status.AWAITING_APPROVAL if asks else Status.ESCALATED)
    tried = [a.receipt for a in report.actions if a.receipt]
    assert tried
    assert all(receipt.outcome == "failed" and "AccessDenied" in receipt.detail for receipt in tried)
    assert asks or (len(tried) == len(report.actions) and "AccessDenied" in report.reason)
