"""What moto lacks, asked as our tools ask it: CloudTrail, Security Hub, GuardDuty, Macie."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine_scene import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, code_of, fresh

from tools.sandbox.engine import Sandbox
from tools.sandbox.services.cloudtrail import EventHistory
from tools.sandbox.services.guardduty import GuardDutyFindings
from tools.sandbox.services.macie2 import MacieState
from tools.sandbox.services.securityhub_v2 import HubV2State

KEY = "AKIAIOSFODNN7EXAMPLE"


def record(number: int, **changes: Any) -> dict[str, Any]:
    made = {
        "eventID": f"event-{number:04}",
        "eventName": "ListBuckets",
        "eventTime": (NOW - timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "s3.amazonaws.com",
        "readOnly": True,
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accessKeyId": KEY},
        "sourceIPAddress": "198.51.100.7",
    }
    return made | changes


def history(records: list[dict[str, Any]]) -> Any:
    sandbox = fresh()
    sandbox.shelf(EventHistory, ACCOUNT, REGION).records.extend(records)
    return sandbox.client("cloudtrail", ACCOUNT, REGION)


def by(key: str, value: str) -> list[dict[str, str]]:
    return [{"AttributeKey": key, "AttributeValue": value}]


def test_events_come_newest_first_in_pages_of_fifty() -> None:
    client = history([record(n) for n in range(120)])
    pages = list(client.get_paginator("lookup_events").paginate(LookupAttributes=by("AccessKeyId", KEY)))
    assert [len(page["Events"]) for page in pages] == [50, 50, 20]
    events = [event["EventId"] for page in pages for event in page["Events"]]
    assert events == [f"event-{n:04}" for n in range(120)]
    first = pages[0]["Events"][0]
    assert (first["Username"], first["ReadOnly"]) == ("alice", "true")
    assert json.loads(first["CloudTrailEvent"])["sourceIPAddress"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("attribute", "value", "found"),
    [
        ("EventName", "CreateAccessKey", ["event-0002"]),
        ("EventSource", "iam.amazonaws.com", ["event-0002"]),
        ("ReadOnly", "false", ["event-0002", "event-0003"]),
        ("Username", "session", ["event-0003"]),
        ("Username", "root", ["event-0004"]),
        ("ResourceName", "data", ["event-0003"]),
        ("ResourceName", "bob", ["event-0002"]),
        ("ResourceName", KEY, ["event-0002"]),
        ("ResourceType", "AWS::S3::Bucket", ["event-0003"]),
        ("EventId", "event-0001", ["event-0001"]),
        ("AccessKeyId", "AKIAI44QH8DHBEXAMPLE", []),
    ],
)
def test_events_are_found_by_each_attribute(attribute: str, value: str, found: list[str]) -> None:
    create = {"requestParameters": {"userName": "bob"}, "responseElements": {"accessKey": {"accessKeyId": KEY}}}
    role = {"type": "AssumedRole", "principalId": "AROAEXAMPLE:session"}
    client = history(
        [
            record(1),
            record(2, eventName="CreateAccessKey", eventSource="iam.amazonaws.com", readOnly=False, **create),
            record(3, readOnly=False, userIdentity=role, requestParameters={"bucketName": "data"}),
            record(4, userIdentity={"type": "Root"}),
        ]
    )
    events = client.lookup_events(LookupAttributes=by(attribute, value))["Events"]
    assert [event["EventId"] for event in events] == found


def test_events_are_bounded_by_time_by_ninety_days_and_by_region() -> None:
    client = history([record(5), record(90), record(91 * 24 * 60)])
    in_the_hour = client.lookup_events(StartTime=NOW - timedelta(hours=1), EndTime=NOW)["Events"]
    assert [event["EventId"] for event in in_the_hour] == ["event-0005"]
    assert len(client.lookup_events()["Events"]) == 2


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"LookupAttributes": by("EventName", "a") * 2}, "InvalidLookupAttributesException"),
        ({"StartTime": NOW, "EndTime": NOW - timedelta(days=1)}, "InvalidTimeRangeException"),
        ({"NextToken": "invented"}, "InvalidNextTokenException"),
    ],
)
def test_lookups_that_aws_refuses_are_refused(params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        history([record(1)]).lookup_events(**params)
    assert code_of(refused) == code


def test_a_page_token_serves_its_own_question_only() -> None:
    client = history([record(n) for n in range(60)])
    token = client.lookup_events(LookupAttributes=by("AccessKeyId", KEY))["NextToken"]
    with pytest.raises(client.exceptions.InvalidNextTokenException):
        client.lookup_events(LookupAttributes=by("Username", "alice"), NextToken=token)


PRODUCT = f"arn:aws:securityhub:{REGION}::product/aws/securityhub"


def asff(name: str, **changes: Any) -> dict[str, Any]:
    made = {
        "SchemaVersion": "2018-10-08", "Id": name, "ProductArn": PRODUCT, "GeneratorId": "g", "AwsAccountId": ACCOUNT,
        "Types": ["a"], "CreatedAt": "2026-11-20T10:00:00Z", "UpdatedAt": "2026-11-20T11:00:00Z", "Title": "t",
        "Description": "d", "Severity": {"Label": "HIGH"}, "RecordState": "ACTIVE", "Workflow": {"Status": "NEW"},
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::data"}],
    }  # fmt: skip
    return made | changes


def hub(*findings: dict[str, Any]) -> Any:
    client = fresh().client("securityhub", ACCOUNT, REGION)
    client.enable_security_hub()
    assert client.batch_import_findings(Findings=list(findings))["FailedCount"] == 0
    return client


def equal(value: str) -> list[dict[str, str]]:
    return [{"Value": value, "Comparison": "EQUALS"}]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"Id": equal("one")}, ["one"]),
        ({"Id": equal("one") + equal("two")}, ["one", "two"]),
        ({"Id": [{"Value": "t", "Comparison": "PREFIX"}]}, ["two", "three"]),
        ({"ProductArn": equal(PRODUCT), "RecordState": equal("ARCHIVED")}, ["two"]),
        ({"WorkflowStatus": equal("NEW")}, ["one", "two"]),
        ({"AwsAccountId": equal(OTHER_ACCOUNT)}, []),
        ({"WorkflowStatus": [{"Value": "NEW", "Comparison": "NOT_EQUALS"}]}, ["three"]),
        ({"ResourceId": equal("arn:aws:s3:::data")}, ["one", "two", "three"]),
    ],
)
def test_findings_are_filtered(filters: dict[str, Any], found: list[str]) -> None:
    client = hub(asff("one"), asff("two", RecordState="ARCHIVED"), asff("three", Workflow={"Status": "NOTIFIED"}))
    assert [one["Id"] for one in client.get_findings(Filters=filters)["Findings"]] == found


def test_findings_come_in_pages() -> None:
    client = hub(*(asff(f"f{n}") for n in range(5)))
    pages = client.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["Findings"]) for page in pages] == [2, 2, 1]


def test_an_update_replaces_note_and_fields_and_leaves_updated_at() -> None:
    client = hub(asff("one", Note={"Text": "human", "UpdatedBy": "ann", "UpdatedAt": "2026-11-20T10:00:00Z"}))
    answer = client.batch_update_findings(
        FindingIdentifiers=[{"Id": "one", "ProductArn": PRODUCT}, {"Id": "none", "ProductArn": PRODUCT}],
        Note={"Text": "contained", "UpdatedBy": "stanch"}, Workflow={"Status": "NOTIFIED"}, UserDefinedFields={"run": "r1"},
    )  # fmt: skip
    assert answer["ProcessedFindings"] == [{"Id": "one", "ProductArn": PRODUCT}]
    assert [one["ErrorCode"] for one in answer["UnprocessedFindings"]] == ["FindingNotFound"]
    read = client.get_findings(Filters={"Id": equal("one")})["Findings"][0]
    assert read["Note"] == {"Text": "contained", "UpdatedBy": "stanch", "UpdatedAt": "2026-11-20T12:00:00.000Z"}
    assert (read["Workflow"], read["UserDefinedFields"]) == ({"Status": "NOTIFIED"}, {"run": "r1"})
    assert read["UpdatedAt"] == "2026-11-20T11:00:00Z"


def newer_hub() -> tuple[Any, dict[str, Any]]:
    """The newer Security Hub with one finding, and that finding's three names."""
    sandbox = fresh()
    product = f"arn:aws:securityhub:{REGION}::productv2/aws/securityhub"
    kept = {
        "cloud": {"account": {"uid": ACCOUNT}}, "finding_info": {"uid": "one", "modified_time": 5},
        "metadata": {"uid": "m1", "product": {"uid": product}}, "status_id": 1, "status": "New", "comment": "human",
    }  # fmt: skip
    state = sandbox.shelf(HubV2State, ACCOUNT, REGION)
    state.enabled, state.findings = True, [kept]
    name = {"CloudAccountUid": ACCOUNT, "FindingInfoUid": "one", "MetadataProductUid": product}
    return sandbox.client("securityhub", ACCOUNT, REGION), name


