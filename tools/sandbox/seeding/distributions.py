"""CloudFront distributions of a world: behind a web ACL, or in front of a bucket."""

from typing import Any

from tools.sandbox.seeding.place import Place


def create(
    place: Place, identity: str, web_acl: str = "", origin: dict[str, Any] | None = None, *, enabled: bool = True
) -> str:
    """Make the distribution with that id, unless it is there. Returns its ARN."""
    backend = place.global_backend("cloudfront")
    arn = f"arn:{place.partition}:cloudfront::{place.account}:distribution/{identity}"
    if identity not in backend.distributions:
        made, *_ = backend.create_distribution(_config(identity, web_acl, origin or _ELSEWHERE, enabled), [])
        del backend.distributions[made.distribution_id]
        made.id = made.distribution_id = identity
        made.arn = arn
        # it is long there, and its time is the world's
        made.status, made._time_progressed = "Deployed", place.now.replace(tzinfo=None)
        made.domain_name = f"{identity.lower()}.cloudfront.net"
        backend.distributions[identity] = made
    return arn


_ELSEWHERE = {"DomainName": "origin.example.com", "CustomOriginConfig": {}}


def _config(identity: str, web_acl: str, origin: dict[str, Any], enabled: bool) -> dict[str, Any]:
    return {
        "CallerReference": identity,
        "Comment": "",
        "Enabled": enabled,
        "WebACLId": web_acl,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "origin", **origin}],
        },
        "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "https-only"},
    }
