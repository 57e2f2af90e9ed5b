"""Macie: whether it found sensitive data in the bucket, and what it keeps about the bucket."""

from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, Read, about, attempt, regional
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
FACTS = ("bucket.sensitive", "bucket.sensitive_findings", "bucket.sensitivity_score", "bucket.macie_public")

SPEC = SourceSpec(
    name="macie",
    tells="Whether the bucket holds sensitive data, and whether Macie sees it as public.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=4_000_000,
    attacker_writes=("object keys", "tags"),
)

SESSION = AwsCall("macie2", "GetMacieSession", permission="macie2:GetMacieSession", resource="*", phases=_READ)
LIST = AwsCall("macie2", "ListFindings", permission="macie2:ListFindings", resource="*", phases=_READ)
GET = AwsCall("macie2", "GetFindings", permission="macie2:GetFindings", resource="*", phases=_READ)
BUCKETS = AwsCall("macie2", "DescribeBuckets", permission="macie2:DescribeBuckets", resource="*", phases=_READ)
PROFILE = AwsCall("macie2", "GetResourceProfile", permission="macie2:GetResourceProfile", resource="*", phases=_READ)
CALLS = frozenset({SESSION, LIST, GET, BUCKETS, PROFILE})
"""Never GetSensitiveDataOccurrences: it answers with the sensitive data itself."""

SENSITIVE_FROM = 51
"""Macie itself counts scores of 51 to 100 as sensitive, 1 to 49 as not."""
UNDECIDED = frozenset({1, 50})
"""An empty bucket, and one that was not analysed. Neither says that there is nothing in it."""
BATCH = 50
PAGES = 20


def wanted(finding: Finding) -> bool:
    """Macie knows buckets."""
    return bool(about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """Ask Macie in each bucket's own Region."""
    gathering = Gathering(SPEC, question.now)
    for bucket in about(question.finding, TargetKind.BUCKET):
        gathering.want(bucket, FACTS)
        there = aws.at(regional(bucket))
        off = _why_off(gathering, there)
        if off:
            for name in FACTS:
                gathering.failed(name, bucket, off)
        else:
            _tell(gathering, there, bucket)
    return gathering.answered()


def _why_off(gathering: Gathering, aws: Aws) -> str:
    """Why Macie has nothing to say. Switched off, it answers AccessDenied: unknown, and not zero findings."""
    session = attempt(
        lambda: gathering.call(aws, SESSION, absent={"AccessDeniedException", "ResourceNotFoundException"})
    )
    if session.gap:
        return session.gap
    if session.value is None:
        return "macie_not_enabled"
    return "" if session.value.get("status") == "ENABLED" else "macie_paused"


def _tell(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    count, gap = _sensitive_findings(gathering, aws, bucket)
    gathering.settle("bucket.sensitive_findings", bucket, None if gap else count, gap)
    score = _score(gathering, aws, bucket)
    _tell_score(gathering, bucket, score)
    _tell_sensitive(gathering, bucket, count, gap, score)
    _tell_public(gathering, aws, bucket)


def _sensitive_findings(gathering: Gathering, aws: Aws, bucket: Target) -> tuple[int, str]:
    """How many active sensitive-data findings there are, and why there may be more."""
    criteria = {"criterion": {"resourcesAffected.s3Bucket.name": {"eq": [bucket.id]}}}
    count, gap = 0, ""
    try:
        for page in gathering.pages(aws, LIST, limit=PAGES, findingCriteria=criteria, maxResults=BATCH):
            ids = page.get("findingIds", [])
            if ids:
                answer: Any = gathering.call(aws, GET, findingIds=ids) or {}
                count += sum(_counts(finding, bucket) for finding in answer.get("findings", []))
    except AwsError as error:
        gap = error.code
    return count, gap


def _counts(finding: Any, bucket: Target) -> bool:
    affected = finding.get("resourcesAffected", {}).get("s3Bucket", {}).get("name")
    return (
        str(finding.get("type", "")).startswith("SensitiveData:")
        and affected == bucket.id
        and not finding.get("archived")
        and not finding.get("sample")
    )


def _score(gathering: Gathering, aws: Aws, bucket: Target) -> Read[int]:
    """The sensitivity score. No value and no gap: Macie keeps no profile of the bucket."""
    arn = f"arn:{bucket.partition}:s3:::{bucket.id}"
    profile = attempt(lambda: gathering.call(aws, PROFILE, absent={"ResourceNotFoundException"}, resourceArn=arn))
    if profile.gap or profile.value is None:
        return Read(None, profile.gap)
    score = profile.value.get("sensitivityScore")
    if not isinstance(score, int):
        return Read(None)
    return Read(None, "classification_error") if score < 0 else Read(score)


def _tell_score(gathering: Gathering, bucket: Target, score: Read[int]) -> None:
    if score.value is None and not score.gap:
        gathering.absent("bucket.sensitivity_score", bucket, "no_profile")
    else:
        gathering.settle("bucket.sensitivity_score", bucket, score.value, score.gap)


def _tell_sensitive(gathering: Gathering, bucket: Target, count: int, gap: str, score: Read[int]) -> None:
    """Sensitive: an active finding, or a score that Macie calls sensitive. Not sensitive only if Macie did look."""
    name = "bucket.sensitive"
    if count or (score.value is not None and score.value >= SENSITIVE_FROM):
        gathering.known(name, bucket, True)
    elif gap or score.gap:
        gathering.failed(name, bucket, gap or score.gap)
    elif score.value is None or score.value in UNDECIDED:
        gathering.absent(name, bucket, "not_analysed")
    else:
        gathering.known(name, bucket, False)


def _tell_public(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    name = "bucket.macie_public"
    criteria = {"bucketName": {"eq": [bucket.id]}}
    try:
        found = [
            item
            for page in gathering.pages(aws, BUCKETS, limit=PAGES, criteria=criteria, maxResults=BATCH)
            for item in page.get("buckets", [])
            if item.get("bucketName") == bucket.id
        ]
    except AwsError as error:
        gathering.failed(name, bucket, error.code)
        return
    if not found:
        gathering.absent(name, bucket, "not_in_inventory")
        return
    said = found[0].get("publicAccess", {}).get("effectivePermission")
    gathering.known(name, bucket, said if said in {"PUBLIC", "NOT_PUBLIC"} else "UNKNOWN")