def test_an_update_of_the_newer_hub_replaces_comment_and_status_and_says_what_it_did_not_find() -> None:
    client, name = newer_hub()
    other = {**name, "FindingInfoUid": "none"}
    answer = client.batch_update_findings_v2(FindingIdentifiers=[name, other], Comment="contained", StatusId=2)
    assert [one["FindingIdentifier"] for one in answer["ProcessedFindings"]] == [name]
    (left,) = answer["UnprocessedFindings"]
    assert (left["FindingIdentifier"], left["ErrorCode"]) == (other, "ResourceNotFoundException")
    client.batch_update_findings_v2(MetadataUids=["m1"], SeverityId=2)
    (read,) = client.get_findings_v2()["Findings"]
    assert (read["comment"], read["status_id"], read["status"]) == ("contained", 2, "In Progress")
    assert (read["severity_id"], read["finding_info"]["modified_time"]) == (2, 5)


@pytest.mark.parametrize(
    "asked",
    [{"Comment": "x" * 513}, {"Comment": " "}, {"StatusId": 7}, {"SeverityId": 7}, {"MetadataUids": ["m1"]}],
    ids=lambda asked: next(iter(asked)),
)
def test_an_update_that_the_newer_hub_does_not_take_is_refused(asked: dict[str, Any]) -> None:
    client, name = newer_hub()
    with pytest.raises(client.exceptions.ValidationException):
        client.batch_update_findings_v2(FindingIdentifiers=[name], **asked)


