"""A seeded sandbox answers, over the public API, what the world says."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import add, secret_for, seed
from tools.sandbox.world import World

EVENTS = Path(__file__).parents[2] / "data" / "events"
ACCOUNT = "111122223333"
ACTIVE, SIBLING, INACTIVE = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "AKIAI55RJ9EICEXAMPLE"
BUCKET = "reports-111122223333"
WORLD = f"""
now: 2026-03-01T12:00:00Z
account: {ACCOUNT}
iam:
  users:
    - name: ann
      created: -400d
      keys:
        - {{id: {ACTIVE}, created: -90d, last_used: {{at: -30m, service: s3, region: eu-west-1}}}}
        - {{id: {INACTIVE}, status: Inactive}}
      policies: {{own: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}}]}}}}
      managed: [ReadOnlyAccess]
      groups: [readers]
      console_password: true
      mfa: true
      tags: {{team: reports}}
    - {{name: bob, keys: [{{id: {SIBLING}}}], groups: [admins]}}
  groups: [{{name: admins, managed: [AdministratorAccess]}}]
  roles: [{{name: pipeline, policies: {{own: {{Version: "2012-10-17", Statement: []}}}}, tags: {{team: build}}}}]
s3:
  buckets:
    - name: {BUCKET}
      policy: public_read
      tags: {{team: reports}}
      objects: [{{key: a.txt, body: hello}}]
      log_target: logs-of-this-account
    - {{name: by-acl-here, acl: public-read, objects: [{{key: a.txt, acl: public-read}}, {{key: b.txt}}], region: eu-west-1}}
    - {{name: public-site-here, policy: public_read, website: true, objects: [{{key: index.html}}]}}
    - {{name: logs-of-this-account, ownership: BucketOwnerEnforced, block: {{acls: true, ignore_acls: true, policy: true, restrict: true}}}}
cloudtrail:
  events:
    - {{at: -25m, name: ListUsers, key: {ACTIVE}, user: ann, address: 198.51.100.7, count: 70, error: AccessDenied}}
    - {{at: -20m, name: CreateAccessKey, key: {ACTIVE}, user: ann, resources: [bob], response: {{accessKey: {{accessKeyId: {SIBLING}}}}}}}
    - at: -10m
      name: PutBucketPolicy
      source: s3
      role: pipeline
      user: build-7
      resources: [{BUCKET}]
      region: eu-west-1
      raw: {{userAgent: terraform}}
flow_logs:
  - group: /vpc/flow
    vpc: vpc-0abc1234567890abc
    interface: eni-0abc1234567890abc
    records:
      - {{at: -10m, src: 198.51.100.7, dst: 10.0.0.5, dstport: 22, action: REJECT, count: 3}}
      - {{at: -5m, src: 10.0.0.5, dst: 198.51.100.7, srcport: 40000, protocol: udp, packets: 4, bytes: 5000}}
macie:
  findings: [{{bucket: {BUCKET}, object: people.csv}}]
  buckets: [{{name: {BUCKET}, sensitivity_score: 87, public: PUBLIC}}]
guardduty:
  findings:
    - {{user: ann, key: {ACTIVE}}}
    - {{type: Policy:S3/BucketAnonymousAccessGranted, bucket: {BUCKET}, sample: true, region: eu-west-1}}
securityhub: {{findings: [{{control: S3.2, bucket: {BUCKET}, workflow: NOTIFIED, raw: {{Title: Told}}}}]}}
accounts:
  - account: 444455556666
    region: eu-west-1
    s3: {{buckets: [{{name: theirs-here, objects: [{{key: k}}]}}], account_block: {{restrict: true}}}}
