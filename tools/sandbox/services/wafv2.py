"""AWS WAF: what a web ACL stands in front of, and where web ACLs log."""

from typing import Any

from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 100


@op("wafv2", "ListResourcesForWebACL")
def list_resources(ctx: Ctx, params: Wire) -> Any:
    """The ARNs of resources of one type: Application Load Balancers unless another is asked for."""
    acl = _backend(ctx, params["WebACLArn"]).wacls.get(params["WebACLArn"])
    if acl is None:
        raise refuse(
            "WAFNonexistentItemException", "AWS WAF couldn't perform the operation because your resource doesn't exist."
        )
    kind = params.get("ResourceType", "APPLICATION_LOAD_BALANCER")
    return {"ResourceArns": [arn for arn in acl.associated_resources if _kind(arn) == kind]}


def _kind(arn: str) -> str:
    service = arn.split(":")[2]
    return {
        "elasticloadbalancing": "APPLICATION_LOAD_BALANCER", "apigateway": "API_GATEWAY", "appsync": "APPSYNC",
        "cognito-idp": "COGNITO_USER_POOL", "apprunner": "APP_RUNNER_SERVICE", "ec2": "VERIFIED_ACCESS_INSTANCE",
        "amplify": "AMPLIFY",
    }.get(service, service)  # fmt: skip


@op("wafv2", "ListLoggingConfigurations")
def list_logging(ctx: Ctx, params: Wire) -> Any:
    """The logging configurations of a scope, in pages."""
    marker = ":global/" if params["Scope"] == "CLOUDFRONT" else ":regional/"
    kept = _backend(ctx, marker).logging_configurations
    found = [one.to_dict() for arn, one in sorted(kept.items()) if marker in arn]
    told = [{name: value for name, value in one.items() if value is not None} for one in found]
    try:
        part, token = page(
            told,
            token=params.get("NextMarker"),
            size=int(params.get("Limit") or _PAGE),
            question={"scope": params["Scope"]},
        )
    except BadToken as error:
        raise refuse("WAFInvalidParameterException", "The next marker is not valid") from error
    return {"LoggingConfigurations": part, "NextMarker": token}


def _backend(ctx: Ctx, arn: str) -> Any:
    from moto.wafv2.models import GLOBAL_REGION, wafv2_backends

    return wafv2_backends[ctx.account][GLOBAL_REGION if ":global/" in arn else ctx.region]
