"""A finding is read again from the service that keeps it, and parses to the same finding as the event did."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.event import Event
from agent.finding import Finding, Origin
from agent.intake import parse
from tools.aws import Aws, Phase
from tools.reread import CALLS, READERS, is_same, reread
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ACCOUNT, REGION = "111122223333", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DETECTOR, ID = "a" * 32, "b" * 32
TIME = "2026-03-01T11:30:00.000Z"

GUARDDUTY: dict[str, Any] = {
    "source": "aws.guardduty",
    "detail-type": "GuardDuty Finding",
    "detail": {
        "schemaVersion": "2.0",
        "accountId": ACCOUNT,
        "region": REGION,
        "id": ID,
        "arn": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/{DETECTOR}/finding/{ID}",
        "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {"accessKeyId": "AKIAALICEEXAMPLE0001", "userName": "alice", "userType": "IAMUser"},
        },
        "service": {
            "eventFirstSeen": TIME,
            "eventLastSeen": TIME,
            "detectorId": DETECTOR,
            "action": {"awsApiCallAction": {"remoteIpDetails": {"ipAddressV4": "198.51.100.7"}}},
        },
        "severity": 8,
        "createdAt": TIME,
        "updatedAt": TIME,
        "title": "t",
        "description": "d",
    },
}
HUB: dict[str, Any] = {
    "source": "aws.securityhub",
    "detail-type": "Security Hub Findings - Imported",
    "detail": {
        "findings": [
            {
                "SchemaVersion": "2018-10-08",
                "Id": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/S3.8/finding/example",
                "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/securityhub",
                "GeneratorId": "security-control/S3.8",
                "AwsAccountId": ACCOUNT,
                "Region": REGION,
                "Types": ["Software and Configuration Checks"],
                "CreatedAt": TIME,
                "UpdatedAt": TIME,
                "Severity": {"Label": "HIGH", "Normalized": 70},
                "Title": "t",
                "Description": "d",
                "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::orders-data", "Region": REGION}],
                "Compliance": {"Status": "FAILED", "SecurityControlId": "S3.8"},
                "Workflow": {"Status": "NEW"},
                "RecordState": "ACTIVE",
            }
        ]
    },
}
MACIE: dict[str, Any] = {
    "source": "aws.macie",
    "detail-type": "Macie Finding",
    "detail": {
        "schemaVersion": "1.0",
        "id": "c" * 32,
        "accountId": ACCOUNT,
        "partition": "aws",
        "region": REGION,
        "type": "Policy:IAMUser/S3BucketPublic",
        "category": "POLICY",
        "title": "t",
        "description": "d",
        "severity": {"score": 3, "description": "High"},
        "createdAt": TIME,
        "updatedAt": TIME,
        "count": 1,
        "archived": False,
        "sample": False,
        "resourcesAffected": {"s3Bucket": {"arn": "arn:aws:s3:::orders-data", "name": "orders-data"}},
    },
}
OCSF: dict[str, Any] = {
    "source": "aws.securityhub",
    "detail-type": "Findings Imported V2",
    "detail": {
        "findings": [
            {
                "activity_id": 1,
                "class_uid": 2003,
                "cloud": {"account": {"uid": ACCOUNT}, "provider": "AWS", "region": REGION},
                "compliance": {"control": "S3.8", "status": "Fail"},
                "finding_info": {
                    "uid": f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/S3.8/finding/example",
                    "created_time": 1772364600000,
                    "modified_time": 1772364600000,
                    "title": "t",
                    "desc": "d",
                    "types": ["Posture Management"],
                },
                "metadata": {
                    "product": {"name": "Security Hub", "uid": f"arn:aws:securityhub:{REGION}::productv2/aws/securityhub"},
                    "uid": "5e" * 32,
                },
                "resources": [{"type": "AWS::S3::Bucket", "uid": "arn:aws:s3:::orders-data", "region": REGION}],
                "severity_id": 4,
                "status_id": 1,
                "vendor_attributes": {"severity_id": 4},
            }
        ]
    },
}  # fmt: skip
EVENTS = [
    pytest.param(GUARDDUTY, "guardduty:GetFindings", id="guardduty"),
    pytest.param(HUB, "securityhub:GetFindings", id="securityhub"),
    pytest.param(OCSF, "securityhub:GetFindingsV2", id="securityhub_v2"),
    pytest.param(MACIE, "macie2:GetFindings", id="macie"),
]


def parsed(body: Any) -> Finding:
    (found,) = parse(Event(body=body, received_at=NOW, via="cli")).findings
    assert isinstance(found, Finding), found
    return found


def opened(event: dict[str, Any] | None, **world: Any) -> tuple[Sandbox, Aws]:
    made = World.model_validate({"now": NOW, "account": ACCOUNT, "region": REGION, "macie": {"enabled": True}, **world})
    sandbox = Sandbox.fresh(3, NOW)
    seed(sandbox, made, event)
    return sandbox, Aws(sandbox.clients(), ACCOUNT, REGION, "aws", Phase.READ, CALLS)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize(("event", "call"), EVENTS)
def test_what_the_service_answers_parses_to_the_finding_that_the_event_was(event: dict[str, Any], call: str) -> None:
    _, aws = opened(event)
    again = reread(aws, parsed(event))
    assert again.outcome == "known"
    assert parsed(again.body) == parsed(event)
    assert aws.tally.by_phase == {"read": {call: 1}}


@pytest.mark.parametrize(("event", "call"), EVENTS)
def test_a_finding_that_its_service_does_not_know_is_absent(event: dict[str, Any], call: str) -> None:
    other = parsed(event)
    changed = other.model_copy(update={"key": other.key.replace(ID, "d" * 32).replace("c" * 32, "d" * 32)})
    if other.hub_id is not None:
        changed = other.model_copy(update={"hub_id": f"{other.hub_id}x"})
    again = reread(opened(event)[1], changed)
    assert again.outcome == "absent"
    assert ("enabled again" in again.doubt) is (event["source"] in ("aws.macie", "aws.securityhub"))


@pytest.mark.parametrize(("event", "call"), EVENTS)
@pytest.mark.parametrize("fault", [Fail("AccessDeniedException", 403), Fail("ThrottlingException"), Lost.READ_TIMEOUT])
def test_a_service_that_does_not_answer_makes_the_reading_failed(
    event: dict[str, Any], call: str, fault: Fail | Lost
) -> None:
    sandbox, aws = opened(event)
    sandbox.faults.before.append(fail_calls(call, fault, 99))
    again = reread(aws, parsed(event))
    assert (again.outcome, again.body) == ("failed", None)
    assert again.note == (fault.code if isinstance(fault, Fail) else "ReadTimeoutError")


def test_a_guardduty_finding_without_its_arn_is_read_through_the_regions_detector() -> None:
    bare = {**GUARDDUTY, "detail": {key: value for key, value in GUARDDUTY["detail"].items() if key != "arn"}}
    finding = parsed(bare)
    assert finding.key == f"guardduty:{ACCOUNT}:{REGION}:{ID}"
    _, aws = opened(GUARDDUTY)
    assert reread(aws, finding).outcome == "known"
    assert aws.tally.by_phase == {"read": {"guardduty:ListDetectors": 1, "guardduty:GetFindings": 1}}


def test_a_finding_under_a_detector_of_somebody_else_is_read_through_the_regions_own() -> None:
    finding = parsed(GUARDDUTY)
    elsewhere = finding.model_copy(update={"key": finding.key.replace(DETECTOR, "e" * 32)})
    again = reread(opened(GUARDDUTY)[1], elsewhere)
    assert is_same(elsewhere, parsed(again.body))


@pytest.mark.parametrize(
    ("same", "change"),
    [
        (True, {}),
        (True, {"key": f"guardduty:{ACCOUNT}:{REGION}:{ID}"}),
        (False, {"key": f"guardduty:{ACCOUNT}:{REGION}:{'c' * 32}"}),
        (False, {"key": f"guardduty:{ACCOUNT}:us-west-2:{ID}"}),
        (False, {"key": f"guardduty:444455556666:{REGION}:{ID}"}),
        (False, {"account": "444455556666"}),
        (False, {"key": f"macie:{ACCOUNT}:{REGION}:{ID}", "origin": Origin.MACIE}),
        (False, {"key": f"guardduty:{ACCOUNT}:{REGION}:{ID}", "origin": Origin.THIRD_PARTY}),
    ],
)
def test_a_finding_is_the_same_by_its_id_where_it_is_kept_and_by_its_key_anywhere_else(
    same: bool, change: dict[str, Any]
) -> None:
    finding = parsed(GUARDDUTY)
    assert is_same(finding, finding.model_copy(update=change)) is same


@pytest.mark.parametrize(("anew", "note"), [(False, "no_detector"), (True, "detector_gone")])
@pytest.mark.parametrize("arn", [True, False])
def test_a_finding_whose_detector_somebody_deleted_is_failed_and_not_absent(arn: bool, anew: bool, note: str) -> None:
    """Else whoever may delete a detector ends every finding in flight."""
    sandbox, aws = opened(GUARDDUTY)
    guardduty = sandbox.client("guardduty", ACCOUNT, REGION)
    guardduty.delete_detector(DetectorId=DETECTOR)
    if anew:
        guardduty.create_detector(Enable=True)
    finding = parsed(GUARDDUTY)
    finding = finding if arn else finding.model_copy(update={"key": f"guardduty:{ACCOUNT}:{REGION}:{ID}"})
    again = reread(aws, finding)
    assert (again.outcome, again.note) == (("absent", "") if anew and not arn else ("failed", note))


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"key": "x"}, "no_identifier"),
        ({"key": f"arn:aws:guardduty:{REGION}:444455556666:detector/{DETECTOR}/finding/{ID}"}, "no_identifier"),
        ({"key": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/../finding/{ID}"}, "no_identifier"),
        ({"origin": Origin.THIRD_PARTY}, "no_reader"),
        ({"origin": Origin.SECURITY_HUB}, "no_identifier"),
    ],
)
def test_a_finding_that_nobody_can_ask_for_is_failed_and_nothing_is_called(change: dict[str, Any], note: str) -> None:
    _, aws = opened(GUARDDUTY)
    again = reread(aws, parsed(GUARDDUTY).model_copy(update=change))
    assert (again.outcome, again.note) == ("failed", note)
    assert aws.tally.by_phase == {}


@pytest.mark.parametrize("origin", Origin)
def test_each_origin_is_read_again_or_the_limits_say_that_it_is_not(origin: Origin) -> None:
    limits = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")
    unread = limits.partition("\n## What is not read again\n")[2].partition("\n## ")[0]
    assert (origin in READERS) != (f"(`{origin}`)" in unread)


def test_what_a_person_wrote_into_security_hub_since_is_read() -> None:
    sandbox, aws = opened(HUB)
    identifier = {key: HUB["detail"]["findings"][0][key] for key in ("Id", "ProductArn")}
    sandbox.client("securityhub", ACCOUNT, REGION).batch_update_findings(
        FindingIdentifiers=[identifier], Workflow={"Status": "SUPPRESSED"}
    )
    assert parsed(reread(aws, parsed(HUB)).body).lifecycle.workflow == "suppressed"


TRAIL: dict[str, Any] = {
    "source": "aws.cloudtrail",
    "detail-type": "AWS API Call via CloudTrail",
    "detail": {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "accountId": ACCOUNT, "userName": "alice", "accessKeyId": "AKIAALICEEXAMPLE0001"},
        "eventTime": "2026-03-01T11:30:00Z",
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": "StopLogging",
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "requestParameters": {"name": "everything"},
        "eventID": "0b6d6a32-9a57-4a0c-8b6e-0000000000b1",
        "recipientAccountId": ACCOUNT,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "minutes", "outcome"), [(True, 30, "known"), (False, 30, "absent"), (False, 5, "not_yet")]
)
def test_a_cloudtrail_event_is_looked_up_by_its_id_and_a_young_one_may_still_come(
    kept: bool, minutes: int, outcome: str
) -> None:
    [finding] = parse(Event(body=TRAIL, received_at=NOW, via="direct")).findings
    assert isinstance(finding, Finding)
    world = World.model_validate(
        {"now": finding.last_seen + timedelta(minutes=minutes), "account": ACCOUNT, "region": REGION}
    )
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world, TRAIL if kept else None)
    aws = Aws(sandbox.clients(), ACCOUNT, REGION, "aws", Phase.READ, CALLS, sleep=lambda seconds: None, now=sandbox.now)
    again = reread(aws, finding)
    assert again.outcome == outcome
    if kept:
        [read] = parse(Event(body=again.body, received_at=NOW, via="direct")).findings
        assert read == finding
