"""AWS Config: the recorded history of a resource, seven days a page at most, and what its rules say of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.sandbox import clock
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_SPAN = timedelta(days=7)
_ITEMS = 10


@dataclass
class ConfigHistory:
    """What is recorded in an account and Region. Without a recorder nothing is."""

    recording: bool = False
    items: list[Wire] = field(default_factory=list)
    """As GetResourceConfigHistory answers them."""


@dataclass
class ConfigVerdicts:
    """What the rules of an account say in one Region."""

    results: list[Wire] = field(default_factory=list)
    """As GetComplianceDetailsByResource answers them."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """How a resource is called, by its type and id, where the id does not say it."""


@op("config", "GetComplianceDetailsByResource")
def get_compliance_details_by_resource(ctx: Ctx, params: Wire) -> Any:
    """What each rule says of one resource. All of it is one page."""
    asked = (params.get("ResourceType"), params.get("ResourceId"))
    if None in asked:
        raise refuse("InvalidParameterValueException", "ResourceType and ResourceId are required.")
    held = [(one["EvaluationResultIdentifier"]["EvaluationResultQualifier"], one) for one in _verdicts(ctx).results]
    return {"EvaluationResults": [one for of, one in held if (of["ResourceType"], of["ResourceId"]) == asked]}


@op("config", "DescribeConfigRules")
def describe_config_rules(ctx: Ctx, params: Wire) -> Any:
    """Those that are asked for by name: there are the ones that say anything."""
    if not params.get("ConfigRuleNames"):
        raise NotImplementedError("DescribeConfigRules without names")
    qualifiers = [one["EvaluationResultIdentifier"]["EvaluationResultQualifier"] for one in _verdicts(ctx).results]
    if not set(params["ConfigRuleNames"]) <= {one["ConfigRuleName"] for one in qualifiers}:
        raise refuse("NoSuchConfigRuleException", "The ConfigRule provided in the request is invalid.")
    return {"ConfigRules": [{"ConfigRuleName": name, "Source": {"Owner": "AWS"}} for name in params["ConfigRuleNames"]]}


@op("config", "ListDiscoveredResources")
def list_discovered_resources(ctx: Ctx, params: Wire) -> Any:
    """The named ones among these: what rules spoke of. moto's own answer leaves out most types."""
    if not params.get("resourceIds"):
        raise NotImplementedError("ListDiscoveredResources without ids")
    names, kind = _verdicts(ctx).names, params["resourceType"]
    found = [(one, names[kind, one]) for one in params["resourceIds"] if (kind, one) in names]
    return {
        "resourceIdentifiers": [
            {"resourceType": kind, "resourceId": identity, "resourceName": name} for identity, name in found
        ]
    }


def _verdicts(ctx: Ctx) -> ConfigVerdicts:
    return ctx.shelf(ConfigVerdicts)


@op("config", "GetResourceConfigHistory")
def get_resource_config_history(ctx: Ctx, params: Wire) -> Any:
    """Recorded states, the newest first; a page may be empty although more follow."""
    history = ctx.shelf(ConfigHistory)
    if not history.recording:
        raise refuse("NoAvailableConfigurationRecorderException", "Customer has not configured a recorder.")
    asked = (params["resourceType"], params["resourceId"])
    found = [one for one in history.items if (one["resourceType"], one["resourceId"]) == asked]
    if not found:
        raise refuse("ResourceNotDiscoveredException", "Resource is not discovered by AWS Config.")
    if params.get("chronologicalOrder") == "Forward":
        raise NotImplementedError("GetResourceConfigHistory from the oldest")
    pages = _pages(found, params)
    question = {name: params.get(name) for name in ("resourceType", "resourceId")}
    try:
        part, token = page(pages, token=params.get("nextToken"), size=1, question=question)
    except BadToken as error:
        raise refuse("InvalidNextTokenException", "The specified nextToken is not valid.") from error
    return {"configurationItems": [item for items in part for item in items], "nextToken": token}


def _pages(items: list[Wire], params: Wire) -> list[list[Wire]]:
    later = _aware(params.get("laterTime")) or clock.now()
    earlier = _aware(params.get("earlierTime")) or min(_at(one) for one in items)
    newest = sorted((one for one in items if earlier <= _at(one) <= later), key=_at, reverse=True)
    size = int(params.get("limit") or _ITEMS)
    pages: list[list[Wire]] = []
    while later >= earlier:
        inside = [one for one in newest if later - _SPAN < _at(one) <= later]
        pages += [inside[start : start + size] for start in range(0, len(inside), size)] or [[]]
        later -= _SPAN
    return pages


def _aware(moment: datetime | None) -> datetime | None:
    """moto reads moments without their zone, which is UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def _at(item: Wire) -> datetime:
    at: datetime = item["configurationItemCaptureTime"]
    return at
