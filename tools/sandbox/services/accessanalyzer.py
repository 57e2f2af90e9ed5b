"""IAM Access Analyzer, which moto has no package for: analyzers, and findings of external access."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.criteria import meets
from tools.sandbox.mechanism import NEW_SERVICES, Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

NEW_SERVICES["accessanalyzer"] = "access-analyzer"
_PAGE = 100
_OUTSIDE = ("action", "condition", "isPublic", "principal", "sources")


@dataclass
class AnalyzerState:
    """The analyzers of an account in one Region, and their findings by the analyzer's ARN."""

    analyzers: list[Wire] = field(default_factory=list)
    findings: dict[str, list[Wire]] = field(default_factory=dict)
    """As ListFindings answers them."""


@op("accessanalyzer", "ListAnalyzers")
def list_analyzers(ctx: Ctx, params: Wire) -> Any:
    """The Region's analyzers, of one type if asked."""
    kept = ctx.shelf(AnalyzerState).analyzers
    found = [one for one in kept if params.get("type") in (None, one["type"])]
    part, token = _page(found, params, {"type": params.get("type")})
    return {"analyzers": part, "nextToken": token}


@op("accessanalyzer", "ListFindings")
def list_findings(ctx: Ctx, params: Wire) -> Any:
    """An analyzer's findings of external access, by criteria."""
    findings = ctx.shelf(AnalyzerState).findings.get(params["analyzerArn"])
    if findings is None:
        raise refuse("ResourceNotFoundException", "Analyzer not found.")
    criteria = params.get("filter") or {}
    part, token = _page([one for one in findings if meets(one, criteria)], params, {"filter": criteria})
    return {"findings": part, "nextToken": token}


@op("accessanalyzer", "GetFindingV2")
def get_finding_v2(ctx: Ctx, params: Wire) -> Any:
    """One finding of an analyzer. What is said of the access stands in its details."""
    kept = ctx.shelf(AnalyzerState).findings.get(params["analyzerArn"], [])
    found = next((one for one in kept if one["id"] == params["id"]), None)
    if found is None:
        raise refuse("ResourceNotFoundException", "Finding not found.")
    inside = {name: found[name] for name in _OUTSIDE if name in found}
    whole = {name: value for name, value in found.items() if name not in _OUTSIDE}
    return {**whole, "findingType": "ExternalAccess", "findingDetails": [{"externalAccessDetails": inside}]}


def _page(items: list[Wire], params: Wire, question: Wire) -> tuple[Any, str | None]:
    try:
        size = int(params.get("maxResults") or _PAGE)
        return page(items, token=params.get("nextToken"), size=size, question=question)
    except BadToken as error:
        raise refuse("ValidationException", "Invalid pagination token") from error
