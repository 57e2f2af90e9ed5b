"""What stands in front of a bucket: the account's CloudFront distributions that read it, and its access points."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agent.bucket_hosts import road
from agent.target import Target
from tools.aws import Aws, AwsCall, Incomplete, Phase
from tools.gathering import home

_READ = frozenset({Phase.READ})
DISTRIBUTIONS = AwsCall("cloudfront", "ListDistributions", "cloudfront:ListDistributions", "*", _READ)
POINTS = AwsCall("s3control", "ListAccessPoints", "s3:ListAccessPoints", "*", _READ)
PLANNING = frozenset(replace(call, phases=frozenset({Phase.PLAN})) for call in (DISTRIBUTIONS, POINTS))
"""The same for an action, which measures what it would cut."""
PAGES = 20
"""Of a hundred distributions."""
_WITH_CLOUDFRONT = frozenset({"aws", "aws-cn"})


@dataclass(frozen=True)
class Front:
    """A distribution that serves what is in the bucket."""

    id: str
    signs: bool
    """Whether it reads by an origin access control, as a service of AWS that no block cuts."""


def has_cloudfront(bucket: Target) -> bool:
    """Whether the partition has CloudFront at all."""
    return bucket.partition in _WITH_CLOUDFRONT


def fronts(aws: Aws, bucket: Target) -> list[Front]:
    """The enabled distributions of the account with an origin that is the bucket. Raises AwsError."""
    found: list[Front] = []
    for one in _distributions(aws.at(home(bucket.partition))):
        roads = [
            (by, bool(origin.get("OriginAccessControlId")))
            for origin in one.get("Origins", {}).get("Items", [])
            if (by := road(str(origin.get("DomainName", "")), str(origin.get("OriginPath") or ""), bucket.id))
        ]
        if roads and one.get("Enabled") is True:
            found.append(Front(id=str(one.get("Id", "")), signs=all(by == "api" and signs for by, signs in roads)))
    return found


def points(aws: Aws, bucket: Target) -> list[str]:
    """Names of the access points that the bucket's own account has for it. Raises AwsError."""
    pages = aws.pages(_in_phase(aws, POINTS), AccountId=bucket.account, Bucket=bucket.id)
    return [str(one["Name"]) for page in pages for one in _listed(page.get("AccessPointList"))]


def _distributions(aws: Aws) -> Iterator[Any]:
    """All of them; the pages' tokens lie a level deeper than elsewhere."""
    marker: dict[str, Any] = {}
    for _ in range(PAGES):
        page: Any = aws.need(_in_phase(aws, DISTRIBUTIONS), **marker).get("DistributionList", {})
        yield from page.get("Items") or []
        if not page.get("IsTruncated"):
            return
        if aws.timeout_at():
            raise Incomplete(DISTRIBUTIONS.name, "deadline")
        marker = {"Marker": page["NextMarker"]}
    raise Incomplete(DISTRIBUTIONS.name, "page_limit")


def _in_phase(aws: Aws, call: AwsCall) -> AwsCall:
    return replace(call, phases=frozenset({aws.phase}))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
