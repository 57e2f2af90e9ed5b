"""CloudFront: which of the account's distributions read the bucket, and whether one would stop if it were closed."""

from functools import partial

from agent.evidence import Answered
from agent.finding import Finding
from agent.target import TargetKind
from tools.aws import Aws
from tools.bucket_fronts import DISTRIBUTIONS, fronts, has_cloudfront
from tools.gathering import Gathering, about
from tools.source import Question, SourceSpec

FACTS = ("bucket.distributions", "bucket.distribution_breaks")

SPEC = SourceSpec(
    name="cloudfront",
    tells="How many distributions of the account read the bucket, and whether one of them would stop if it were closed.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=5_000_000,
    attacker_writes=(),
)

CALLS = frozenset({DISTRIBUTIONS})


def wanted(finding: Finding) -> bool:
    """A distribution may read a bucket."""
    return bool(about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """List the account's distributions. Those of other accounts are known only as the bucket's policy names them."""
    gathering = Gathering(SPEC, question.now)
    for bucket in about(question.finding, TargetKind.BUCKET):
        gathering.want(bucket, FACTS)
        if not has_cloudfront(bucket):
            for name in FACTS:
                gathering.absent(name, bucket, "no_cloudfront")
            continue
        read = gathering.counted(aws, partial(fronts, aws, bucket))
        found = read.value or []
        gathering.settle("bucket.distributions", bucket, None if read.gap else len(found), read.gap)
        breaks = any(not one.signs for one in found)
        gathering.settle("bucket.distribution_breaks", bucket, None if read.gap else breaks, read.gap)
    return gathering.answered()
