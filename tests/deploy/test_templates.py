"""The stack as CloudFormation would make it: what arrives, what runs, what is kept, and who is told."""

import json
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from moto.events.models import EventPattern
from samtranslator.yaml_helper import yaml_parse
from stack import CHOSEN, DEPLOY, REGION, TOOLING, Stack, stack

from agent.event import Event
from agent.finding import Finding
from agent.intake import parse
from agent.intake.cloudtrail import alarming
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.configuration import Configuration
from graphs.entrypoints.log import note
from graphs.notify import card_teller, end_teller
from tools.aws import Aws, Phase
from tools.ledger import Card, tables
from tools.outbox import CALLS as OUTBOX
from tools.own_parts import FUNCTIONS as PARTS
from tools.own_parts import Part
from tools.sandbox.engine import Sandbox

EVENTS = Path(__file__).parents[1] / "data" / "events"
STACK = stack("template")
FUNCTIONS = STACK.kind("AWS::Lambda::Function")
RULES = {key: one for key, one in STACK.kind("AWS::Events::Rule").items() if "EventPattern" in one}


@pytest.fixture(autouse=True)
def _kept_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """cfn-lint sets the Region of the process when it applies SAM."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", os.environ.get("AWS_DEFAULT_REGION", REGION))


@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_cfn_lint_finds_nothing_and_ignores_nothing(name: str) -> None:
    where = ManualArgs(regions=["us-east-1", REGION, "us-gov-west-1"], include_checks=["I"])
    found = lint_file(DEPLOY / f"{name}.yaml", where)
    assert [f"{one.rule.id} line {one.linenumber}: {one.message}" for one in found] == []
    assert "cfn-lint" not in (DEPLOY / f"{name}.yaml").read_text(encoding="utf-8"), "an ignore in the template"


def test_there_are_the_four_functions_of_the_design() -> None:
    assert {one["FunctionName"]: one["Handler"] for one in FUNCTIONS.values()} == {
        f"stanch-{name}": f"graphs.entrypoints.lambda_{name}.handler"
        for name in ("events", "execute", "approvals", "clock")
    }


def test_each_function_names_the_package_itself() -> None:
    """`aws cloudformation package` does not read Globals, and would ship the folder of the template instead."""
    read = yaml_parse((DEPLOY / "template.yaml").read_text(encoding="utf-8"))["Resources"].values()
    written = [one["Properties"]["CodeUri"] for one in read if one["Type"] == "AWS::Serverless::Function"]
    assert written == ["../build/stanch.zip"] * 4


def test_each_function_works_under_its_own_role_and_logs_to_its_own_group() -> None:
    names = {key: (one["Role"].rsplit("/", 1)[-1], one["LoggingConfig"]["LogGroup"]) for key, one in FUNCTIONS.items()}
    assert names == {key: (f"{key}Role", f"{key}Log") for key in ("Events", "Execute", "Approvals", "Clock")}


def test_nothing_is_written_unless_somebody_chooses_so() -> None:
    assert STACK.template["Parameters"]["Mode"] == STACK.template["Parameters"]["Mode"] | {"Default": "observe"}
    assert STACK.template["Parameters"]["ServeThisAccount"]["Default"] == "false"
    assert {one["Environment"]["Variables"]["STANCH_MODE"] for one in FUNCTIONS.values()} == {"observe"}


def test_a_queue_that_hands_out_one_finding_at_a_time_and_takes_back_what_failed() -> None:
    (source,) = STACK.kind("AWS::Lambda::EventSourceMapping").values()
    assert (source["FunctionName"], source["BatchSize"]) == ("Events", 1)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"]["MaximumConcurrency"] >= 2
    inbox, dead = (STACK.kind("AWS::SQS::Queue")[name] for name in ("Inbox", "DeadLetters"))
    assert inbox["VisibilityTimeout"] >= 6 * FUNCTIONS["Events"]["Timeout"]
    assert inbox["RedrivePolicy"]["maxReceiveCount"] >= 5
    assert inbox["RedrivePolicy"]["deadLetterTargetArn"].endswith(":DeadLetters")
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600


def caught(event: dict[str, Any]) -> list[str]:
    """The rules that an event meets. EventBridge looks into lists; moto does not, and Security Hub sends one finding an event."""
    detail = event.get("detail", {})
    if len(detail.get("findings", [])) == 1:
        event = {**event, "detail": {**detail, "findings": detail["findings"][0]}}
    return [
        key for key, one in RULES.items() if EventPattern.load(json.dumps(one["EventPattern"])).matches_event(event)
    ]


@cache
def example(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return read


NOTICE = "health_retirement"
"""Of AWS Health only what AWS or others found is brought: the rest is no matter of security."""
PATTERN_LIMIT = 2048
"""Characters of a pattern, by EventBridge's default quota."""


