"""CloudTrail's event history: LookupEvents."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.sandbox import clock
from tools.sandbox.mechanism import Ctx, Wire, op, refuse
from tools.sandbox.paging import BadToken, page

_PAGE = 50
_KEPT = timedelta(days=90)
_REQUEST_RESOURCES = {
    "bucketName": "AWS::S3::Bucket", "userName": "AWS::IAM::User", "roleName": "AWS::IAM::Role",
    "accessKeyId": "AWS::IAM::AccessKey", "groupName": "AWS::IAM::Group", "policyArn": "AWS::IAM::Policy",
    "instanceId": "AWS::EC2::Instance", "name": "AWS::CloudTrail::Trail", "roleArn": "AWS::IAM::Role",
}  # fmt: skip


@dataclass
class EventHistory:
    """The management events of an account in one Region."""

    records: list[Wire] = field(default_factory=list)
    """CloudTrail records, as they stand in a log file, in any order."""


@op("cloudtrail", "LookupEvents")
def lookup_events(ctx: Ctx, params: Wire) -> Any:
    """Events of the last 90 days, newest first, by at most one attribute."""
    attributes = params.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise refuse("InvalidLookupAttributesException", "You can only specify one lookup attribute.")
    size = int(params.get("MaxResults") or _PAGE)
    if not 1 <= size <= _PAGE:
        raise refuse("InvalidMaxResultsException", "A max results value of 1 to 50 is required.")
    since, until = _moment(params.get("StartTime")), _moment(params.get("EndTime"))
    if since and until and since > until:
        raise refuse("InvalidTimeRangeException", "The start time must be before the end time.")
    events = [_event(record) for record in ctx.shelf(EventHistory).records]
    found = [event for event in events if _within(event, since, until) and _matches(event, attributes)]
    found.sort(key=lambda event: (event["EventTime"], event["EventId"]), reverse=True)
    question = {key: value for key, value in params.items() if key not in ("NextToken", "MaxResults")}
    try:
        events, token = page(found, token=params.get("NextToken"), size=size, question=question)  # type: ignore[assignment]
    except BadToken as error:
        raise refuse("InvalidNextTokenException", "The next token is not valid.") from error
    return {"Events": events, "NextToken": token}


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _within(event: Wire, since: datetime | None, until: datetime | None) -> bool:
    at: datetime = event["EventTime"]
    oldest = clock.now() - _KEPT
    return max(since or oldest, oldest) <= at <= (until or at)


def _matches(event: Wire, attributes: list[Wire]) -> bool:
    for attribute in attributes:
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        if key == "ResourceName":
            return any(resource["ResourceName"] == value for resource in event["Resources"])
        if key == "ResourceType":
            return any(resource["ResourceType"] == value for resource in event["Resources"])
        return bool(event.get(key) == value)
    return True


def _event(record: Wire) -> Wire:
    identity = record.get("userIdentity") or {}
    event = {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(bool(record.get("readOnly"))).lower(),
        "AccessKeyId": identity.get("accessKeyId"),
        "EventTime": _moment(record["eventTime"]),
        "EventSource": record["eventSource"],
        "Username": _username(identity),
        "Resources": _resources(record),
        "CloudTrailEvent": json.dumps(record),
    }
    return {key: value for key, value in event.items() if value is not None}


def _username(identity: Wire) -> str | None:
    if identity.get("type") == "Root":
        return "root"
    if identity.get("userName"):
        return str(identity["userName"])
    session = str(identity.get("principalId") or "").partition(":")[2]
    return session or None


def _resources(record: Wire) -> list[Wire]:
    found = {}
    for resource in record.get("resources") or []:
        name = resource.get("resourceName") or resource.get("ARN")
        if name:
            found[name] = resource.get("type")
    request = record.get("requestParameters") or {}
    for parameter, kind in _REQUEST_RESOURCES.items():
        if isinstance(request.get(parameter), str):
            found.setdefault(request[parameter], kind)
    made = ((record.get("responseElements") or {}).get("accessKey") or {}).get("accessKeyId")
    if made:
        found.setdefault(made, "AWS::IAM::AccessKey")
    return [{"ResourceType": kind, "ResourceName": name} for name, kind in found.items()]