def test_security_hub_that_is_off_says_so() -> None:
    with pytest.raises(ClientError) as refused:
        fresh().client("securityhub", ACCOUNT, REGION).get_findings()
    assert code_of(refused) == "InvalidAccessException"


def test_guardduty_lists_reads_and_archives_findings() -> None:
    sandbox = fresh()
    client = sandbox.client("guardduty", ACCOUNT, REGION)
    detector = client.create_detector(Enable=True)["DetectorId"]
    kept = sandbox.shelf(GuardDutyFindings, ACCOUNT, REGION).findings
    for n in range(60):
        kept.append(
            {"Id": f"{n:032x}", "Type": "Recon:IAMUser/X", "Severity": float(n % 9), "Service": {"Archived": False}}
        )
    pages = list(client.get_paginator("list_findings").paginate(DetectorId=detector))
    assert [len(page["FindingIds"]) for page in pages] == [50, 10]
    client.archive_findings(DetectorId=detector, FindingIds=[f"{8:032x}"])
    severe = {"Criterion": {"severity": {"Gte": 8}, "service.archived": {"Eq": ["false"]}}}
    found = client.list_findings(DetectorId=detector, FindingCriteria=severe)["FindingIds"]
    assert f"{8:032x}" not in found
    assert len(found) == 5
    read = client.get_findings(DetectorId=detector, FindingIds=[f"{8:032x}", "unknown"])["Findings"]
    assert [one["Service"]["Archived"] for one in read] == [True]
    with pytest.raises(client.exceptions.BadRequestException):
        client.list_findings(DetectorId="another")


def macie(sandbox: Sandbox) -> Any:
    client = sandbox.client("macie2", ACCOUNT, REGION)
    client.enable_macie()
    state = sandbox.shelf(MacieState, ACCOUNT, REGION)
    for n in range(60):
        state.findings.append({
            "id": f"{n}", "type": "SensitiveData:S3Object/Personal", "archived": n == 0, "createdAt": "2026-11-20T10:00:00Z",
            "resourcesAffected": {"s3Bucket": {"name": "data" if n < 55 else "other"}},
        })  # fmt: skip
    for name, score in (("data", 90), ("other", 1)):
        state.buckets.append({
            "bucketName": name, "bucketArn": f"arn:aws:s3:::{name}", "sensitivityScore": score,
            "publicAccess": {"effectivePermission": "PUBLIC"},
        })  # fmt: skip
    return client


def test_macie_findings_of_a_bucket_are_listed_in_pages_and_read() -> None:
    client = macie(fresh())
    criterion = {"resourcesAffected.s3Bucket.name": {"eq": ["data"]}, "archived": {"eq": ["false"]}}
    pages = client.get_paginator("list_findings").paginate(findingCriteria={"criterion": criterion})
    ids = [page["findingIds"] for page in pages]
    assert [len(page) for page in ids] == [50, 4]
    read = client.get_findings(findingIds=ids[1])["findings"]
    assert {one["resourcesAffected"]["s3Bucket"]["name"] for one in read} == {"data"}
    assert read[0]["createdAt"] == NOW - timedelta(hours=2)


def test_macie_knows_a_buckets_publicness_and_score() -> None:
    client = macie(fresh())
    bucket = client.describe_buckets(criteria={"bucketName": {"eq": ["data"]}})["buckets"]
    assert [(one["sensitivityScore"], one["publicAccess"]["effectivePermission"]) for one in bucket] == [(90, "PUBLIC")]
    assert client.get_resource_profile(resourceArn="arn:aws:s3:::data")["sensitivityScore"] == 90
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_resource_profile(resourceArn="arn:aws:s3:::none")
    pages = client.get_paginator("describe_buckets").paginate(PaginationConfig={"PageSize": 1})
    assert [page["buckets"][0]["bucketName"] for page in pages] == ["data", "other"]


@pytest.mark.parametrize("operation", ["get_macie_session", "list_findings", "describe_buckets"])
def test_macie_that_is_off_denies_access(operation: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(fresh().client("macie2", ACCOUNT, REGION), operation)()
    assert code_of(refused) == "AccessDeniedException"
