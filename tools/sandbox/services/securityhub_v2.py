"""The newer Security Hub: GetFindingsV2, whose findings are OCSF documents."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.criteria import values
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 100
_JOINED = {"AND": all, "OR": any}


@dataclass
class HubV2State:
    """The newer Security Hub of an account in one Region. Off until something turns it on."""

    enabled: bool = False
    findings: list[Wire] = field(default_factory=list)
    """As GetFindingsV2 answers them."""


@op("securityhub", "GetFindingsV2")
def get_findings_v2(ctx: Ctx, params: Wire) -> Any:
    """Findings that pass the composite filters. Of their parts only filters of text are known here."""
    state = ctx.shelf(HubV2State)
    if not state.enabled:
        raise refuse("AccessDeniedException", f"Account {ctx.account} is not subscribed to AWS Security Hub")
    if params.get("Scopes") or params.get("SortCriteria"):
        raise NotImplementedError("GetFindingsV2 with scopes or sorted")
    filters = params.get("Filters") or {}
    parts = filters.get("CompositeFilters") or []
    joined = _JOINED[filters.get("CompositeOperator") or "AND"]
    found = [one for one in state.findings if not parts or joined(_passes(one, part) for part in parts)]
    try:
        size = int(params.get("MaxResults") or _PAGE)
        listed, token = page(found, token=params.get("NextToken"), size=size, question={"filters": filters})
    except BadToken as error:
        raise refuse("ValidationException", "Invalid NextToken") from error
    return {"Findings": listed, "NextToken": token}


def _passes(finding: Wire, part: Wire) -> bool:
    unknown = set(part) - {"StringFilters", "Operator"}
    if unknown:
        raise NotImplementedError(f"GetFindingsV2 filters {sorted(unknown)}")
    texts = part.get("StringFilters") or []
    return _JOINED[part.get("Operator") or "AND"](_hits(finding, one) for one in texts)


def _hits(finding: Wire, wanted: Wire) -> bool:
    asked = wanted["Filter"]
    if asked["Comparison"] != "EQUALS":
        raise NotImplementedError(f"GetFindingsV2 comparison {asked['Comparison']}")
    return asked["Value"] in values(finding, wanted["FieldName"])
