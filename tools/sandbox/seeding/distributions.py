"""CloudFront distributions that a web ACL of a world stands in front of."""

from typing import Any

from tools.sandbox.seeding.place import Place


def create(place: Place, identity: str, web_acl: str) -> str:
    """Make the distribution with that id behind the web ACL, unless it is there. Returns its ARN."""
    backend = place.global_backend("cloudfront")
    arn = f"arn:{place.partition}:cloudfront::{place.account}:distribution/{identity}"
    if identity not in backend.distributions:
        made, *_ = backend.create_distribution(_config(identity, web_acl), [])
        del backend.distributions[made.distribution_id]
        made.id = made.distribution_id = identity
        made.arn = arn
        # it is long there, and its time is the world's
        made.status, made._time_progressed = "Deployed", place.now.replace(tzinfo=None)
        made.domain_name = f"{identity.lower()}.cloudfront.net"
        backend.distributions[identity] = made
    return arn


def _config(identity: str, web_acl: str) -> dict[str, Any]:
    return {
        "CallerReference": identity,
        "Comment": "",
        "Enabled": True,
        "WebACLId": web_acl,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "origin", "DomainName": "origin.example.com", "CustomOriginConfig": {}}],
        },
        "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "https-only"},
    }
