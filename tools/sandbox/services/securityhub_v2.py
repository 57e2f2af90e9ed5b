"""The newer Security Hub, whose findings are OCSF documents: GetFindingsV2 and BatchUpdateFindingsV2."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.criteria import values
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 100
_COMMENT = 512
_JOINED = {"AND": all, "OR": any}
_STATUS = {
    0: "Unknown", 1: "New", 2: "In Progress", 3: "Suppressed", 4: "Resolved", 5: "Archived", 6: "Deleted", 99: "Other",
}  # fmt: skip
_SEVERITY = {
    0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical", 6: "Fatal", 99: "Other",
}  # fmt: skip
_NAMES = {
    "CloudAccountUid": "cloud.account.uid", "FindingInfoUid": "finding_info.uid",
    "MetadataProductUid": "metadata.product.uid",
}  # fmt: skip


@dataclass
class HubV2State:
    """The newer Security Hub of an account in one Region. Off until something turns it on."""

    enabled: bool = False
    findings: list[Wire] = field(default_factory=list)
    """As GetFindingsV2 answers them."""


@op("securityhub", "GetFindingsV2")
def get_findings_v2(ctx: Ctx, params: Wire) -> Any:
    """Findings that pass the composite filters. Of their parts only filters of text are known here."""
    findings = _findings(ctx)
    if params.get("Scopes") or params.get("SortCriteria"):
        raise NotImplementedError("GetFindingsV2 with scopes or sorted")
    filters = params.get("Filters") or {}
    parts = filters.get("CompositeFilters") or []
    joined = _JOINED[filters.get("CompositeOperator") or "AND"]
    found = [one for one in findings if not parts or joined(_passes(one, part) for part in parts)]
    try:
        size = int(params.get("MaxResults") or _PAGE)
        listed, token = page(found, token=params.get("NextToken"), size=size, question={"filters": filters})
    except BadToken as error:
        raise refuse("ValidationException", "Invalid NextToken") from error
    return {"Findings": listed, "NextToken": token}


@op("securityhub", "BatchUpdateFindingsV2")
def batch_update_findings_v2(ctx: Ctx, params: Wire) -> Any:
    """One comment, status and severity for every named finding. When its product changed the finding stays as it was."""
    _checked(params)
    processed: list[Wire] = []
    unprocessed: list[Wire] = []
    for name in _named(params):
        found = [one for one in _findings(ctx) if _is(one, name)]
        for one in found:
            _update(one, params)
        if found:
            processed.append(name)
        else:
            unprocessed.append(name | {"ErrorCode": "ResourceNotFoundException", "ErrorMessage": "Finding not found"})
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _findings(ctx: Ctx) -> list[Wire]:
    state = ctx.shelf(HubV2State)
    if not state.enabled:
        raise refuse("AccessDeniedException", f"Account {ctx.account} is not subscribed to AWS Security Hub")
    return state.findings


def _checked(params: Wire) -> None:
    """Raises what AWS answers to a request that it does not take."""
    comment = params.get("Comment")
    faults = {
        "Give either MetadataUids or FindingIdentifiers": bool(params.get("MetadataUids"))
        == bool(params.get("FindingIdentifiers")),
        "Comment is blank or too long": comment is not None
        and not 0 < len(comment.strip()) <= len(comment) <= _COMMENT,
        "No such StatusId": params.get("StatusId", 1) not in _STATUS,
        "No such SeverityId": params.get("SeverityId", 1) not in _SEVERITY,
    }
    for fault, holds in faults.items():
        if holds:
            raise refuse("ValidationException", fault)


def _named(params: Wire) -> list[Wire]:
    identifiers = [{"FindingIdentifier": one} for one in params.get("FindingIdentifiers") or []]
    return identifiers or [{"MetadataUid": uid} for uid in params["MetadataUids"]]


def _is(finding: Wire, name: Wire) -> bool:
    if "MetadataUid" in name:
        return name["MetadataUid"] in values(finding, "metadata.uid")
    return all(name["FindingIdentifier"][field] in values(finding, path) for field, path in _NAMES.items())


def _update(finding: Wire, params: Wire) -> None:
    if "Comment" in params:
        finding["comment"] = params["Comment"]
    if "StatusId" in params:
        finding |= {"status_id": params["StatusId"], "status": _STATUS[params["StatusId"]]}
    if "SeverityId" in params:
        finding |= {"severity_id": params["SeverityId"], "severity": _SEVERITY[params["SeverityId"]]}


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
