"""Inspector: findings are listed. moto answers those of a queue, whatever is asked."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.criteria import values
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 25
_PATHS = {"findingArn": "findingArn", "findingStatus": "status", "resourceId": "resources.id"}


@dataclass
class InspectorFindings:
    """The findings of an account in one Region."""

    findings: list[Wire] = field(default_factory=list)
    """As ListFindings answers them."""


@op("inspector2", "ListFindings")
def list_findings(ctx: Ctx, params: Wire) -> Any:
    """Findings that pass every filter; the values of one filter are alternatives."""
    filters = params.get("filterCriteria") or {}
    unknown = set(filters) - set(_PATHS)
    if unknown or params.get("sortCriteria"):
        raise NotImplementedError(f"ListFindings filters {sorted(unknown)}, or sorted")
    kept = ctx.shelf(InspectorFindings).findings
    found = [one for one in kept if all(_passes(one, name, wanted) for name, wanted in filters.items())]
    try:
        size = min(int(params.get("maxResults") or _PAGE), _PAGE)
        part, token = page(found, token=params.get("nextToken"), size=size, question={"filters": filters})
    except BadToken as error:
        raise refuse("ValidationException", "Invalid pagination token") from error
    return {"findings": part, "nextToken": token}


def _passes(finding: Wire, name: str, wanted: list[Wire]) -> bool:
    if any(one["comparison"] != "EQUALS" for one in wanted):
        raise NotImplementedError(f"ListFindings comparisons of {name}")
    return any(one["value"] in values(finding, _PATHS[name]) for one in wanted)