"""


@pytest.fixture
def sandbox() -> Sandbox:
    return seeded(World.parse(WORLD))


def seeded(world: World, event: Any = None) -> Sandbox:
    made = Sandbox.fresh(7, world.now)
    seed(made, world, event)
    return made


def admin(sandbox: Sandbox, service: str, region: str = "us-east-1", account: str = ACCOUNT) -> Any:
    return sandbox.clients().client(service, account, region)


def as_key(sandbox: Sandbox, service: str, key: str) -> Any:
    return sandbox.client(service, "us-east-1", access_key=key, secret=secret_for(key))


def refusal(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_a_seeded_key_can_call_and_is_refused_once_inactive_while_a_sibling_goes_on(sandbox: Sandbox) -> None:
    sts = as_key(sandbox, "sts", ACTIVE)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    admin(sandbox, "iam").update_access_key(UserName="ann", AccessKeyId=ACTIVE, Status="Inactive")
    assert refusal(sts.get_caller_identity) == "InvalidClientTokenId"
    assert as_key(sandbox, "sts", SIBLING).get_caller_identity()["Arn"].endswith(":user/bob")


def test_a_key_that_the_world_has_inactive_is_refused_from_the_start(sandbox: Sandbox) -> None:
    assert refusal(as_key(sandbox, "sts", INACTIVE).get_caller_identity) == "InvalidClientTokenId"


def test_policies_of_the_user_and_of_groups_decide_what_a_key_may_do(sandbox: Sandbox) -> None:
    assert as_key(sandbox, "s3", ACTIVE).list_buckets()["Buckets"]
    assert refusal(as_key(sandbox, "iam", ACTIVE).create_user, UserName="eve") == "AccessDenied"
    assert as_key(sandbox, "iam", SIBLING).create_user(UserName="eve")["User"]["UserName"] == "eve"


def test_iam_answers_the_keys_dates_and_last_use_that_the_world_says(sandbox: Sandbox) -> None:
    iam = admin(sandbox, "iam")
    keys = {key["AccessKeyId"]: key for key in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]}
    assert {key: entry["Status"] for key, entry in keys.items()} == {ACTIVE: "Active", INACTIVE: "Inactive"}
    assert (sandbox.now() - keys[ACTIVE]["CreateDate"]).days == 90
    used = iam.get_access_key_last_used(AccessKeyId=ACTIVE)
    assert used["UserName"] == "ann"
    assert (sandbox.now() - used["AccessKeyLastUsed"]["LastUsedDate"]).total_seconds() == 1800
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("s3", "eu-west-1")
    assert "LastUsedDate" not in iam.get_access_key_last_used(AccessKeyId=SIBLING)["AccessKeyLastUsed"]


def test_iam_answers_the_rest_of_a_user_that_the_world_says(sandbox: Sandbox) -> None:
    iam = admin(sandbox, "iam")
    user = iam.get_user(UserName="ann")["User"]
    assert (sandbox.now() - user["CreateDate"]).days == 400
    assert user["UserId"].startswith("AIDA")
    assert iam.list_user_tags(UserName="ann")["Tags"] == [{"Key": "team", "Value": "reports"}]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["readers"]
    assert iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"][0]["PolicyName"] == "ReadOnlyAccess"
    assert iam.list_user_policies(UserName="ann")["PolicyNames"] == ["own"]
    assert len(iam.list_mfa_devices(UserName="ann")["MFADevices"]) == 1
    assert iam.get_login_profile(UserName="ann")["LoginProfile"]["UserName"] == "ann"
    assert refusal(iam.get_login_profile, UserName="bob") == "NoSuchEntity"
    assert iam.get_role(RoleName="pipeline")["Role"]["Tags"] == [{"Key": "team", "Value": "build"}]
    assert iam.list_role_policies(RoleName="pipeline")["PolicyNames"] == ["own"]


def test_a_stranger_gets_a_public_object_until_public_access_is_blocked(sandbox: Sandbox) -> None:
    assert sandbox.anonymous_get(BUCKET, "a.txt") == 200
    flags = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    admin(sandbox, "s3").put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=flags)
    assert sandbox.anonymous_get(BUCKET, "a.txt") == 403
    assert sandbox.anonymous_get("public-site-here", "index.html") == 200
    admin(sandbox, "s3").delete_public_access_block(Bucket=BUCKET)
    assert sandbox.anonymous_get(BUCKET, "a.txt") == 200


def test_an_object_that_is_public_by_its_acl_alone_is_blocked_too(sandbox: Sandbox) -> None:
    assert [sandbox.anonymous_get("by-acl-here", key) for key in ("a.txt", "b.txt")] == [200, 403]
    block = {
        "BlockPublicAcls": False,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    admin(sandbox, "s3", "eu-west-1").put_public_access_block(
        Bucket="by-acl-here", PublicAccessBlockConfiguration=block
    )
    assert sandbox.anonymous_get("by-acl-here", "a.txt") == 403


def test_s3_answers_each_buckets_settings_and_nothing_where_the_world_says_nothing(sandbox: Sandbox) -> None:
    s3 = admin(sandbox, "s3")
    assert refusal(s3.get_public_access_block, Bucket=BUCKET) == "NoSuchPublicAccessBlockConfiguration"
    assert refusal(s3.get_bucket_website, Bucket=BUCKET) == "NoSuchWebsiteConfiguration"
    assert refusal(s3.get_bucket_policy, Bucket="by-acl-here") == "NoSuchBucketPolicy"
    logs = s3.get_public_access_block(Bucket="logs-of-this-account")["PublicAccessBlockConfiguration"]
    assert all(
        logs[flag] for flag in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    )
    assert s3.get_bucket_website(Bucket="public-site-here")["IndexDocument"] == {"Suffix": "index.html"}
    assert s3.get_bucket_logging(Bucket=BUCKET)["LoggingEnabled"]["TargetBucket"] == "logs-of-this-account"
    assert s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == [{"Key": "team", "Value": "reports"}]
    assert s3.get_bucket_location(Bucket="by-acl-here")["LocationConstraint"] == "eu-west-1"


def test_an_account_has_its_own_block_and_another_account_its_own_buckets(sandbox: Sandbox) -> None:
    absent = refusal(admin(sandbox, "s3control").get_public_access_block, AccountId=ACCOUNT)
    assert absent == "NoSuchPublicAccessBlockConfiguration"
    other = admin(sandbox, "s3control", "eu-west-1", "444455556666").get_public_access_block(AccountId="444455556666")
    assert other["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] is True
    names = [bucket["Name"] for bucket in admin(sandbox, "s3", "eu-west-1", "444455556666").list_buckets()["Buckets"]]
    assert names == ["theirs-here"]


def looked_up(sandbox: Sandbox, region: str, **attribute: str) -> list[dict[str, Any]]:
    asked = [{"AttributeKey": key, "AttributeValue": value} for key, value in attribute.items()]
    pages = admin(sandbox, "cloudtrail", region).get_paginator("lookup_events").paginate(LookupAttributes=asked)
    return [event for page in pages for event in page["Events"]]


def test_lookup_events_answers_the_worlds_events_by_key_over_several_pages(sandbox: Sandbox) -> None:
    events = looked_up(sandbox, "us-east-1", AccessKeyId=ACTIVE)
    assert [event["EventName"] for event in events] == ["CreateAccessKey", *["ListUsers"] * 70]
    record = json.loads(events[1]["CloudTrailEvent"])
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    assert (record["sourceIPAddress"], record["errorCode"], record["readOnly"]) == (
        "198.51.100.7",
        "AccessDenied",
        True,
    )
    assert len({event["EventId"] for event in events}) == 71
    assert json.loads(events[0]["CloudTrailEvent"])["requestParameters"] == {"userName": "bob"}


def test_lookup_events_answers_a_buckets_events_in_its_region_only(sandbox: Sandbox) -> None:
    assert looked_up(sandbox, "us-east-1", ResourceName=BUCKET) == []
    (event,) = looked_up(sandbox, "eu-west-1", ResourceName=BUCKET)
    record = json.loads(event["CloudTrailEvent"])
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "pipeline"
    assert (event["Username"], record["userAgent"]) == ("build-7", "terraform")


def test_describe_flow_logs_names_the_group_and_insights_reads_its_lines(sandbox: Sandbox) -> None:
    (flow_log,) = admin(sandbox, "ec2").describe_flow_logs()["FlowLogs"]
    assert (flow_log["LogGroupName"], flow_log["ResourceId"]) == ("/vpc/flow", "vpc-0abc1234567890abc")
    logs, now = admin(sandbox, "logs"), int(sandbox.now().timestamp())
    query = 'fields @message | filter @message like "198.51.100.7" | sort @timestamp asc | limit 100'
    started = logs.start_query(logGroupName="/vpc/flow", startTime=now - 3600, endTime=now, queryString=query)
    while (answer := logs.get_query_results(queryId=started["queryId"]))["status"] != "Complete":
        pass
    lines = [field["value"] for row in answer["results"] for field in row if field["field"] == "@message"]
    assert len(lines) == 4
    end = now - 300
    assert (
        lines[-1]
        == f"2 {ACCOUNT} eni-0abc1234567890abc 10.0.0.5 198.51.100.7 40000 443 17 4 5000 {end - 60} {end} ACCEPT OK"
    )
    assert [line.split()[12] for line in lines[:3]] == ["REJECT"] * 3


def test_macie_answers_the_worlds_findings_and_buckets(sandbox: Sandbox) -> None:
    macie = admin(sandbox, "macie2")
    (finding,) = macie.get_findings(findingIds=macie.list_findings()["findingIds"])["findings"]
    assert finding["resourcesAffected"]["s3Object"]["path"] == f"{BUCKET}/people.csv"
    (bucket,) = macie.describe_buckets()["buckets"]
    assert (bucket["bucketName"], bucket["sensitivityScore"]) == (BUCKET, 87)
    assert bucket["publicAccess"]["effectivePermission"] == "PUBLIC"


def test_macie_is_off_in_a_world_that_does_not_say_it_is_on() -> None:
    quiet = seeded(World.parse(f"now: 2026-03-01T12:00:00Z\naccount: {ACCOUNT}"))
    assert refusal(admin(quiet, "macie2").get_macie_session) == "AccessDeniedException"


def test_guardduty_answers_each_regions_findings(sandbox: Sandbox) -> None:
    def findings(region: str) -> list[Any]:
        guardduty = admin(sandbox, "guardduty", region)
        (detector,) = guardduty.list_detectors()["DetectorIds"]
        ids = guardduty.list_findings(DetectorId=detector)["FindingIds"]
        return list(guardduty.get_findings(DetectorId=detector, FindingIds=ids)["Findings"])

    (of_user,), (of_bucket,) = findings("us-east-1"), findings("eu-west-1")
    assert of_user["Resource"]["AccessKeyDetails"]["AccessKeyId"] == ACTIVE
    assert of_bucket["Resource"]["S3BucketDetails"][0]["Name"] == BUCKET
    assert json.loads(of_bucket["Service"]["AdditionalInfo"]["Value"]) == {"sample": True}


def test_security_hub_answers_the_worlds_findings_and_takes_updates(sandbox: Sandbox) -> None:
    hub = admin(sandbox, "securityhub")
    (finding,) = hub.get_findings()["Findings"]
    assert finding["Resources"][0]["Id"] == f"arn:aws:s3:::{BUCKET}"
    assert (finding["Workflow"]["Status"], finding["Title"]) == ("NOTIFIED", "Told")
    named = {"Id": finding["Id"], "ProductArn": finding["ProductArn"]}
    answer = hub.batch_update_findings(FindingIdentifiers=[named], Workflow={"Status": "RESOLVED"})
    assert answer["ProcessedFindings"] == [named]


GUARDDUTY_EVENT: dict[str, Any] = {
    "source": "aws.guardduty",
    "account": ACCOUNT,
    "region": "eu-west-1",
    "detail": {
        "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "accountId": ACCOUNT,
        "region": "eu-west-1",
        "type": "UnauthorizedAccess:IAMUser/TorIPCaller",
        "severity": 8,
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {"accessKeyId": ACTIVE, "userName": "ann", "userType": "IAMUser"},
        },
        "service": {
            "detectorId": "12abc34d567e8fa901bc2d34e56789f0",
            "count": 3,
            "additionalInfo": {"threatListName": "T"},
        },
    },
}
HUB_EVENT: dict[str, Any] = {
    "detail": {"findings": [{
        "SchemaVersion": "2018-10-08", "Id": "finding-1", "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub",
        "AwsAccountId": ACCOUNT, "Region": "us-east-1", "Confidence": "7", "Workflow": {"Status": "NEW"}, "Odd": 1,
    }]},
}  # fmt: skip
MACIE_EVENT: dict[str, Any] = {
    "source": "aws.macie", "account": ACCOUNT, "region": "us-east-1",
    "detail": {"id": "m-1", "type": "Policy:IAMUser/S3BucketPublic", "category": "POLICY", "createdAt": "2026-03-01T11:00:00Z"},
}  # fmt: skip
QUIET = f"now: 2026-03-01T12:00:00Z\naccount: {ACCOUNT}\n"


def test_the_events_own_guardduty_finding_can_be_read_again_under_its_detector() -> None:
    guardduty = admin(seeded(World.parse(QUIET), GUARDDUTY_EVENT), "guardduty", "eu-west-1")
    detail: Any = GUARDDUTY_EVENT["detail"]
    detector = detail["service"]["detectorId"]
    assert guardduty.list_detectors()["DetectorIds"] == [detector]
    (finding,) = guardduty.get_findings(DetectorId=detector, FindingIds=[detail["id"]])["Findings"]
    assert finding["Resource"]["AccessKeyDetails"]["UserName"] == "ann"
    assert finding["Service"]["Count"] == 3
    assert json.loads(finding["Service"]["AdditionalInfo"]["Value"]) == {"threatListName": "T"}


def test_the_events_own_security_hub_finding_can_be_read_again_and_the_event_is_not_changed_with_it() -> None:
    before = json.dumps(HUB_EVENT)
    hub = admin(seeded(World.parse(QUIET), HUB_EVENT), "securityhub")
    named = {"Id": "finding-1", "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub"}
    (finding,) = hub.get_findings(Filters={"Id": [{"Value": "finding-1", "Comparison": "EQUALS"}]})["Findings"]
    assert finding["Confidence"] == 7
    hub.batch_update_findings(FindingIdentifiers=[named], Workflow={"Status": "NOTIFIED"})
    assert json.dumps(HUB_EVENT) == before


def test_the_events_own_macie_finding_can_be_read_again() -> None:
    macie = admin(seeded(World.parse(QUIET), MACIE_EVENT), "macie2")
    (finding,) = macie.get_findings(findingIds=["m-1"])["findings"]
    assert finding["createdAt"].hour == 11


def test_a_user_has_the_unique_id_that_the_event_gives_and_keeps_it_whatever_a_later_event_says() -> None:
    text = (EVENTS / "guardduty_credential_abuse.json").read_text(encoding="utf-8").replace("build-bot", "ann")
    sandbox, world = Sandbox.fresh(5, World.parse(WORLD).now), World.parse(WORLD)
    seed(sandbox, world)
    for given in ("AIDAFIRSTEXAMPLE0001", "AIDALATEREXAMPLE0001"):
        add(sandbox, world, json.loads(text.replace("AIDACKCEVSQ6C2EXAMPL1", given)), within={ACCOUNT})
        assert admin(sandbox, "iam").get_user(UserName="ann")["User"]["UserId"] == "AIDAFIRSTEXAMPLE0001"


def test_a_world_that_says_event_false_knows_nothing_of_the_event() -> None:
    hub = admin(seeded(World.parse(QUIET + "event: false"), HUB_EVENT), "securityhub")
    assert hub.get_findings()["Findings"] == []


def portrait(sandbox: Sandbox) -> list[Any]:
    """What a world answers to reads, without the answers' metadata."""
    iam, logs, guardduty = (admin(sandbox, service) for service in ("iam", "logs", "guardduty"))
    answers = [
        iam.list_users(),
        iam.list_roles(),
        admin(sandbox, "s3").list_buckets(),
        admin(sandbox, "cloudtrail").lookup_events(),
        admin(sandbox, "ec2").describe_flow_logs(),
        logs.filter_log_events(logGroupName="/vpc/flow"),
        admin(sandbox, "securityhub").get_findings(),
        guardduty.list_findings(DetectorId=guardduty.list_detectors()["DetectorIds"][0]),
        admin(sandbox, "macie2").list_findings(),
    ]
    return [{key: value for key, value in answer.items() if key != "ResponseMetadata"} for answer in answers]


