"""Each example event is read again, in the world that is made from it, as the finding that it was; what has ended since is seen to."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.event import Event
from agent.finding import Finding, Reason
from agent.intake import parse
from agent.intake.triage import triage
from tools.aws import Aws, Phase
from tools.reread import CALLS, reread
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import seed
from tools.sandbox.services.accessanalyzer import AnalyzerState
from tools.sandbox.services.config import ConfigVerdicts
from tools.sandbox.services.health import HealthEvents
from tools.sandbox.services.inspector2 import InspectorFindings
from tools.sandbox.services.securityhub_v2 import HubV2State

Ending = Callable[[Sandbox], None]
EVENTS = Path(__file__).parent.parent / "data" / "events"
ACCOUNT, REGION = "111122223333", "eu-west-1"
NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
CALLED = {
    "access_analyzer_bucket": {"accessanalyzer:ListAnalyzers": 1, "accessanalyzer:GetFindingV2": 1},
    "cloudtrail_stop_logging": {"cloudtrail:LookupEvents": 1},
    "cloudwatch_alarm": {"cloudwatch:DescribeAlarms": 1},
    "cloudwatch_instance": {"cloudwatch:DescribeAlarms": 1},
    "cloudwatch_shield": {"cloudwatch:DescribeAlarms": 1},
    "config_rule": {"config:GetComplianceDetailsByResource": 1},
    "config_user": {"config:GetComplianceDetailsByResource": 1, "config:ListDiscoveredResources": 1},
    "guardduty_credential_abuse": {"guardduty:GetFindings": 1},
    "guardduty_credential_abuse_asff": {"securityhub:GetFindings": 1},
    "guardduty_credential_abuse_ocsf": {"securityhub:GetFindingsV2": 1},
    "health_exposed_key": {"health:DescribeEventDetails": 1, "health:DescribeAffectedEntities": 1},
    "health_quarantine": {"health:DescribeEventDetails": 1, "health:DescribeAffectedEntities": 1},
    "inspector_package": {"inspector2:ListFindings": 1},
    "macie_policy": {"macie2:GetFindings": 1},
    "securityhub_s3_public": {"securityhub:GetFindings": 1},
    "securityhub_s3_public_ocsf": {"securityhub:GetFindingsV2": 1},
}
"""Example events, and the calls that reading each again takes."""
REFUSED = [
    ("access_analyzer_bucket", "accessanalyzer:ListAnalyzers"),
    ("access_analyzer_bucket", "accessanalyzer:GetFindingV2"),
    ("cloudwatch_alarm", "cloudwatch:DescribeAlarms"),
    ("config_user", "config:GetComplianceDetailsByResource"),
    ("config_user", "config:ListDiscoveredResources"),
    ("health_exposed_key", "health:DescribeEventDetails"),
    ("health_exposed_key", "health:DescribeAffectedEntities"),
    ("inspector_package", "inspector2:ListFindings"),
    ("securityhub_s3_public_ocsf", "securityhub:GetFindingsV2"),
]


def parsed(body: Any) -> Finding:
    (found,) = parse(Event(body=body, received_at=NOW, via="cli")).findings
    assert isinstance(found, Finding), found
    return found


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def opened(name: str, *, kept: bool = True) -> tuple[Sandbox, Aws]:
    """The world of the event, with its own finding in it or without."""
    world = world_for(event(name)).model_copy(update={"event": kept})
    sandbox = Sandbox.fresh(3, world.now)
    seed(sandbox, world, event(name))
    finding = parsed(event(name))
    where = "us-east-1" if finding.region == "aws-global" else finding.region
    return sandbox, Aws(sandbox.clients(), finding.account, where, "aws", Phase.READ, CALLS, now=sandbox.now)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize("name", CALLED)
def test_what_the_service_answers_parses_to_the_finding_that_the_event_was(name: str) -> None:
    _, aws = opened(name)
    again = reread(aws, parsed(event(name)))
    assert again.outcome == "known", again.note
    assert parsed(again.body) == parsed(event(name))
    assert aws.tally.by_phase == {"read": CALLED[name]}


@pytest.mark.parametrize(("name", "call"), REFUSED)
@pytest.mark.parametrize("fault", [Fail("AccessDeniedException", 403), Lost.READ_TIMEOUT])
def test_a_service_that_does_not_answer_makes_the_reading_failed(name: str, call: str, fault: Fail | Lost) -> None:
    sandbox, aws = opened(name)
    sandbox.faults.before.append(fail_calls(call, fault, 99))
    again = reread(aws, parsed(event(name)))
    assert (again.outcome, again.body) == ("failed", None)
    assert again.note == (fault.code if isinstance(fault, Fail) else "ReadTimeoutError")


def state(sandbox: Sandbox, kind: type[Any], region: str = REGION) -> Any:
    return sandbox.shelf(kind, ACCOUNT, region)


def analyzer(status: str) -> Ending:
    def end(sandbox: Sandbox) -> None:
        [[found]] = state(sandbox, AnalyzerState).findings.values()
        found["status"] = status

    return end


def inspector(status: str) -> Ending:
    return lambda sandbox: state(sandbox, InspectorFindings).findings[0].update(status=status)


def alarm(value: str) -> Ending:
    def end(sandbox: Sandbox) -> None:
        sandbox.client("cloudwatch", ACCOUNT, REGION).set_alarm_state(
            AlarmName="root-sign-in", StateValue=value, StateReason="over"
        )

    return end


def verdict(outcome: str) -> Ending:
    return lambda sandbox: state(sandbox, ConfigVerdicts).results[0].update(ComplianceType=outcome)


def notice(sandbox: Sandbox) -> None:
    state(sandbox, HealthEvents, "us-east-1").details[0]["event"]["statusCode"] = "closed"


def ocsf(**changes: Any) -> Ending:
    return lambda sandbox: state(sandbox, HubV2State).findings[0].update(changes)


@pytest.mark.parametrize(
    ("reason", "name", "end"),
    [
        (Reason.RESOLVED, "access_analyzer_bucket", analyzer("RESOLVED")),
        (Reason.ARCHIVED, "access_analyzer_bucket", analyzer("ARCHIVED")),
        (Reason.RESOLVED, "inspector_package", inspector("CLOSED")),
        (Reason.SUPPRESSED, "inspector_package", inspector("SUPPRESSED")),
        (Reason.RESOLVED, "cloudwatch_alarm", alarm("OK")),
        (Reason.RESOLVED, "cloudwatch_alarm", alarm("INSUFFICIENT_DATA")),
        (Reason.PASSED, "config_rule", verdict("COMPLIANT")),
        (Reason.RESOLVED, "health_exposed_key", notice),
        (Reason.RESOLVED, "securityhub_s3_public_ocsf", ocsf(status_id=4)),
        (Reason.SUPPRESSED, "securityhub_s3_public_ocsf", ocsf(status_id=3)),
        (Reason.ARCHIVED, "securityhub_s3_public_ocsf", ocsf(status_id=5)),
        (Reason.PASSED, "securityhub_s3_public_ocsf", ocsf(compliance={"control": "S3.8", "status": "Pass"})),
    ],
)
def test_what_has_ended_since_the_event_is_seen_as_ended(reason: Reason, name: str, end: Ending) -> None:
    sandbox, aws = opened(name)
    end(sandbox)
    now = parsed(reread(aws, parsed(event(name))).body)
    why = triage(now, served=None, minimum_severity=0, samples_are_real=False, our_name="stanch")
    assert why is not None
    assert why.reason is reason


@pytest.mark.parametrize(
    ("outcome", "note", "name"),
    [
        # whoever deletes an alarm or a rule leaves what it told as it is
        ("failed", "alarm_gone", "cloudwatch_alarm"),
        ("failed", "rule_gone", "config_rule"),
        ("absent", "", "inspector_package"),
        ("absent", "", "securityhub_s3_public_ocsf"),
        # the organisation's analyzers are in another account, and Health only names an error
        ("failed", "no_analyzer_has_it", "access_analyzer_bucket"),
        ("failed", "InvalidArn", "health_exposed_key"),
    ],
)
def test_a_finding_that_its_service_does_not_know_is_absent_only_where_the_service_can_say_so(
    outcome: str, note: str, name: str
) -> None:
    again = reread(opened(name, kept=False)[1], parsed(event(name)))
    assert (again.outcome, again.note) == (outcome, note)


def test_what_a_rule_that_is_still_there_says_nothing_of_is_absent() -> None:
    sandbox, aws = opened("config_rule")
    (verdict_,) = state(sandbox, ConfigVerdicts).results
    verdict_["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"] = "another"
    assert reread(aws, parsed(event("config_rule"))).outcome == "absent"


def test_without_the_support_plan_health_is_failed_with_its_own_code() -> None:
    sandbox, aws = opened("health_exposed_key")
    state(sandbox, HealthEvents, "us-east-1").subscribed = False
    again = reread(aws, parsed(event("health_exposed_key")))
    assert (again.outcome, again.note) == ("failed", "SubscriptionRequiredException")


def test_a_notice_of_a_service_without_regions_keeps_the_region_of_its_event() -> None:
    sandbox, aws = opened("health_exposed_key")
    state(sandbox, HealthEvents, "us-east-1").details[0]["event"]["region"] = "global"
    assert parsed(reread(aws, parsed(event("health_exposed_key"))).body) == parsed(event("health_exposed_key"))


def test_a_composite_alarm_is_read_too() -> None:
    body = event("cloudwatch_alarm")
    body["detail"]["configuration"] = {"alarmRule": "ALARM(a) AND ALARM(b)"}
    sandbox = Sandbox.fresh(3, NOW)
    seed(sandbox, world_for(body), body)
    aws = Aws(sandbox.clients(), ACCOUNT, REGION, "aws", Phase.READ, CALLS, now=sandbox.now)
    assert parsed(reread(aws, parsed(body)).body) == parsed(body)


def test_what_an_alarm_watches_is_what_it_watches_now() -> None:
    body = event("cloudwatch_instance")
    body["detail"]["configuration"]["metrics"].append(
        {
            "metricStat": {
                "metric": {"namespace": "AWS/EC2", "name": "N", "dimensions": {"InstanceId": "i-0abc1234def567891"}}
            }
        }
    )
    sandbox = Sandbox.fresh(3, NOW)
    seed(sandbox, world_for(body), body)
    aws = Aws(sandbox.clients(), ACCOUNT, REGION, "aws", Phase.READ, CALLS, now=sandbox.now)
    again = parsed(reread(aws, parsed(event("cloudwatch_instance"))).body)
    assert [target.id for target in again.targets] == ["i-0abc1234def567890", "i-0abc1234def567891"]


@pytest.mark.parametrize(
    "name", ["access_analyzer_bucket", "cloudwatch_alarm", "config_rule", "health_exposed_key", "inspector_package"]
)
@pytest.mark.parametrize(
    "key", ["x", "arn:aws:health:us-east-1::event/../x y", "config:111122223333:eu-west-1:r:AWS::S3:x"]
)
def test_a_key_that_its_service_does_not_write_is_asked_of_nobody(name: str, key: str) -> None:
    _, aws = opened(name)
    again = reread(aws, parsed(event(name)).model_copy(update={"key": key}))
    assert (again.outcome, again.note) == ("failed", "no_identifier")
    assert aws.tally.by_phase == {}


@pytest.mark.parametrize("name", ["cloudwatch_alarm", "inspector_package"])
def test_a_key_of_another_account_than_the_finding_is_asked_of_nobody(name: str) -> None:
    _, aws = opened(name)
    finding = parsed(event(name))
    again = reread(aws, finding.model_copy(update={"key": finding.key.replace(ACCOUNT, "444455556666")}))
    assert (again.outcome, again.note) == ("failed", "no_identifier")
    assert aws.tally.by_phase == {}


def test_of_more_findings_than_were_asked_for_only_the_one_itself_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox, aws = opened("securityhub_s3_public_ocsf")
    kept = state(sandbox, HubV2State).findings
    others = [{**kept[0], "cloud": {"account": {"uid": "444455556666"}}}, {**kept[0], "finding_info": {"uid": "x"}}]
    kept[:0] = others
    monkeypatch.setattr("tools.sandbox.services.securityhub_v2._hits", lambda *_: True)
    finding = parsed(event("securityhub_s3_public_ocsf"))
    assert parsed(reread(aws, finding).body) == finding
    kept[:] = others
    assert reread(aws, finding).outcome == "absent"