def recorded(service: str, name: str, who: str = "IAMUser", kind: str = "API Call", **more: str) -> dict[str, Any]:
    """An event of CloudTrail: this call of this service by somebody of that type."""
    event = example("cloudtrail_root_call")
    identity = {**event["detail"]["userIdentity"], "type": who, **more}
    named = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "userIdentity": identity}
    return {
        **event, "source": f"aws.{service}", "detail-type": f"AWS {kind} via CloudTrail",
        "detail": {**event["detail"], **named},
    }  # fmt: skip


def of_health(code: str, kind: str = "Health Event") -> dict[str, Any]:
    event = example("health_exposed_key")
    return {**event, "detail-type": f"AWS {kind}", "detail": {**event["detail"], "eventTypeCode": code}}


def told(one: str | dict[str, Any]) -> str:
    """What a case of these is called."""
    if isinstance(one, str):
        return one
    detail = one["detail"]
    return f"{one['source']} {detail.get('eventName') or detail['eventTypeCode']}"


BROUGHT = [
    ("RootRule", recorded("signin", "ConsoleLogin", "Root", "Console Sign In")),
    ("RootRule", recorded("s3", "DeleteBucket", "Root")),
    ("RootRule", recorded("ec2", "RunInstances", "Root")),
    ("HealthRule", of_health("AWS_RISK_CREDENTIALS_EXPOSED")),
    ("HealthRule", of_health("AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED")),
    ("HealthRule", of_health("AWS_RISK_IAM_QUARANTINE")),
    ("AbuseRule", of_health("AWS_ABUSE_DOS_REPORT", "Health Abuse Event")),
]
LEFT = [
    recorded("ec2", "RunInstances"),
    recorded("iam", "CreateUser"),
    recorded("cloudtrail", "PutInsightSelectors"),
    recorded("frauddetector", "DeleteDetector"),
    recorded("iam", "StopLogging"),
    recorded("signin", "ConsoleLogin", kind="Console Sign In"),
    recorded("kms", "Decrypt", "Root", invokedBy="rds.amazonaws.com"),
    {**recorded("s3", "DeleteBucket", "Root"), "source": "somebodys.own"},
    {**recorded("cloudtrail", "StopLogging"), "source": "somebodys.own"},
    of_health("AWS_EC2_MAINTENANCE_SCHEDULED"),
]


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("*.json")))
def test_every_event_that_is_a_matter_of_security_meets_one_rule(name: str) -> None:
    event = example(name)
    if "detail-type" in event:
        assert len(caught(event)) == (0 if name == NOTICE else 1)


@pytest.mark.parametrize(("rule", "event"), BROUGHT, ids=told)
def test_what_root_does_and_what_health_found_is_brought_and_is_a_finding(rule: str, event: dict[str, Any]) -> None:
    assert caught(event) == [rule]
    (read,) = parse(Event(body=event, received_at=datetime(2026, 11, 20, 12, tzinfo=UTC), via="eventbridge")).findings
    assert isinstance(read, Finding), read


def test_only_our_own_custom_action_is_brought_and_none_where_none_is_named() -> None:
    event = example("securityhub_custom_action")
    assert caught(event) == ["HubActionRule"]
    assert caught({**event, "resources": [event["resources"][0].replace("contain", "ticket")]}) == []
    assert "HubActionRule" not in stack("template", CustomAction="").kind("AWS::Events::Rule")
    assert {one["Environment"]["Variables"]["STANCH_CUSTOM_ACTION"] for one in FUNCTIONS.values()} == {
        *event["resources"]
    }


@pytest.mark.parametrize("event", LEFT, ids=told)
def test_what_is_no_alarm_in_itself_meets_no_rule(event: dict[str, Any]) -> None:
    assert caught(event) == []


CALLS = sorted((service, name) for service, names in alarming().items() for name in names)


@pytest.mark.parametrize(("service", "name"), CALLS)
def test_every_call_that_the_parser_takes_for_an_alarm_meets_one_rule_and_by_root_that_of_root_too(
    service: str, name: str
) -> None:
    (rule,) = caught(recorded(service, name))
    assert sorted(caught(recorded(service, name, "Root"))) == sorted([rule, "RootRule"])


def test_the_rules_name_no_call_that_the_parser_does_not_know() -> None:
    details = [one["EventPattern"].get("detail", {}) for one in RULES.values()]
    named = {(one["eventSource"][0]["prefix"], name) for one in details for name in one.get("eventName", [])}
    assert named == {(f"{service}.", name) for service, name in CALLS}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_pattern_is_no_longer_than_eventbridge_takes(rule: str) -> None:
    assert len(json.dumps(RULES[rule]["EventPattern"])) <= PATTERN_LIMIT


