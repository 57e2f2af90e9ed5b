"""GuardDuty: findings are listed, read and archived."""

from dataclasses import dataclass, field
from typing import Any

from agent.record import JsonObject
from tools.sandbox.mechanism import Ctx, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 50


@dataclass
class GuardDutyFindings:
    """The findings of an account in one Region."""

    findings: list[JsonObject] = field(default_factory=list)
    """As GetFindings answers them, in boto3's casing."""


@op("guardduty", "ListFindings")
def list_findings(ctx: Ctx, params: JsonObject) -> Any:
    """Ids of findings, by criteria."""
    _check_detector(ctx, params)
    criteria = (params.get("FindingCriteria") or {}).get("Criterion") or {}
    found = [one["Id"] for one in ctx.shelf(GuardDutyFindings).findings if _meets(one, criteria)]
    try:
        size = int(params.get("MaxResults") or _PAGE)
        part, token = page(found, token=params.get("NextToken"), size=size, question=criteria)
    except BadToken as error:
        raise refuse("BadRequestException", "The request is rejected because the input token is invalid.") from error
    return {"FindingIds": part, "NextToken": token or ""}


@op("guardduty", "GetFindings")
def get_findings(ctx: Ctx, params: JsonObject) -> Any:
    """The findings with these ids; ids that it does not know are left out."""
    _check_detector(ctx, params)
    wanted = params["FindingIds"]
    if len(wanted) > _PAGE:
        raise refuse("BadRequestException", "The request is rejected because the input findingIds has too many items.")
    return {"Findings": [one for one in ctx.shelf(GuardDutyFindings).findings if one["Id"] in wanted]}


@op("guardduty", "ArchiveFindings")
def archive_findings(ctx: Ctx, params: JsonObject) -> Any:
    """Mark findings as archived."""
    return _set_archived(ctx, params, True)


@op("guardduty", "UnarchiveFindings")
def unarchive_findings(ctx: Ctx, params: JsonObject) -> Any:
    """Mark findings as not archived."""
    return _set_archived(ctx, params, False)


def _set_archived(ctx: Ctx, params: JsonObject, archived: bool) -> JsonObject:
    _check_detector(ctx, params)
    for one in ctx.shelf(GuardDutyFindings).findings:
        if one["Id"] in params["FindingIds"]:
            one.setdefault("Service", {})["Archived"] = archived
    return {}


def _check_detector(ctx: Ctx, params: JsonObject) -> None:
    from moto.guardduty.models import guardduty_backends

    if params["DetectorId"] not in guardduty_backends[ctx.account][ctx.region].detectors:
        message = "The request is rejected because the input detectorId is not owned by the current account."
        raise refuse("BadRequestException", message)


def _meets(finding: JsonObject, criteria: JsonObject) -> bool:
    return all(_condition(_values(finding, path), condition) for path, condition in criteria.items())


def _condition(actual: list[Any], condition: JsonObject) -> bool:
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in actual]
    checks = {
        ("Eq", "Equals"): lambda wanted: any(text in wanted for text in texts),
        ("Neq", "NotEquals"): lambda wanted: not any(text in wanted for text in texts),
        ("Gte", "GreaterThanOrEqual"): lambda wanted: any(float(text) >= wanted for text in texts),
        ("Gt", "GreaterThan"): lambda wanted: any(float(text) > wanted for text in texts),
        ("Lte", "LessThanOrEqual"): lambda wanted: any(float(text) <= wanted for text in texts),
        ("Lt", "LessThan"): lambda wanted: any(float(text) < wanted for text in texts),
    }
    return all(
        check(condition[name]) for names, check in checks.items() for name in names if condition.get(name) is not None
    )


def _values(finding: Any, path: str) -> list[Any]:
    found = [finding]
    for name in path.split("."):
        inner = [one.get(name[0].upper() + name[1:]) for one in found if isinstance(one, dict)]
        found = [item for one in inner for item in (one if isinstance(one, list) else [one])]
    return [one for one in found if one is not None]
