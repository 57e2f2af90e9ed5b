"""AWS Health, which moto has no package for: events of an account, and what they affect."""

from dataclasses import dataclass, field
from typing import Any

from tools.sandbox.mechanism import NEW_SERVICES, Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

NEW_SERVICES["health"] = "(?:global|health)"
_PAGE = 100


@dataclass
class HealthEvents:
    """The events of an account, in the one Region where its partition's Health answers."""

    subscribed: bool = True
    """Whether the account's support plan has the Health API."""
    details: list[Wire] = field(default_factory=list)
    """As DescribeEventDetails answers them."""
    entities: list[Wire] = field(default_factory=list)
    """As DescribeAffectedEntities answers them."""


def _events(ctx: Ctx) -> HealthEvents:
    kept = ctx.shelf(HealthEvents)
    if not kept.subscribed:
        raise refuse("SubscriptionRequiredException", "The account's support plan has no AWS Health API.")
    return kept


@op("health", "DescribeEventDetails")
def describe_event_details(ctx: Ctx, params: Wire) -> Any:
    """Each event that is asked for, in one set or the other."""
    known = {one["event"]["arn"]: one for one in _events(ctx).details}
    return {
        "successfulSet": [known[arn] for arn in params["eventArns"] if arn in known],
        "failedSet": [
            {"eventArn": arn, "errorName": "InvalidArn", "errorMessage": "There is no such event."}
            for arn in params["eventArns"]
            if arn not in known
        ],
    }


@op("health", "DescribeAffectedEntities")
def describe_affected_entities(ctx: Ctx, params: Wire) -> Any:
    """What the events affect."""
    asked = params["filter"]
    if set(asked) != {"eventArns"}:
        raise NotImplementedError("DescribeAffectedEntities by anything but events")
    found = [one for one in _events(ctx).entities if one["eventArn"] in asked["eventArns"]]
    try:
        size = int(params.get("maxResults") or _PAGE)
        part, token = page(found, token=params.get("nextToken"), size=size, question=asked)
    except BadToken as error:
        raise refuse("InvalidPaginationToken", "The specified pagination token is not valid.") from error
    return {"entities": part, "nextToken": token}