def test_what_stanch_writes_on_a_finding_does_not_come_back_to_it() -> None:
    event = example("guardduty_c2_asff")
    told = {**event["detail"]["findings"][0], "Workflow": {"Status": "NOTIFIED"}}
    assert caught(event) == ["HubRule"]
    assert caught({**event, "detail": {"findings": [told]}}) == []


def test_every_rule_brings_to_the_inbox_and_keeps_what_it_cannot_bring() -> None:
    for one in RULES.values():
        (target,) = one["Targets"]
        assert target["Arn"].endswith(":Inbox")
        assert target["DeadLetterConfig"]["Arn"].endswith(":DeadLetters")


def test_only_our_rules_may_put_anything_into_the_inbox() -> None:
    (policy,) = STACK.kind("AWS::SQS::QueuePolicy").values()
    allowing = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    assert [(one["Principal"], one["Condition"]) for one in allowing] == [
        (
            {"Service": "events.amazonaws.com"},
            {
                "StringEquals": {"aws:SourceAccount": TOOLING},
                "ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{TOOLING}:rule/stanch-*"},
            },
        )
    ]
    assert all(one["Name"].startswith("stanch-") for one in RULES.values())


def test_approvals_are_answered_only_by_requests_that_iam_has_checked() -> None:
    (url,) = STACK.kind("AWS::Lambda::Url").values()
    assert (url["TargetFunctionArn"], url["AuthType"]) == ("Approvals", "AWS_IAM")
    permissions = STACK.kind("AWS::Lambda::Permission").values()
    assert {one["Principal"] for one in permissions} == {"events.amazonaws.com"}, "nobody else, and not everybody"


def test_the_clock_ticks_every_five_minutes() -> None:
    (tick,) = [one for key, one in STACK.kind("AWS::Events::Rule").items() if "ScheduleExpression" in one]
    assert (tick["ScheduleExpression"], tick["Targets"][0]["Arn"].rsplit(":", 1)[-1]) == ("rate(5 minutes)", "Clock")


