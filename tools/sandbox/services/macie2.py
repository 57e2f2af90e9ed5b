"""Macie: its session, its findings and what it knows about buckets. Off until a world turns it on."""

from dataclasses import dataclass, field
from typing import Any

from agent.record import JsonObject
from tools.sandbox import clock
from tools.sandbox.mechanism import Ctx, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 50


@dataclass
class MacieState:
    """Macie of an account in one Region."""

    enabled: bool = False
    status: str = "ENABLED"
    frequency: str = "FIFTEEN_MINUTES"
    findings: list[JsonObject] = field(default_factory=list)
    """As GetFindings answers them, in boto3's casing."""
    buckets: list[JsonObject] = field(default_factory=list)
    """As DescribeBuckets answers them."""


def _state(ctx: Ctx) -> MacieState:
    state = ctx.shelf(MacieState)
    if not state.enabled:
        raise refuse("AccessDeniedException", "Macie is not enabled.")
    return state


@op("macie2", "EnableMacie")
def enable_macie(ctx: Ctx, params: JsonObject) -> Any:
    """Turn Macie on."""
    state = ctx.shelf(MacieState)
    if state.enabled:
        raise refuse("ConflictException", "Macie has already been enabled")
    state.enabled, state.status = True, params.get("status") or "ENABLED"
    state.frequency = params.get("findingPublishingFrequency") or state.frequency
    return {}


@op("macie2", "DisableMacie")
def disable_macie(ctx: Ctx, params: JsonObject) -> Any:
    """Turn Macie off: everything that it knew is gone."""
    state = _state(ctx)
    state.enabled = False
    state.findings.clear()
    state.buckets.clear()
    return {}


@op("macie2", "GetMacieSession")
def get_macie_session(ctx: Ctx, params: JsonObject) -> Any:
    """Whether Macie is on; AccessDeniedException if not."""
    state = _state(ctx)
    role = "role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    return {
        "createdAt": clock.now(), "updatedAt": clock.now(), "status": state.status,
        "findingPublishingFrequency": state.frequency, "serviceRole": f"arn:aws:iam::{ctx.account}:{role}",
    }  # fmt: skip


@op("macie2", "ListFindings")
def list_findings(ctx: Ctx, params: JsonObject) -> Any:
    """Ids of findings, newest update last unless sorted, by criteria."""
    criteria = (params.get("findingCriteria") or {}).get("criterion") or {}
    found = [one for one in _state(ctx).findings if _meets(one, criteria)]
    found = _sorted(found, params.get("sortCriteria") or {})
    part, token = _page([one["id"] for one in found], params, {"criteria": criteria})
    return {"findingIds": part, "nextToken": token}


@op("macie2", "GetFindings")
def get_findings(ctx: Ctx, params: JsonObject) -> Any:
    """The findings with these ids; ids that it does not know are left out."""
    wanted = params["findingIds"]
    if len(wanted) > _PAGE:
        raise refuse("ValidationException", "The request failed because it contains too many finding IDs.")
    return {"findings": [one for one in _state(ctx).findings if one["id"] in wanted]}


@op("macie2", "DescribeBuckets")
def describe_buckets(ctx: Ctx, params: JsonObject) -> Any:
    """What Macie knows about the Region's buckets, by criteria."""
    criteria = params.get("criteria") or {}
    found = [one for one in _state(ctx).buckets if _meets(one, criteria)]
    part, token = _page(_sorted(found, params.get("sortCriteria") or {}), params, {"criteria": criteria})
    return {"buckets": part, "nextToken": token}


@op("macie2", "GetResourceProfile")
def get_resource_profile(ctx: Ctx, params: JsonObject) -> Any:
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


def _page(items: list[Any], params: JsonObject, question: JsonObject) -> tuple[Any, str | None]:
    try:
        size = int(params.get("maxResults") or _PAGE)
        return page(items, token=params.get("nextToken"), size=size, question=question)
    except BadToken as error:
        raise refuse("ValidationException", "The request failed because the nextToken isn't valid.") from error


def _sorted(items: list[JsonObject], sort: JsonObject) -> list[JsonObject]:
    name = sort.get("attributeName")
    if not name:
        return items
    return sorted(items, key=lambda one: [str(v) for v in _values(one, name)], reverse=sort.get("orderBy") == "DESC")


def _meets(item: JsonObject, criteria: JsonObject) -> bool:
    return all(_condition([str(v) for v in _values(item, path)], one) for path, one in criteria.items())


def _condition(actual: list[str], condition: JsonObject) -> bool:
    checks = {
        "eq": lambda wanted: any(text in [str(w) for w in wanted] for text in actual),
        "eqExactMatch": lambda wanted: sorted(actual) == sorted(str(w) for w in wanted),
        "neq": lambda wanted: not any(text in [str(w) for w in wanted] for text in actual),
        "prefix": lambda wanted: any(text.startswith(wanted) for text in actual),
        "gte": lambda wanted: any(float(text) >= wanted for text in actual),
        "gt": lambda wanted: any(float(text) > wanted for text in actual),
        "lte": lambda wanted: any(float(text) <= wanted for text in actual),
        "lt": lambda wanted: any(float(text) < wanted for text in actual),
    }
    return all(check(condition[name]) for name, check in checks.items() if condition.get(name) is not None)


def _values(item: Any, path: str) -> list[Any]:
    found = [item]
    for name in path.split("."):
        inner = [one.get(name) for one in found if isinstance(one, dict)]
        found = [value for one in inner for value in (one if isinstance(one, list) else [one])]
    return [("true" if one else "false") if isinstance(one, bool) else one for one in found if one is not None]
