"""CloudFront: which distributions a web ACL stands in front of."""

from typing import Any

from tools.sandbox.mechanism import Ctx, Wire, op

_PAGE = 100


@op("cloudfront", "ListDistributionsByWebACLId")
def list_by_web_acl(ctx: Ctx, params: Wire) -> Any:
    """Distributions with that web ACL: for WAFv2 its ARN. `null` is those without one."""
    from moto.cloudfront.models import cloudfront_backends
    from moto.core.responses import ActionResult

    wanted = "" if params["WebACLId"] == "null" else params["WebACLId"]
    kept = [one for one in cloudfront_backends[ctx.account]["global"].distributions.values() if one.WebACLId == wanted]
    kept.sort(key=lambda one: str(one.id))
    size = int(params.get("MaxItems") or _PAGE)
    after = [one for one in kept if one.id > params.get("Marker", "")]
    shown = after[:size]
    more = len(after) > size
    listed: Wire = {
        "Marker": params.get("Marker", ""), "MaxItems": size, "IsTruncated": more, "Quantity": len(shown), "Items": shown,
    }  # fmt: skip
    # moto's own objects, with names of its own
    return ActionResult({"DistributionList": listed | ({"NextMarker": shown[-1].id} if more else {})})
