"""Security Hub: GetFindings with its filters, and BatchUpdateFindings."""

from collections.abc import Callable
from typing import Any

from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PATHS = {
    "Id": ("Id",), "ProductArn": ("ProductArn",), "AwsAccountId": ("AwsAccountId",), "RecordState": ("RecordState",),
    "WorkflowStatus": ("Workflow", "Status"), "Region": ("Region",), "GeneratorId": ("GeneratorId",), "Title": ("Title",),
    "ProductName": ("ProductName",), "SeverityLabel": ("Severity", "Label"), "ComplianceStatus": ("Compliance", "Status"),
    "ComplianceSecurityControlId": ("Compliance", "SecurityControlId"), "VerificationState": ("VerificationState",),
    "ResourceId": ("Resources", "Id"), "ResourceType": ("Resources", "Type"), "Type": ("Types",),
    "NoteText": ("Note", "Text"), "NoteUpdatedBy": ("Note", "UpdatedBy"),
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda actual, wanted: actual == wanted,
    "PREFIX": lambda actual, wanted: actual.startswith(wanted),
    "CONTAINS": lambda actual, wanted: wanted in actual,
    "NOT_EQUALS": lambda actual, wanted: actual == wanted,
    "PREFIX_NOT_EQUALS": lambda actual, wanted: actual.startswith(wanted),
    "NOT_CONTAINS": lambda actual, wanted: wanted in actual,
}
_SET = (
    "Workflow",
    "UserDefinedFields",
    "VerificationState",
    "Severity",
    "Confidence",
    "Criticality",
    "Types",
    "RelatedFindings",
)
_WORKFLOW_STATE = {"NEW": "NEW", "NOTIFIED": "ASSIGNED", "SUPPRESSED": "RESOLVED", "RESOLVED": "RESOLVED"}


@op("securityhub", "GetFindings")
def get_findings(ctx: Ctx, params: Wire) -> Any:
    """Findings that pass every filter: values of one filter are alternatives, negated ones all hold."""
    filters = params.get("Filters") or {}
    unknown = set(filters) - set(_PATHS)
    if unknown:
        raise NotImplementedError(f"GetFindings filters {sorted(unknown)}")
    found = [one for one in _findings(ctx) if all(_passes(one, name, wanted) for name, wanted in filters.items())]
    for criterion in reversed(params.get("SortCriteria") or []):
        path = _PATHS.get(criterion["Field"], (criterion["Field"],))
        found.sort(key=lambda one: _values(one, path), reverse=criterion.get("SortOrder") == "desc")
    try:
        size = int(params.get("MaxResults") or 100)
        part, token = page(found, token=params.get("NextToken"), size=size, question={"filters": filters})
    except BadToken as error:
        raise refuse("InvalidInputException", "Invalid NextToken") from error
    return {"Findings": part, "NextToken": token}


@op("securityhub", "BatchUpdateFindings")
def batch_update_findings(ctx: Ctx, params: Wire) -> Any:
    """One set of values for every named finding. Note and UserDefinedFields replace what was there; UpdatedAt stays."""
    by_key = {(one["ProductArn"], one["Id"]): one for one in _findings(ctx)}
    processed: list[Wire] = []
    unprocessed: list[Wire] = []
    for identifier in params["FindingIdentifiers"]:
        finding = by_key.get((identifier["ProductArn"], identifier["Id"]))
        if identifier in processed:
            unprocessed.append(_unprocessed(identifier, "DuplicatedFindingIdentifier", "Duplicated finding identifier"))
        elif finding is None:
            unprocessed.append(_unprocessed(identifier, "FindingNotFound", "Finding not found"))
        else:
            _update(finding, params)
            processed.append(identifier)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


def _unprocessed(identifier: Wire, code: str, message: str) -> Wire:
    return {"FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": message}


def _update(finding: Wire, params: Wire) -> None:
    from tools.sandbox import clock

    for name in _SET:
        if name not in params:
            continue
        if isinstance(params[name], dict) and name == "Severity":
            finding[name] = {**finding.get(name, {}), **params[name]}
        else:
            finding[name] = params[name]
    if "Workflow" in params:
        finding["WorkflowState"] = _WORKFLOW_STATE[params["Workflow"]["Status"]]
    if "Note" in params:
        finding["Note"] = {**params["Note"], "UpdatedAt": clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}


def _findings(ctx: Ctx) -> list[Wire]:
    from moto.securityhub.models import securityhub_backends

    backend = securityhub_backends[ctx.account][ctx.region]
    if not backend.enabled:
        raise refuse("InvalidAccessException", f"Account {ctx.account} is not subscribed to AWS Security Hub")
    return [finding.data for finding in backend.findings]


def _passes(finding: Wire, name: str, wanted: list[Wire]) -> bool:
    actual = _values(finding, _PATHS[name])
    positive = [one for one in wanted if "NOT" not in one["Comparison"]]
    negative = [one for one in wanted if "NOT" in one["Comparison"]]
    return (not positive or any(_hit(actual, one) for one in positive)) and not any(
        _hit(actual, one) for one in negative
    )


def _hit(actual: list[str], wanted: Wire) -> bool:
    return any(_COMPARISONS[wanted["Comparison"]](value, wanted["Value"]) for value in actual)


def _values(finding: Any, path: tuple[str, ...]) -> list[str]:
    found = [finding]
    for name in path:
        inner = [one.get(name) for one in found if isinstance(one, dict)]
        found = [item for one in inner for item in (one if isinstance(one, list) else [one])]
    return [str(one) for one in found if one is not None]
