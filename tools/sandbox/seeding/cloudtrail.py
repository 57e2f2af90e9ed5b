"""CloudTrail in a world: events in shorthand, written out as true records."""

import json
from datetime import timedelta
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field, model_validator

from agent.record import JsonObject, Record
from tools.sandbox.seeding.events import Carried
from tools.sandbox.seeding.iam import Name, principal_id
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.when import When, resolve
from tools.sandbox.services.cloudtrail import EventHistory

_NAMESPACE = UUID("5d3f7b0e-4a0c-5b6e-9a57-0c0d5f1e2a11")
_RESOURCE_TYPES = {
    "s3": "AWS::S3::Bucket",
    "iam": "AWS::IAM::User",
    "ec2": "AWS::EC2::Instance",
    "lambda": "AWS::Lambda::Function",
    "cloudtrail": "AWS::CloudTrail::Trail",
}
_GLOBAL = ("iam", "cloudfront", "organizations", "route53")
_READS = ("Get", "List", "Describe", "Head", "Lookup", "Assume")


class TrailEvent(Record):
    """One event, or `count` of them a second apart. `raw` is laid over the record last."""

    at: When
    name: Annotated[str, Field(min_length=1, max_length=128)]
    source: Annotated[str, Field(min_length=1)] = "iam"
    """`s3` or `s3.amazonaws.com`."""
    key: Annotated[str, Field(pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,28}$")] | None = None
    user: Name | None = None
    role: Name | None = None
    """Set for a role session; `user` is then the session's name."""
    address: str = "192.0.2.10"
    agent: str = "aws-cli/2.31.0"
    region: str | None = None
    error: str | None = None
    message: str | None = None
    read_only: bool | None = None
    """By default what the name says: Get, List, Describe read."""
    resources: list[str] = []
    """Names or ARNs."""
    request: JsonObject | None = None
    """requestParameters."""
    response: JsonObject | None = None
    """responseElements."""
    object: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The key of an object, in the bucket that `resources` names: makes it a data event, which only a trail keeps."""
    bytes: Annotated[int, Field(ge=0)] = 0
    """What was read of the object."""
    anonymous: bool = False
    """Nobody signed it."""
    count: Annotated[int, Field(ge=1, le=2000)] = 1
    raw: JsonObject = {}

    @model_validator(mode="after")
    def _object_lies_in_a_bucket(self) -> "TrailEvent":
        if self.object is not None and not self.resources:
            raise ValueError("object: resources has to name its bucket")
        return self

    @property
    def endpoint(self) -> str:
        """The eventSource, like `s3.amazonaws.com`."""
        return self.source if "." in self.source else f"{self.source}.amazonaws.com"


class CloudTrailSection(Record):
    """The `cloudtrail` key of a world."""

    events: list[TrailEvent] = []


def records(place: Place, section: CloudTrailSection) -> list[JsonObject]:
    """Every event as a CloudTrail record, in the order of the world."""
    return [
        _record(place.at(_region(place, event)), event, position, repeat)
        for position, event in enumerate(section.events)
        for repeat in range(event.count)
    ]


def _region(place: Place, event: TrailEvent) -> str | None:
    """Global services write their events in us-east-1."""
    service = event.endpoint.split(".")[0]
    return "us-east-1" if event.region is None and service in _GLOBAL and place.partition == "aws" else event.region


def _record(place: Place, event: TrailEvent, position: int, repeat: int) -> JsonObject:
    at = resolve(event.at, place.now) - timedelta(seconds=repeat)
    reads = event.name.startswith(_READS) if event.read_only is None else event.read_only
    seed = json.dumps([place.account, place.region, position, repeat, event.name, at.isoformat()])
    record: JsonObject = {
        "eventVersion": "1.11",
        "userIdentity": _identity(place, event),
        "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": event.endpoint,
        "eventName": event.name,
        "awsRegion": place.region,
        "sourceIPAddress": event.address,
        "userAgent": event.agent,
        "requestParameters": event.request or _request(event),
        "responseElements": event.response,
        "requestID": str(uuid5(_NAMESPACE, f"request {seed}")),
        "eventID": str(uuid5(_NAMESPACE, f"event {seed}")),
        "readOnly": reads,
        "resources": [_resource(place, event, name) for name in event.resources],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": place.account,
        "eventCategory": "Management",
    }
    if event.error is not None:
        record |= {"errorCode": event.error, "errorMessage": event.message or f"{event.name} was refused"}
    if event.object is not None:
        record |= _data(place, event, event.object)
    return merged(record, event.raw)


def _data(place: Place, event: TrailEvent, key: str) -> JsonObject:
    """What a data event of S3 has in place of a management event's."""
    bucket = _name(event.resources[0])
    arn = f"arn:{place.partition}:s3:::{bucket}"
    signed = {} if event.anonymous else {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader"}
    return {
        "requestParameters": {"bucketName": bucket, "Host": f"{bucket}.s3.{place.region}.amazonaws.com", "key": key},
        "additionalEventData": {**signed, "bytesTransferredIn": 0, "bytesTransferredOut": event.bytes},
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"},
            {"type": "AWS::S3::Bucket", "ARN": arn, "accountId": place.account},
        ],
        "managementEvent": False,
        "eventCategory": "Data",
    }


def _identity(place: Place, event: TrailEvent) -> JsonObject:
    iam = f"arn:{place.partition}:iam::{place.account}"
    by: JsonObject = {"accountId": place.account}
    if event.anonymous:
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    if event.key is not None:
        by["accessKeyId"] = event.key
    if event.role is not None:
        session = event.user or "session"
        issuer: JsonObject = {
            "type": "Role",
            "principalId": principal_id("AROA", event.role),
            "arn": f"{iam}:role/{event.role}",
            "accountId": place.account,
            "userName": event.role,
        }
        return by | {
            "type": "AssumedRole",
            "principalId": f"{principal_id('AROA', event.role)}:{session}",
            "arn": f"arn:{place.partition}:sts::{place.account}:assumed-role/{event.role}/{session}",
            "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
        }
    if event.user is not None:
        known = place.global_backend("iam").users.get(event.user)
        unique = known.id if known is not None else principal_id("AIDA", event.user)
        user: JsonObject = {"principalId": unique, "arn": f"{iam}:user/{event.user}"}
        return by | user | {"type": "IAMUser", "userName": event.user}
    if event.address.endswith(".amazonaws.com"):
        return {"type": "AWSService", "invokedBy": event.address}
    return by | {"type": "Root", "principalId": place.account, "arn": f"{iam}:root"}


def _request(event: TrailEvent) -> JsonObject | None:
    """What the call named, where the shorthand says enough to know it."""
    service = event.endpoint.split(".")[0]
    if service == "s3" and event.resources:
        return {"bucketName": _name(event.resources[0])}
    if service == "iam" and event.resources and not event.resources[0].startswith(("AKIA", "ASIA")):
        return {"roleName" if "Role" in event.name else "userName": _name(event.resources[0])}
    return None


def _resource(place: Place, event: TrailEvent, name: str) -> JsonObject:
    service = event.endpoint.split(".")[0]
    resource: JsonObject = {
        "type": _RESOURCE_TYPES.get(service, f"AWS::{service.upper()}::Resource"),
        "accountId": place.account,
    }
    if name.startswith(("AKIA", "ASIA")):
        resource["type"] = "AWS::IAM::AccessKey"
    elif ":role/" in name:
        resource["type"] = "AWS::IAM::Role"
    return resource | {"ARN" if name.startswith("arn:") else "resourceName": name}


def _name(resource: str) -> str:
    return resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def seed(place: Place, section: CloudTrailSection) -> None:
    """Put management events where LookupEvents finds them, each in its own Region. None that is there is doubled."""
    seen: dict[str, set[str]] = {}
    for record in records(place, section):
        if record["eventCategory"] != "Management":
            continue
        history = place.at(str(record["awsRegion"])).shelf(EventHistory).records
        known = seen.setdefault(str(record["awsRegion"]), {str(one["eventID"]) for one in history})
        if record["eventID"] not in known:
            history.append(record)


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own record where it can be looked up again."""
    record = carried.body
    history = place.shelf(EventHistory).records
    whole = all(isinstance(record.get(name), str) for name in ("eventName", "eventSource", "eventTime"))
    if whole and all(kept["eventID"] != record["eventID"] for kept in history):
        history.append(record)
