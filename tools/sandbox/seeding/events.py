"""The findings that an event carries, found by a tolerant walk: whatever cannot be read is left out, and nothing fails."""

import json
import re
from typing import Literal

from pydantic import JsonValue

from agent.record import JsonObject, Record

_REGIONS = re.compile(
    r"(us|eu|ap|ca|sa|me|af|il|mx)-(north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]"
    r"|cn-(north|northwest)-1|us-gov-(east|west)-1"
)
Kind = Literal[
    "access_analyzer", "asff", "cloudtrail", "cloudwatch", "config", "guardduty", "health", "inspector", "macie", "ocsf", "other"
]  # fmt: skip
_MARKS: dict[str, Kind] = {
    "findingArn": "inspector", "newEvaluationResult": "config", "eventTypeCode": "health",
    "resourceOwnerAccount": "access_analyzer",
}  # fmt: skip
"""Fields that only one service writes: a finding of it is known without an envelope."""
_SOURCES: dict[str, Kind] = {"aws.access-analyzer": "access_analyzer", "aws.cloudwatch": "cloudwatch"}
"""What their envelope alone tells."""


class Carried(Record):
    """One finding inside an event, as it came."""

    kind: Kind
    body: JsonObject
    envelope: JsonObject = {}
    """The EventBridge event around it, if there was one."""

    def get(self, *names: str) -> JsonValue:
        """A field of the finding, else of the envelope, whatever the casing."""
        found = pick(self.body, *names)
        return pick(self.envelope, *names) if found is None else found


def findings_in(event: JsonValue) -> list[Carried]:
    """Every finding in an EventBridge event, an SQS delivery, a list, or a bare finding."""
    if isinstance(event, list):
        return [carried for item in event for carried in findings_in(item)]
    if not isinstance(event, dict):
        return []
    records = event.get("Records")
    if isinstance(records, list):
        return [carried for item in records for carried in findings_in(_unpacked(item))]
    detail = event.get("detail")
    if isinstance(detail, dict):
        bodies = detail.get("findings")
        return [
            _carried(body, event)
            for body in (bodies if isinstance(bodies, list) else [detail])
            if isinstance(body, dict)
        ]
    bodies = pick(event, "findings")
    if isinstance(bodies, list):
        return [_carried(body, {}) for body in bodies if isinstance(body, dict)]
    return [_carried(event, {})]


def account_of(carried: Carried, default: str) -> str:
    """The account that the finding is about."""
    cloud = pick(pick(pick(carried.body, "cloud"), "account"), "uid")
    own = pick(carried.body, "affectedaccount", "recipientaccountid", "resourceowneraccount")
    candidates = (own, carried.get("accountid", "awsaccountid"), cloud, pick(carried.envelope, "account"))
    return next((one for one in candidates if isinstance(one, str) and re.fullmatch(r"[0-9]{12}", one)), default)


def region_of(carried: Carried, default: str) -> str:
    """The Region that the finding is about, if it is one that exists."""
    cloud, arn = pick(pick(carried.body, "cloud"), "region"), pick(carried.body, "findingarn")
    # an Inspector finding says it in its ARN alone
    own = ":".join(str(arn).split(":")[3:4])
    candidates = (pick(carried.body, "region", "awsregion"), cloud, own, pick(carried.envelope, "region"))
    return next((one for one in candidates if isinstance(one, str) and is_region(one)), default)


def is_region(text: str) -> bool:
    """Whether a Region can have this name."""
    return _REGIONS.fullmatch(text) is not None


def pick(value: JsonValue, *names: str) -> JsonValue:
    """The first of these fields that is there and not null; `accountid` finds accountId, AccountId and account_id."""
    if not isinstance(value, dict):
        return None
    by_name: dict[str, JsonValue] = {}
    for key, inner in value.items():
        by_name.setdefault(plain(key), inner)
    return next((by_name[name] for name in names if by_name.get(name) is not None), None)


def plain(key: str) -> str:
    """A key in lower case, without punctuation: `s3BucketDetails` and `S3_Bucket_Details` become the same."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _carried(body: JsonObject, envelope: JsonObject) -> Carried:
    return Carried(kind=_kind(body, str(envelope.get("source", ""))), body=body, envelope=envelope)


def _kind(body: JsonObject, source: str) -> Kind:
    if "ProductArn" in body or body.get("SchemaVersion") == "2018-10-08":
        return "asff"
    if "class_uid" in body or "finding_info" in body:
        return "ocsf"
    if source == "aws.macie" or "resourcesAffected" in body or body.get("category") in ("POLICY", "CLASSIFICATION"):
        return "macie"
    if isinstance(body.get("userIdentity"), dict) and isinstance(body.get("eventID"), str):
        return "cloudtrail"
    marked = next((kind for name, kind in _MARKS.items() if name in body), _SOURCES.get(source))
    if marked is not None:
        return marked
    kind, inner = pick(body, "type"), pick(body, "service", "resource")
    if (
        isinstance(kind, str)
        and re.fullmatch(r"[\w-]+:\w+/\S+", kind)
        and (isinstance(inner, dict) or source == "aws.guardduty")
    ):
        return "guardduty"
    return "other"


def _unpacked(record: JsonValue) -> JsonValue:
    body = record.get("body") if isinstance(record, dict) else None
    if not isinstance(body, str):
        return None
    try:
        unpacked: JsonValue = json.loads(body)
    except ValueError:
        return None
    return unpacked
