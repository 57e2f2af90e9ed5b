"""IAM Access Analyzer: whether it has proved that somebody outside reaches the bucket, and how many do."""

from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, about, regional
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_ANALYZER = "arn:{partition}:access-analyzer:{region}:{account}:analyzer/*"
FACTS = ("bucket.analyzer_findings", "bucket.analyzer_public", "bucket.external_principals")

SPEC = SourceSpec(
    name="access_analyzer",
    tells="Whether Access Analyzer has proved that the bucket is public, and how many principals outside reach it.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=2_000_000,
    attacker_writes=("conditions",),
)

ANALYZERS = AwsCall("accessanalyzer", "ListAnalyzers", "access-analyzer:ListAnalyzers", "*", _READ)
FINDINGS = AwsCall("accessanalyzer", "ListFindings", "access-analyzer:ListFindings", _ANALYZER, _READ)
"""The older of two: it tells who and whether everybody at once, and answers for external access alone."""
CALLS = frozenset({ANALYZERS, FINDINGS})

_EXTERNAL = frozenset({"ACCOUNT", "ORGANIZATION"})
_EVERYBODY = "*"


def wanted(finding: Finding) -> bool:
    """Access Analyzer knows buckets."""
    return bool(about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """Ask every analyzer of external access in each bucket's own Region."""
    gathering = Gathering(SPEC, question.now)
    for bucket in about(question.finding, TargetKind.BUCKET):
        gathering.want(bucket, FACTS)
        _tell(gathering, aws.at(regional(bucket)), bucket)
    return gathering.answered()


def _tell(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    try:
        found = _findings(gathering, aws, bucket)
    except AwsError as error:
        for name in FACTS:
            gathering.failed(name, bucket, error.code)
        return
    if found is None:
        for name in FACTS:
            gathering.absent(name, bucket, "no_analyzer")
        return
    who = {f"{kind}:{name}" for one in found for kind, name in one.get("principal", {}).items() if name != _EVERYBODY}
    gathering.known("bucket.analyzer_findings", bucket, len(found))
    gathering.known("bucket.analyzer_public", bucket, any(one.get("isPublic") is True for one in found))
    gathering.known("bucket.external_principals", bucket, len(who))


def _findings(gathering: Gathering, aws: Aws, bucket: Target) -> list[Any] | None:
    """The active findings about the bucket, each once; None where nothing analyses."""
    listed = gathering.all(aws, ANALYZERS, "analyzers")
    analyzers = [one for one in listed if one.get("type") in _EXTERNAL and one.get("status") == "ACTIVE"]
    if not analyzers:
        return None
    arn = f"arn:{bucket.partition}:s3:::{bucket.id}"
    criteria: dict[str, Any] = {"resource": {"eq": [arn]}, "status": {"eq": ["ACTIVE"]}}
    found: dict[str, Any] = {}
    for analyzer in analyzers:
        for one in gathering.all(aws, FINDINGS, "findings", analyzerArn=analyzer["arn"], filter=criteria):
            found[str(one["id"])] = one
    return [one for one in found.values() if one.get("resource") == arn and one.get("status") == "ACTIVE"]