def test_two_seedings_of_one_world_answer_the_same() -> None:
    assert portrait(seeded(World.parse(WORLD))) == portrait(seeded(World.parse(WORLD)))


def test_seeding_a_world_again_changes_nothing_that_happened_since() -> None:
    first = seeded(World.parse(WORLD), HUB_EVENT)
    admin(first, "iam").update_access_key(UserName="ann", AccessKeyId=ACTIVE, Status="Inactive")
    hub = admin(first, "securityhub")
    named = [{key: finding[key] for key in ("Id", "ProductArn")} for finding in hub.get_findings()["Findings"]]
    hub.batch_update_findings(FindingIdentifiers=named, Workflow={"Status": "SUPPRESSED"})
    before = portrait(first)
    seed(first, World.parse(WORLD), HUB_EVENT)
    assert portrait(first) == before
    assert refusal(as_key(first, "sts", ACTIVE).get_caller_identity) == "InvalidClientTokenId"


def test_a_later_event_adds_what_it_names_to_a_world() -> None:
    sandbox = seeded(World.parse(QUIET))
    later = World.parse(QUIET + f"iam: {{users: [{{name: ann, keys: [{{id: {ACTIVE}}}]}}]}}")
    seed(sandbox, World.parse(QUIET + "iam: {users: [{name: ann}]}"))
    seed(sandbox, later, GUARDDUTY_EVENT)
    assert as_key(sandbox, "sts", ACTIVE).get_caller_identity()["Account"] == ACCOUNT


def test_a_seeded_world_survives_being_saved_and_restored() -> None:
    first = seeded(World.parse(WORLD))
    before, saved = portrait(first), first.snapshot()
    restored = Sandbox.restore(saved)
    assert portrait(restored) == before
    assert as_key(restored, "sts", ACTIVE).get_caller_identity()["Account"] == ACCOUNT
