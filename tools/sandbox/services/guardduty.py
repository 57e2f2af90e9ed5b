"""GuardDuty: findings are listed, read and archived."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.criteria import meets, values
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 50


@dataclass
class GuardDutyFindings:
    """The findings of an account in one Region."""

    findings: list[Wire] = field(default_factory=list)
    """As GetFindings answers them, in boto3's casing."""


@op("guardduty", "ListFindings")
def list_findings(ctx: Ctx, params: Wire) -> Any:
    """Ids of findings, by criteria, sorted if asked."""
    _check_detector(ctx, params)
    criteria = (params.get("FindingCriteria") or {}).get("Criterion") or {}
    met = [one for one in ctx.shelf(GuardDutyFindings).findings if meets(one, criteria)]
    sort = params.get("SortCriteria") or {}
    if by := sort.get("AttributeName"):
        met.sort(key=lambda one: values(one, by), reverse=sort.get("OrderBy") == "DESC")
    found = [one["Id"] for one in met]
    try:
        size = int(params.get("MaxResults") or _PAGE)
        part, token = page(found, token=params.get("NextToken"), size=size, question=criteria)
    except BadToken as error:
        raise refuse("BadRequestException", "The request is rejected because the input token is invalid.") from error
    return {"FindingIds": part, "NextToken": token or ""}


@op("guardduty", "GetFindings")
def get_findings(ctx: Ctx, params: Wire) -> Any:
    """The findings with these ids; ids that it does not know are left out."""
    _check_detector(ctx, params)
    wanted = params["FindingIds"]
    if len(wanted) > _PAGE:
        raise refuse("BadRequestException", "The request is rejected because the input findingIds has too many items.")
    return {"Findings": [one for one in ctx.shelf(GuardDutyFindings).findings if one["Id"] in wanted]}


@op("guardduty", "ArchiveFindings")
def archive_findings(ctx: Ctx, params: Wire) -> Any:
    """Mark findings as archived."""
    return _set_archived(ctx, params, True)


@op("guardduty", "UnarchiveFindings")
def unarchive_findings(ctx: Ctx, params: Wire) -> Any:
    """Mark findings as not archived."""
    return _set_archived(ctx, params, False)


@op("guardduty", "DeleteDetector")
def delete_detector(ctx: Ctx, params: Wire) -> Any:
    """Delete the Region's one detector, and with it every finding."""
    _check_detector(ctx, params)
    from moto.guardduty.models import guardduty_backends

    guardduty_backends[ctx.account][ctx.region].delete_detector(params["DetectorId"])
    ctx.shelf(GuardDutyFindings).findings.clear()
    return {}


def _set_archived(ctx: Ctx, params: Wire, archived: bool) -> Wire:
    _check_detector(ctx, params)
    for one in ctx.shelf(GuardDutyFindings).findings:
        if one["Id"] in params["FindingIds"]:
            one.setdefault("Service", {})["Archived"] = archived
    return {}


def _check_detector(ctx: Ctx, params: Wire) -> None:
    from moto.guardduty.models import guardduty_backends

    if params["DetectorId"] not in guardduty_backends[ctx.account][ctx.region].detectors:
        message = "The request is rejected because the input detectorId is not owned by the current account."
        raise refuse("BadRequestException", message)
