"""A finding alone makes a world that holds what it names, whatever shape it came in, and never fails."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import secret_for, seed
from tools.sandbox.seeding.shape import moment
from tools.sandbox.world import World

ACCOUNT = "111122223333"
KEY = "AKIAIOSFODNN7EXAMPLE"
CORPUS = Path(os.environ.get("STANCH_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus")
FILES = ("guardduty", "securityhub_asff", "securityhub_ocsf", "macie", "inspector", "other")
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded corpus is not here: set STANCH_CORPUS")


def guardduty(**resource: Any) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "region": "eu-west-1",
        "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "type": "UnauthorizedAccess:IAMUser/TorIPCaller",
        "updatedAt": "2026-02-03T10:00:00.000Z",
        "resource": resource,
        "service": {"serviceName": "guardduty"},
    }


def asff(kind: str, identity: str, **more: Any) -> dict[str, Any]:
    details = more.pop("details", None)
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "f-1",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "AwsAccountId": ACCOUNT,
        "Region": "eu-west-1",
        "UpdatedAt": "2026-02-03T10:00:00.000Z",
        "Resources": [{"Type": kind, "Id": identity, **({"Details": {kind: details}} if details else {})}],
        **more,
    }


def keys(world: World) -> dict[str, list[str]]:
    return {user.name: [key.id for key in user.keys] for user in world.iam.users}


def buckets(world: World) -> dict[str, tuple[Any, str]]:
    return {bucket.name: (bucket.policy, bucket.acl) for bucket in world.s3.buckets}


def roles(world: World) -> list[str]:
    return [role.name for role in world.iam.roles]


def user_key(kind: str, key: str = KEY, name: str = "ann") -> dict[str, Any]:
    return {"accessKeyDetails": {"accessKeyId": key, "userName": name, "userType": kind}}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (user_key("IAMUser"), ({"ann": [KEY]}, [])),
        (user_key("IAMUser", key="GeneratedFindingAccessKeyId"), ({"ann": []}, [])),
        (user_key("Role"), ({}, ["ann"])),
        (user_key("AssumedRole", key="ASIAIOSFODNN7EXAMPLE"), ({}, ["ann"])),
        (user_key("Root"), ({}, [])),
        (user_key("AWSService"), ({}, [])),
        (user_key("IAMUser", name="../../ann"), ({f"holder-of-{KEY}": [KEY]}, [])),
        ({"AccessKeyDetails": {"AccessKeyId": KEY, "UserName": "ann", "UserType": "IAMUser"}}, ({"ann": [KEY]}, [])),
        ({"accessKeyDetails": None, "s3BucketDetails": "x"}, ({}, [])),
    ],
)
def test_a_guardduty_principal_becomes_a_user_with_its_key_or_a_role(resource: Any, expected: Any) -> None:
    world = world_for(guardduty(**resource))
    assert (keys(world), roles(world)) == expected


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ({"effectivePermission": "NOT_PUBLIC"}, (None, "private")),
        ({"effectivePermission": "PUBLIC"}, ("public_read", "private")),
        (None, (None, "private")),
        (
            {
                "effectivePermission": "PUBLIC",
                "permissionConfiguration": {
                    "bucketLevelPermissions": {"accessControlList": {"allowsPublicReadAccess": True}}
                },
            },
            (None, "public-read"),
        ),
    ],
)
def test_a_bucket_is_public_when_and_how_the_finding_says_so(access: Any, expected: Any) -> None:
    event = guardduty(s3BucketDetails=[{"name": "reports-here", "publicAccess": access}])
    assert buckets(world_for(event)) == {"reports-here": expected}
    macie: Any = {
        "detail": {"resourcesAffected": {"s3Bucket": {"name": "reports-here", "publicAccess": access}}},
        "source": "aws.macie",
    }
    assert buckets(world_for(macie)) == {"reports-here": expected}


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (asff("AwsS3Bucket", "arn:aws:s3:::reports-here"), {"reports-here": (None, "private")}),
        (asff("AwsS3Bucket", "arn:aws:s3:::UPPER"), {}),
        (
            asff(
                "AwsS3Bucket", "arn:aws:s3:::reports-here", Compliance={"SecurityControlId": "S3.2", "Status": "FAILED"}
            ),
            {"reports-here": ("public_read", "private")},
        ),
        (
            asff(
                "AwsS3Bucket", "arn:aws:s3:::reports-here", Compliance={"SecurityControlId": "S3.2", "Status": "PASSED"}
            ),
            {"reports-here": (None, "private")},
        ),
        *(
            (
                asff("AwsS3Bucket", "arn:aws:s3:::reports-here", Compliance={"SecurityControlId": control}),
                {"reports-here": expected},
            )
            for control, expected in (
                ("S3.3", (None, "public-read-write")),
                ("S3.8", ("public_read", "private")),
                ("S3.5", (None, "private")),
            )
        ),
        (
            asff("AwsS3Bucket", "arn:aws:s3:::reports-here", Title="S3 Block Public Access setting should be enabled"),
            {"reports-here": (None, "private")},
        ),
    ],
)
def test_an_asff_bucket_is_public_if_its_control_is_about_that_and_failed(finding: Any, expected: Any) -> None:
    assert buckets(world_for({"detail": {"findings": [finding]}})) == expected


EVENTS = Path(__file__).parents[2] / "data" / "events"


def example(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name",
    [
        "securityhub_s3_public", "securityhub_s3_public_ocsf", "macie_policy", "macie_policy_asff", "config_rule",
        "access_analyzer_bucket", "macie_sensitive_data",
    ],
)  # fmt: skip
def test_a_bucket_that_a_finding_calls_public_can_be_read_by_anybody(name: str) -> None:
    sandbox = seeded(example(name))
    assert sandbox.anonymous_get("example-ledger-exports", "index.html") == 200


def test_a_bucket_that_everybody_can_write_can_be_read_by_anybody_too() -> None:
    sandbox = seeded(asff("AwsS3Bucket", "arn:aws:s3:::reports-here", Compliance={"SecurityControlId": "S3.3"}))
    assert sandbox.anonymous_get("reports-here", "index.html") == 200


def test_the_actors_and_resources_of_an_attack_sequence_stand_in_its_world_each_in_its_account() -> None:
    event = example("guardduty_attack_sequence")
    event["detail"]["service"]["detection"]["sequence"]["resources"] = [
        {"uid": "arn:aws:s3:::reports-here", "resourceType": "S3_BUCKET", "name": "reports-here"},
        {"uid": "x", "resourceType": "ACCESS_KEY", "data": {"accessKey": {"userName": "app", "userType": "Role"}}},
        {"uid": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc1234def567890", "resourceType": "EC2_INSTANCE"},
    ]
    world = world_for(event)
    assert keys(world) == {"build-bot": ["AKIAIOSFODNN7EXAMPL1"]}
    assert (list(buckets(world)), roles(world)) == (["reports-here"], ["app"])
    assert [instance.id for instance in world.ec2.instances] == ["i-0abc1234def567890"]
    assert {other.account: keys(other) for other in world.accounts} == {  # type: ignore[arg-type]  # it has the same keys
        "444455556666": {"visitor": ["AKIAIOSFODNN7EXAMPL9"]}
    }


def test_asff_and_ocsf_name_users_and_keys() -> None:
    assert keys(world_for(example("guardduty_credential_abuse_ocsf"))) == {"build-bot": ["AKIAIOSFODNN7EXAMPL1"]}

    by_key = asff("AwsIamAccessKey", f"AWS::IAM::AccessKey:{KEY}", details={"UserName": "ann"})
    assert keys(world_for(by_key)) == {"ann": [KEY]}
    assert keys(world_for(asff("AwsIamUser", f"arn:aws:iam::{ACCOUNT}:user/team/ann"))) == {"ann": []}
    ocsf: Any = {
        "class_uid": 2004,
        "cloud": {"account": {"uid": ACCOUNT}, "region": "eu-west-1"},
        "finding_info": {"modified_time": 1770112800000},
        "resources": [{"uid": f"arn:aws:iam::{ACCOUNT}:role/app", "type": "AWS::IAM::Role"}],
    }
    world = world_for(ocsf)
    assert (roles(world), world.account, world.region) == (["app"], ACCOUNT, "eu-west-1")
    assert world.now == datetime(2026, 2, 3, 10, 30, tzinfo=UTC)


def test_a_world_stands_in_the_findings_account_and_region_half_an_hour_after_its_update() -> None:
    world = world_for({"source": "aws.guardduty", "detail": guardduty(**user_key("IAMUser"))})
    assert (world.account, world.region) == (ACCOUNT, "eu-west-1")
    assert world.now == datetime(2026, 2, 3, 10, 30, tzinfo=UTC)
    assert list(world.registry.accounts) == [ACCOUNT]


def test_a_finding_inside_an_sqs_delivery_is_found() -> None:
    body = json.dumps({"source": "aws.guardduty", "detail": guardduty(**user_key("IAMUser"))})
    assert keys(world_for({"Records": [{"body": body}, {"body": "not json"}]})) == {"ann": [KEY]}


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-03T10:00:00Z",
        "2026-02-03 10:00:00.000000+00:00",
        "2026-02-03T11:00:00.000000000+01:00",
        "2026-02-03T10:00:00",
        1770112800,
        1770112800000,
        "1770112800",
        {
            "__class__": "datetime",
            "year": 2026,
            "month": 2,
            "day": 3,
            "hour": 10,
            "minute": 0,
            "second": 0,
            "microsecond": 0,
        },
    ],
)
def test_a_moment_is_understood_in_every_way_that_findings_write_it(value: Any) -> None:
    assert moment(value) == datetime(2026, 2, 3, 10, tzinfo=UTC)


def test_a_resource_of_another_account_stands_in_that_account() -> None:
    world = world_for(asff("AwsIamRole", "arn:aws:iam::444455556666:role/app"))
    assert roles(world) == []
    assert list(world.registry.accounts) == [ACCOUNT]
    assert [(other.account, [role.name for role in other.iam.roles]) for other in world.accounts] == [
        ("444455556666", ["app"])
    ]


def test_every_account_that_has_a_finding_in_the_event_is_served() -> None:
    other = asff("AwsIamUser", "arn:aws:iam::444455556666:user/bob") | {"AwsAccountId": "444455556666"}
    world = world_for({"detail": {"findings": [asff("AwsIamUser", f"arn:aws:iam::{ACCOUNT}:user/ann"), other]}})
    assert list(world.registry.accounts) == [ACCOUNT, "444455556666"]


@pytest.mark.parametrize(
    "event",
    [
        None, 7, "text", [], {}, {"detail": None}, {"detail": []}, {"detail": {"findings": [None, 3, {}]}}, {"Records": [{"body": "{"}]},
        {"resource": {"accessKeyDetails": 3}, "updatedAt": -1, "region": "mars-north-1", "accountId": 5},
        {"Resources": {"Id": ["x"]}, "ProductArn": 4, "UpdatedAt": {"__class__": "datetime", "year": 99999}},
    ],
)  # fmt: skip
def test_an_event_that_says_nothing_usable_gives_an_empty_world(event: Any) -> None:
    world = world_for(event)
    assert (world.account, world.region) == ("123456789012", "us-east-1")
    assert [*world.iam.users, *world.iam.roles, *world.s3.buckets, *world.accounts] == []


def test_the_world_of_a_finding_can_be_seeded_and_its_key_tried() -> None:
    event = {"source": "aws.guardduty", "detail": guardduty(**user_key("IAMUser"))}
    sandbox = seeded(event)
    sts = sandbox.client("sts", "eu-west-1", access_key=KEY, secret=secret_for(KEY))
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"
    hub = sandbox.clients().client("guardduty", ACCOUNT, "eu-west-1")
    detector = hub.list_detectors()["DetectorIds"][0]
    assert hub.list_findings(DetectorId=detector)["FindingIds"] == [event["detail"]["id"]]  # type: ignore[index]


def seeded(event: Any) -> Sandbox:
    world = world_for(event)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world, event)
    return sandbox


def lines() -> Iterator[dict[str, Any]]:
    for name in FILES:
        with (CORPUS / f"{name}.jsonl").open(encoding="utf-8") as file:
            yield from map(json.loads, file)


@needs_corpus
def test_every_recorded_finding_makes_a_world() -> None:
    worlds = {line["id"]: world_for(line["finding"]) for line in lines()}
    assert len(worlds) == 363
    assert sum(len(world.s3.buckets) for world in worlds.values()) >= 15
    assert sum(len(user.keys) for world in worlds.values() for user in world.iam.users) >= 3
    assert all(world_for(line["finding"]) == worlds[line["id"]] for line in lines())


@needs_corpus
def test_the_worlds_of_recorded_findings_can_be_seeded() -> None:
    recorded = list(lines())
    told = 0
    for line in recorded[::6] + [one for one in recorded if one["shape"].startswith("macie")]:
        sandbox, world = seeded(line["finding"]), world_for(line["finding"])
        iam = sandbox.clients().client("iam", world.account, world.region)
        names = {user["UserName"] for user in iam.list_users()["Users"]}
        assert names == {user.name for user in world.iam.users}, line["id"]
        told += len(sandbox.clients().client("securityhub", world.account, world.region).get_findings()["Findings"])
    assert told >= 15


CALLED = {"awsApiCallAction": {"api": "ListUsers", "serviceName": "iam.amazonaws.com"}}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"action": CALLED, "eventLastSeen": "2026-02-03T09:55:00Z"}, ("2026-02-03T09:55:00+00:00", "iam")),
        ({"action": CALLED, "eventLastSeen": "2099-01-01T00:00:00Z"}, ("2026-02-03T10:00:00+00:00", "iam")),
        ({"action": CALLED, "eventLastSeen": "soon"}, ("2026-02-03T10:00:00+00:00", "iam")),
        ({"action": {"actionType": "NETWORK_CONNECTION"}}, None),
    ],
)
def test_a_key_that_the_finding_saw_in_use_was_used(service: Any, expected: Any) -> None:
    body = {**guardduty(**user_key("IAMUser")), "service": service}
    used = world_for(body).iam.users[0].keys[0].last_used
    assert expected == (None if used is None else (used.at, used.service))


@pytest.mark.parametrize("shape", ["", "_asff", "_api", "_ocsf"])
def test_every_shape_of_a_finding_about_a_call_says_that_the_key_was_used(shape: str) -> None:
    path = Path(__file__).parents[2] / "data" / "events" / f"guardduty_credential_abuse{shape}.json"
    made = [key for user in world_for(json.loads(path.read_text())).iam.users for key in user.keys]
    assert made
    assert all(key.last_used is not None for key in made)
