"""Macie: its session, its findings and what it knows about buckets. Off until a world turns it on."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox import clock
from tools.sandbox.criteria import meets, values
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 50


@dataclass
class MacieState:
    """Macie of an account in one Region."""

    enabled: bool = False
    status: str = "ENABLED"
    frequency: str = "FIFTEEN_MINUTES"
    findings: list[Wire] = field(default_factory=list)
    """As GetFindings answers them, in boto3's casing."""
    buckets: list[Wire] = field(default_factory=list)
    """As DescribeBuckets answers them."""


def _state(ctx: Ctx) -> MacieState:
    state = ctx.shelf(MacieState)
    if not state.enabled:
        raise refuse("AccessDeniedException", "Macie is not enabled.")
    return state


@op("macie2", "EnableMacie")
def enable_macie(ctx: Ctx, params: Wire) -> Any:
    """Turn Macie on."""
    state = ctx.shelf(MacieState)
    if state.enabled:
        raise refuse("ConflictException", "Macie has already been enabled")
    state.enabled, state.status = True, params.get("status") or "ENABLED"
    state.frequency = params.get("findingPublishingFrequency") or state.frequency
    return {}


@op("macie2", "DisableMacie")
def disable_macie(ctx: Ctx, params: Wire) -> Any:
    """Turn Macie off: everything that it knew is gone."""
    state = _state(ctx)
    state.enabled = False
    state.findings.clear()
    state.buckets.clear()
    return {}


@op("macie2", "GetMacieSession")
def get_macie_session(ctx: Ctx, params: Wire) -> Any:
    """Whether Macie is on; AccessDeniedException if not."""
    state = _state(ctx)
    role = "role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    return {
        "createdAt": clock.now(), "updatedAt": clock.now(), "status": state.status,
        "findingPublishingFrequency": state.frequency, "serviceRole": f"arn:aws:iam::{ctx.account}:{role}",
    }  # fmt: skip


@op("macie2", "ListFindings")
def list_findings(ctx: Ctx, params: Wire) -> Any:
    """Ids of findings, newest update last unless sorted, by criteria."""
    criteria = (params.get("findingCriteria") or {}).get("criterion") or {}
    found = [one for one in _state(ctx).findings if meets(one, criteria)]
    found = _sorted(found, params.get("sortCriteria") or {})
    part, token = _page([one["id"] for one in found], params, {"criteria": criteria})
    return {"findingIds": part, "nextToken": token}


@op("macie2", "GetFindings")
def get_findings(ctx: Ctx, params: Wire) -> Any:
    """The findings with these ids; ids that it does not know are left out."""
    wanted = params["findingIds"]
    if len(wanted) > _PAGE:
        raise refuse("ValidationException", "The request failed because it contains too many finding IDs.")
    return {"findings": [one for one in _state(ctx).findings if one["id"] in wanted]}


@op("macie2", "DescribeBuckets")
def describe_buckets(ctx: Ctx, params: Wire) -> Any:
    """What Macie knows about the Region's buckets, by criteria."""
    criteria = params.get("criteria") or {}
    found = [one for one in _state(ctx).buckets if meets(one, criteria)]
    part, token = _page(_sorted(found, params.get("sortCriteria") or {}), params, {"criteria": criteria})
    return {"buckets": part, "nextToken": token}


@op("macie2", "GetResourceProfile")
def get_resource_profile(ctx: Ctx, params: Wire) -> Any:
    """A bucket's sensitivity score."""
    for bucket in _state(ctx).buckets:
        if bucket["bucketArn"] == params["resourceArn"] and "sensitivityScore" in bucket:
            return {
                "profileUpdatedAt": bucket.get("lastUpdated", clock.now()),
                "sensitivityScore": bucket["sensitivityScore"],
                "sensitivityScoreOverridden": bool(bucket.get("sensitivityScoreOverridden")),
                "statistics": {"totalItemsClassified": bucket.get("classifiableObjectCount", 0)},
            }
    raise refuse("ResourceNotFoundException", "The request failed because the specified resource doesn't exist.")


def _page(items: list[Any], params: Wire, question: Wire) -> tuple[Any, str | None]:
    try:
        size = int(params.get("maxResults") or _PAGE)
        return page(items, token=params.get("nextToken"), size=size, question=question)
    except BadToken as error:
        raise refuse("ValidationException", "The request failed because the nextToken isn't valid.") from error


def _sorted(items: list[Wire], sort: Wire) -> list[Wire]:
    name = sort.get("attributeName")
    if not name:
        return items
    return sorted(items, key=lambda one: values(one, name), reverse=sort.get("orderBy") == "DESC")
