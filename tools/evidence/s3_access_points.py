"""S3 access points: further doors to the bucket, each with its own policy and its own public access block."""

from typing import Any

from agent.bucket_exposure import Block, policy_readers
from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import parse_document
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Incomplete, Phase
from tools.bucket_fronts import POINTS, points
from tools.gathering import Gathering, about, regional
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_POINT = "arn:{partition}:s3:{region}:{account}:accesspoint/*"
FACTS = ("bucket.access_points", "bucket.open_access_points", "bucket.access_point_readers")

SPEC = SourceSpec(
    name="s3_access_points",
    tells="How many access points the bucket has, how many of them are open to everybody, and which other accounts they let in.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=2_000_000,
    attacker_writes=("names", "policy statement ids"),
)

POINT = AwsCall("s3control", "GetAccessPoint", "s3:GetAccessPoint", "*", _READ)
STATUS = AwsCall("s3control", "GetAccessPointPolicyStatus", "s3:GetAccessPointPolicyStatus", _POINT, _READ)
POLICY = AwsCall("s3control", "GetAccessPointPolicy", "s3:GetAccessPointPolicy", _POINT, _READ)
CALLS = frozenset({POINTS, POINT, STATUS, POLICY})
LIMIT = 25
"""So many access points of one bucket are read; of more, nobody knows."""
_NO_POLICY = {"NoSuchAccessPointPolicy"}


def wanted(finding: Finding) -> bool:
    """Buckets have access points."""
    return bool(about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """Each access point that the bucket's own account has for it, in the bucket's Region."""
    gathering = Gathering(SPEC, question.now)
    for bucket in about(question.finding, TargetKind.BUCKET):
        gathering.want(bucket, FACTS)
        try:
            _tell(gathering, aws.at(regional(bucket)), bucket)
        except AwsError as error:
            for name in FACTS:
                gathering.failed(name, bucket, error.code)
    return gathering.answered()


def _tell(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    listed = gathering.counted(aws, lambda: points(aws, bucket))
    if listed.value is None:
        for name in FACTS:
            gathering.failed(name, bucket, listed.gap)
        return
    if len(listed.value) > LIMIT:
        raise Incomplete(POINTS.name, "too_many")
    opened, gap = 0, ""
    readers: set[str] = set()
    for name in listed.value:
        which: dict[str, Any] = {"AccountId": bucket.account, "Name": name}
        status = gathering.call(aws, STATUS, absent=_NO_POLICY, **which)
        if status is None:
            continue  # without a policy it lets in nobody whom the account's own policies do not
        if _public(status) and _open(gathering.call(aws, POINT, **which) or {}):
            opened += 1
        policy = gathering.call(aws, POLICY, absent=_NO_POLICY, **which) or {}
        document = parse_document(policy.get("Policy"))
        gap = gap or ("" if document is not None else "unreadable_policy")
        readers |= set(policy_readers(document or {}, bucket.account).cross_account)
    gathering.known("bucket.access_points", bucket, len(listed.value))
    gathering.known("bucket.open_access_points", bucket, opened)
    gathering.settle("bucket.access_point_readers", bucket, None if gap else len(readers), gap)


def _public(status: Any) -> bool:
    said = status.get("PolicyStatus")
    return isinstance(said, dict) and said.get("IsPublic") is True


def _open(point: Any) -> bool:
    """Whether it takes requests from the Internet, and its own block lets a public policy work."""
    block = Block.of(point.get("PublicAccessBlockConfiguration"))
    return point.get("NetworkOrigin") != "VPC" and not block.flags["RestrictPublicBuckets"]