@pytest.mark.parametrize("name", ["LedgerTable", "CheckpointsTable"])
def test_a_table_is_encrypted_recoverable_and_outlives_the_stack(name: str) -> None:
    resource = STACK.resources[name]
    table = resource["Properties"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"]["KMSMasterKeyId"].endswith(":key/Key")
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_everything_that_is_kept_is_encrypted_with_our_own_key_and_outlives_the_stack() -> None:
    keeping = {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
    }
    for kind, field in keeping.items():
        for key, one in STACK.kind(kind).items():
            assert one[field].rsplit("/", 1)[-1] == "Key", key
            assert STACK.resources[key]["DeletionPolicy"] == "Retain", key
    (topic,) = STACK.kind("AWS::SNS::Topic").values()
    assert topic["KmsMasterKeyId"] == "Key"
    assert STACK.resources["Key"]["Properties"]["EnableKeyRotation"] is True


def test_case_files_are_locked_where_they_are_put_and_nobody_is_let_around_the_lock() -> None:
    resource = STACK.resources["CaseFiles"]
    bucket = resource["Properties"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert bucket["ObjectLockConfiguration"]["Rule"] == {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 365}}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(":key/Key")
    (policy,) = STACK.kind("AWS::S3::BucketPolicy").values()
    denied = {one["Sid"]: one["Action"] for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"}
    assert denied["NobodyGetsAroundTheLock"] == "s3:BypassGovernanceRetention"
    assert denied["OnlyNewObjects"] == "s3:PutObject"


def test_case_files_are_written_by_the_functions_that_read_what_a_report_says_and_by_no_other() -> None:
    told = {key: one["Environment"]["Variables"].get("STANCH_ARCHIVE") for key, one in FUNCTIONS.items()}
    kept = "s3://CaseFiles/cases/"
    assert told == {"Events": kept, "Execute": kept, "Approvals": None, "Clock": kept}
    granted = {one.name: {p for g in one.grants if g.part is Part.CASE_FILES for p in g.permissions} for one in PARTS}
    assert {name for name, permissions in granted.items() if permissions} == {"events", "execute", "clock"}
    assert {frozenset(one) for one in granted.values() if one} == {frozenset({"s3:PutObject", "s3:GetObjectRetention"})}


def test_logs_are_kept_for_a_time_that_somebody_chose() -> None:
    assert {one["RetentionInDays"] for one in STACK.kind("AWS::Logs::LogGroup").values()} == {365}


def test_somebody_is_told_when_stanch_gives_up_lags_or_stands_still() -> None:
    alarms = STACK.kind("AWS::CloudWatch::Alarm")
    assert set(alarms) == {
        "DeadLetterAlarm", "WaitingAlarm", "ClockAlarm", "ApprovalsAlarm", "EndsAlarm", "UntoldAlarm",
    }  # fmt: skip
    assert all(one["AlarmActions"][0].endswith(":Topic") for one in alarms.values())


FILTERS = STACK.kind("AWS::Logs::MetricFilter")


def test_an_alarm_counts_in_each_log_the_runs_that_somebody_has_to_look_at_and_what_the_topic_was_not_told() -> None:
    counted: dict[str, set[str]] = {}
    for one in FILTERS.values():
        (into,) = one["MetricTransformations"]
        assert (into["MetricNamespace"], into["MetricValue"]) == ("Stanch/stanch", "1")
        counted.setdefault(into["MetricName"], set()).add(one["LogGroupName"])
    # the approvals function tells nobody
    publishing = {"EventsLog", "ExecuteLog", "ClockLog"}
    assert counted == {"NeedsSomebody": {*publishing, "ApprovalsLog"}, "Untold": publishing}
    seen = {one["MetricName"] for one in STACK.kind("AWS::CloudWatch::Alarm").values() if "MetricName" in one}
    assert set(counted) <= seen


def test_what_the_filters_look_for_is_what_the_functions_write(caplog: pytest.LogCaptureFixture) -> None:
    """A quoted term of a filter is found in a line that has these very characters."""
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    failed = Report(
        run_id="run-1", status=Status.FAILED, reason="", mode=Mode.OBSERVE, sandbox=False, event_digest="",
        started_at=now, ended_at=now,
    )  # fmt: skip
    sandbox = Sandbox.fresh(0, now)
    aws = Aws(
        clients=sandbox.clients(), account=TOOLING, region=REGION, partition="aws", phase=Phase.TELL, declared=OUTBOX
    )
    nowhere = f"arn:aws:sns:{REGION}:{TOOLING}:nowhere"
    note([failed])
    ended = caplog.text
    caplog.clear()
    assert not end_teller(aws, nowhere)([failed], 0)
    card = Card(id="card-1", control="S3.8", owner="", asks=[], at=now)
    assert not card_teller(aws, nowhere, "", None)(card, 0)
    lines = {"NeedsSomebody": [ended], "Untold": caplog.text.splitlines()}
    assert len(lines["Untold"]) == 2
    for one in FILTERS.values():
        for line in lines[one["MetricTransformations"][0]["MetricName"]]:
            assert one["FilterPattern"].strip('"') in line


def test_the_functions_log_how_every_run_ended_unless_somebody_chooses_less() -> None:
    assert {one["Environment"]["Variables"]["STANCH_LOG_LEVEL"] for one in FUNCTIONS.values()} == {"INFO"}


def test_every_variable_of_the_functions_is_one_that_stanch_reads() -> None:
    known = {f"STANCH_{name.upper()}" for name in Configuration.model_fields}
    given = {
        name for one in FUNCTIONS.values() for name in one["Environment"]["Variables"] if name.startswith("STANCH_")
    }
    assert given - known == set()
    assert {"STANCH_MODE", "STANCH_MODEL", "STANCH_REGISTRY_TABLE", "STANCH_ROLE_NAME", "STANCH_EXTERNAL_ID"} <= given


def test_every_function_reads_one_registry_the_table_that_is_named_or_the_package_s_file() -> None:
    def told(stack: Stack) -> set[tuple[str | None, str | None]]:
        given = [one["Environment"]["Variables"] for one in stack.kind("AWS::Lambda::Function").values()]
        return {(one.get("STANCH_REGISTRY"), one.get("STANCH_REGISTRY_TABLE")) for one in given}

    table = CHOSEN["template"]["RegistryTable"]
    assert told(STACK) == {(None, table)}
    assert told(stack("template", RegistryTable="")) == {("/var/task/registry.yaml", None)}


def test_only_the_events_function_is_told_of_a_model() -> None:
    assert [key for key, one in FUNCTIONS.items() if "STANCH_MODEL" in one["Environment"]["Variables"]] == ["Events"]


@pytest.mark.parametrize(("name", "declared"), [("LedgerTable", "LEDGER"), ("CheckpointsTable", "CHECKPOINTS")])
def test_a_table_has_the_keys_and_indexes_that_the_ledger_asks_for(name: str, declared: str) -> None:
    asked = tables.creation(getattr(tables, declared), "any")
    made = STACK.resources[name]["Properties"]
    assert {key: made[key] for key in asked if key != "TableName"} == {
        k: v for k, v in asked.items() if k != "TableName"
    }
