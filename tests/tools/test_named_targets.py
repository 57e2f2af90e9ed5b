"""A target that no action takes is verified by its kind's own read, which tells nothing of what it holds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.target import GLOBAL, Target, TargetKind
from tools.action import actions
from tools.aws import Aws, Phase
from tools.named_targets import READS
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.sandbox.services.functions import Functions
from tools.targets import CALLS, verify

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READ_BY = {
    "database": "rds:DescribeDBInstances",
    "function": "lambda:GetFunctionConcurrency",
    "group": "ec2:DescribeSecurityGroups",
    "image": "ec2:DescribeImages",
    "kms_key": "kms:DescribeKey",
    "snapshot": "ec2:DescribeSnapshots",
    "trail": "cloudtrail:DescribeTrails",
}
NOWHERE = {
    "database": "no-such-database",
    "function": "no-such-function",
    "group": "sg-0123456789abcdef0",
    "image": "ami-0123456789abcdef0",
    "kms_key": "01234567-89ab-cdef-0123-456789abcdef",
    "snapshot": "snap-0123456789abcdef0",
    "trail": "no-such-trail",
}


def _database(sandbox: Sandbox) -> str:
    at(sandbox, "rds").create_db_instance(
        DBInstanceIdentifier="orders", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20
    )
    return "orders"


def _function(sandbox: Sandbox) -> str:
    sandbox.shelf(Functions, ACCOUNT, REGION).names.add("resize")
    return "resize"


def _group(sandbox: Sandbox) -> str:
    ec2 = at(sandbox, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return str(ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"])


def _snapshot(sandbox: Sandbox) -> str:
    ec2 = at(sandbox, "ec2")
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    return str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])


def _image(sandbox: Sandbox) -> str:
    return str(at(sandbox, "ec2").register_image(Name="base", RootDeviceName="/dev/sda1")["ImageId"])


def _key(sandbox: Sandbox) -> str:
    return str(at(sandbox, "kms").create_key()["KeyMetadata"]["KeyId"])


def _trail(sandbox: Sandbox) -> str:
    at(sandbox, "s3").create_bucket(Bucket="trails-here", CreateBucketConfiguration={"LocationConstraint": REGION})
    at(sandbox, "cloudtrail").create_trail(Name="everything", S3BucketName="trails-here", IsMultiRegionTrail=True)
    return "everything"


MAKE: dict[str, Callable[[Sandbox], str]] = {
    "database": _database, "function": _function, "group": _group, "image": _image, "kms_key": _key,
    "snapshot": _snapshot, "trail": _trail,
}  # fmt: skip


def at(sandbox: Sandbox, service: str) -> Any:
    return sandbox.client(service, ACCOUNT, REGION)


def target(kind: str, name: str, account: str = ACCOUNT, region: str = REGION) -> Target:
    return Target(kind=TargetKind(kind), id=name, account=account, region=region)


def opened() -> tuple[Sandbox, Aws]:
    sandbox = Sandbox.fresh(3, NOW)
    return sandbox, Aws(sandbox.clients(), ACCOUNT, "us-east-1", "aws", Phase.READ, CALLS)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_every_kind_that_is_read_here_is_tried() -> None:
    assert {kind.value for kind in READS} == set(READ_BY) == set(NOWHERE) == set(MAKE)


@pytest.mark.parametrize("kind", READ_BY)
def test_what_is_there_is_verified_by_one_read_and_is_gone_elsewhere(kind: str) -> None:
    sandbox, aws = opened()
    name = MAKE[kind](sandbox)
    assert verify(aws, target(kind, name)) == "verified"
    assert aws.tally.by_phase == {"read": {READ_BY[kind]: 1}}
    assert verify(aws, target(kind, name, account=OTHER)) == "foreign"
    assert verify(aws, target(kind, NOWHERE[kind])) == "gone"


@pytest.mark.parametrize("kind", sorted(set(READ_BY) - {"trail"}))
def test_what_is_in_another_region_is_gone_from_this_one(kind: str) -> None:
    sandbox, aws = opened()
    assert verify(aws, target(kind, MAKE[kind](sandbox), region="us-west-2")) == "gone"


def test_a_trail_of_every_region_stands_in_each_of_them() -> None:
    sandbox, aws = opened()
    assert verify(aws, target("trail", _trail(sandbox), region="us-west-2")) == "verified"


def test_what_others_own_and_share_is_foreign() -> None:
    sandbox, aws = opened()
    snapshot, image = _snapshot(sandbox), _image(sandbox)
    from moto.ec2.models import ec2_backends

    backend = ec2_backends[ACCOUNT][REGION]
    backend.snapshots[snapshot].owner_id = OTHER
    backend.amis[image].owner_id = OTHER
    assert verify(aws, target("snapshot", snapshot)) == "foreign"
    assert verify(aws, target("image", image)) == "foreign"


def test_a_key_that_waits_for_its_deletion_is_still_there() -> None:
    sandbox, aws = opened()
    name = _key(sandbox)
    at(sandbox, "kms").schedule_key_deletion(KeyId=name, PendingWindowInDays=7)
    assert verify(aws, target("kms_key", name)) == "verified"


@pytest.mark.parametrize("fault", [Fail("AccessDenied", 403), Fail("Throttling"), Lost.READ_TIMEOUT])
@pytest.mark.parametrize(("kind", "call"), [*READ_BY.items(), ("database", "rds:DescribeDBShardGroups")])
def test_no_answer_is_failed_and_never_gone_or_foreign(kind: str, call: str, fault: Fail | Lost) -> None:
    sandbox, aws = opened()
    sandbox.faults.before.append(fail_calls(call, fault, 99))
    assert verify(aws, target(kind, NOWHERE[kind])) == "failed"


def test_a_session_of_a_role_is_shown_to_nobody_and_stays_failed() -> None:
    _, aws = opened()
    assert verify(aws, target("role_session", "AROAEXAMPLE0000000001:deploy", region=GLOBAL)) == "failed"
    assert aws.tally.by_phase == {}


def test_no_action_takes_what_is_read_here() -> None:
    """They are read to be told of: an action on one would plan on a read that says nothing of what it holds."""
    assert [name for name, action in actions().items() if action.SPEC.target in READS] == []
