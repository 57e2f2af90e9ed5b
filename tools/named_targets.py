"""Whether a target that no action takes is there, and ours: its kind's own read, and nothing of what it holds."""

from collections.abc import Callable
from typing import Any, Literal

from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Gone, Phase

Standing = Literal["verified", "gone", "foreign", "another", "failed"]
_READ = frozenset({Phase.READ})
_RDS = "arn:{partition}:rds:{region}:{account}"
GROUPS = AwsCall("ec2", "DescribeSecurityGroups", "ec2:DescribeSecurityGroups", "*", _READ)
SNAPSHOTS = AwsCall("ec2", "DescribeSnapshots", "ec2:DescribeSnapshots", "*", _READ)
IMAGES = AwsCall("ec2", "DescribeImages", "ec2:DescribeImages", "*", _READ)
DATABASES = AwsCall("rds", "DescribeDBInstances", "rds:DescribeDBInstances", f"{_RDS}:db:*", _READ)
SHARD_GROUPS = AwsCall("rds", "DescribeDBShardGroups", "rds:DescribeDBShardGroups", f"{_RDS}:shard-group:*", _READ)
KEY = AwsCall("kms", "DescribeKey", "kms:DescribeKey", "arn:{partition}:kms:{region}:{account}:key/*", _READ)
TRAILS = AwsCall("cloudtrail", "DescribeTrails", "cloudtrail:DescribeTrails", "*", _READ)
# Of all that says whether a function is there, this alone tells nothing of its code or its environment, where secrets are.
CONCURRENCY = AwsCall(
    "lambda", "GetFunctionConcurrency", "lambda:GetFunctionConcurrency",
    "arn:{partition}:lambda:{region}:{account}:function:*", _READ,
)  # fmt: skip
CALLS = frozenset({GROUPS, SNAPSHOTS, IMAGES, DATABASES, SHARD_GROUPS, KEY, TRAILS, CONCURRENCY})


def _group(aws: Aws, target: Target) -> Standing:
    answer = aws.call(GROUPS, absent={"InvalidGroup.NotFound"}, GroupIds=[target.id])
    return _owned(answer, "SecurityGroups", "GroupId", target)


def _snapshot(aws: Aws, target: Target) -> Standing:
    """A shared one is seen by whoever it is shared with: its owner says whose it is."""
    answer = aws.call(SNAPSHOTS, absent={"InvalidSnapshot.NotFound"}, SnapshotIds=[target.id])
    return _owned(answer, "Snapshots", "SnapshotId", target)


def _image(aws: Aws, target: Target) -> Standing:
    """Most images that an instance starts from are somebody else's. A disabled one is still there."""
    absent = {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"}
    answer = aws.call(IMAGES, absent=absent, ImageIds=[target.id], IncludeDeprecated=True, IncludeDisabled=True)
    return _owned(answer, "Images", "ImageId", target)


def _owned(answer: JsonObject | None, listed: str, name: str, target: Target) -> Standing:
    items: Any = (answer or {}).get(listed) or []
    owners = [one.get("OwnerId") for one in items if one.get(name) == target.id]
    if not owners:
        return "gone"
    return "verified" if owners == [target.account] else "foreign"


def _database(aws: Aws, target: Target) -> Standing:
    """An instance by its name, or a shard group of a limitless database: GuardDuty names both so."""
    found = aws.call(DATABASES, absent={"DBInstanceNotFound"}, DBInstanceIdentifier=target.id)
    if found is None:
        found = aws.call(SHARD_GROUPS, absent={"DBShardGroupNotFound"}, DBShardGroupIdentifier=target.id)
    # only an account's own answer by their names
    return "gone" if found is None else "verified"


def _key(aws: Aws, target: Target) -> Standing:
    """One that waits for its deletion is there: that can be taken back."""
    try:
        answer: Any = aws.need(KEY, KeyId=target.id)
    except Gone:
        return "gone"
    return "verified" if answer["KeyMetadata"].get("AWSAccountId") == target.account else "foreign"


def _trail(aws: Aws, target: Target) -> Standing:
    """One that logs this Region, wherever it was made. The organisation's are seen here, and another account's."""
    answer: Any = aws.need(TRAILS, includeShadowTrails=True)
    arns = [str(one.get("TrailARN", "")) for one in answer.get("trailList", []) if one.get("Name") == target.id]
    if not arns:
        return "gone"
    return "verified" if any(arn.split(":")[4:5] == [target.account] for arn in arns) else "foreign"


def _function(aws: Aws, target: Target) -> Standing:
    answer = aws.call(CONCURRENCY, absent={"ResourceNotFoundException"}, FunctionName=target.id)
    return "gone" if answer is None else "verified"


READS: dict[TargetKind, Callable[[Aws, Target], Standing]] = {
    TargetKind.DATABASE: _database,
    TargetKind.FUNCTION: _function,
    TargetKind.GROUP: _group,
    TargetKind.IMAGE: _image,
    TargetKind.KMS_KEY: _key,
    TargetKind.SNAPSHOT: _snapshot,
    TargetKind.TRAIL: _trail,
}
"""All of them live in a Region."""
