"""GuardDuty in a world: findings that GetFindings answers."""

import json
import re
from typing import Annotated
from uuid import NAMESPACE_OID, uuid5

from pydantic import Field

from agent.record import JsonObject, Record, iso
from tools.sandbox.seeding.events import Carried, pick, plain
from tools.sandbox.seeding.iam import Name, principal_id
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.shape import fitted, is_news, put
from tools.sandbox.seeding.when import When, resolve
from tools.sandbox.services.guardduty import GuardDutyFindings


class GuardDutyFinding(Record):
    """A finding in shorthand, or `full` as GetFindings answers it."""

    type: str = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom"
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """By default made from the type and what it is about."""
    severity: Annotated[float, Field(ge=0, le=10)] = 8
    at: When = "-20m"
    user: Name | None = None
    key: Annotated[str, Field(pattern=r"^(AKIA|ASIA)[A-Z0-9]{12,28}$")] | None = None
    role: Name | None = None
    bucket: BucketName | None = None
    instance: Annotated[str, Field(pattern=r"^i-[0-9a-f]{8,17}$")] | None = None
    address: str = "198.51.100.7"
    archived: bool = False
    sample: bool = False
    region: str | None = None
    raw: JsonObject = {}
    """Laid over the finding last, in GetFindings' casing."""
    full: JsonObject | None = None


class GuardDutySection(Record):
    """The `guardduty` key of a world."""

    enabled: bool = True
    since: When = "-400d"
    """When each detector was made."""
    regions: list[str] = []
    """Where it is on beside the world's own Region and those of its findings."""
    findings: list[GuardDutyFinding] = []


def finding(place: Place, short: GuardDutyFinding) -> JsonObject:
    """The finding as GetFindings answers it."""
    if short.full is not None:
        return short.full
    about = json.dumps(
        [place.account, place.region, short.type, short.user, short.key, short.role, short.bucket, short.at]
        + ([short.instance] if short.instance else [])
    )
    identity = short.id or uuid5(NAMESPACE_OID, about).hex
    at = iso(resolve(short.at, place.now))
    detector = enable(place)
    made: JsonObject = {
        "SchemaVersion": "2.0",
        "AccountId": place.account,
        "Region": place.region,
        "Partition": place.partition,
        "Id": identity,
        "Arn": f"arn:{place.partition}:guardduty:{place.region}:{place.account}:detector/{detector}/finding/{identity}",
        "Type": short.type,
        "Resource": _resource(place, short),
        "Service": {
            "ServiceName": "guardduty",
            "DetectorId": detector,
            "Action": {
                "ActionType": "AWS_API_CALL",
                "AwsApiCallAction": {"CallerType": "Remote IP", "RemoteIpDetails": {"IpAddressV4": short.address}},
            },
            "ResourceRole": "TARGET",
            "EventFirstSeen": at,
            "EventLastSeen": at,
            "Archived": short.archived,
            "Count": 1,
            "AdditionalInfo": {"Value": json.dumps({"sample": True} if short.sample else {}), "Type": "default"},
        },
        "Severity": short.severity,
        "CreatedAt": at,
        "UpdatedAt": at,
        "Title": f"{short.type} was seen.",
        "Description": f"{short.type} was seen.",
    }
    return merged(made, short.raw)


def _resource(place: Place, short: GuardDutyFinding) -> JsonObject:
    resource: JsonObject = {"ResourceType": "S3Bucket" if short.bucket and not short.user else "AccessKey"}
    if short.user or short.role or short.key:
        resource["AccessKeyDetails"] = {
            "AccessKeyId": short.key or "",
            "PrincipalId": _principal(short),
            "UserType": "AssumedRole" if short.role else "IAMUser",
            "UserName": short.role or short.user or "",
        }
    if short.bucket:
        arn = f"arn:{place.partition}:s3:::{short.bucket}"
        resource["S3BucketDetails"] = [{"Arn": arn, "Name": short.bucket, "Type": "Destination"}]
    if short.instance:
        resource |= {"ResourceType": "Instance", "InstanceDetails": {"InstanceId": short.instance}}
    return resource


def _principal(short: GuardDutyFinding) -> str:
    if short.role is not None:
        return f"{principal_id('AROA', short.role)}:{short.user or 'session'}"
    return principal_id("AIDA", short.user) if short.user else ""


def seed(place: Place, section: GuardDutySection) -> None:
    """Turn GuardDuty on, and put the findings where GetFindings finds them, each in its own Region."""
    if not section.enabled:
        return
    for region in (None, *section.regions, *(short.region for short in section.findings)):
        enable(place.at(region), since=section.since)
    for short in section.findings:
        here = place.at(short.region)
        _keep(here, finding(here, short))


def enable(place: Place, detector: str | None = None, since: When = "-400d") -> str:
    """The id of the Region's one detector, made if there is none; GuardDuty chooses ids, so it is set behind its back."""
    backend = place.backend("guardduty")
    for known in backend.detectors:
        return str(known)
    backend.create_detector(True, "FIFTEEN_MINUTES", {}, {}, [])
    made = backend.detectors.pop(next(iter(backend.detectors)))
    made.created_at = made.updated_at = resolve(since, place.now).replace(tzinfo=None)
    made.id = detector or uuid5(NAMESPACE_OID, f"detector {place.account} {place.region}").hex
    backend.detectors[made.id] = made
    return str(made.id)


def _keep(place: Place, body: JsonObject) -> None:
    put(place.shelf(GuardDutyFindings).findings, fitted(place, "guardduty", "Finding", body), "Id")


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own finding where it can be read again, under the detector that it names, unless one as new is there."""
    body, service = carried.body, pick(carried.body, "service")
    if not isinstance(pick(body, "id"), str):
        return
    named = pick(service, "detectorid")
    enable(place, named if isinstance(named, str) and re.fullmatch(r"[0-9a-zA-Z]{1,64}", named) else None)
    extra = pick(service, "additionalinfo")
    if isinstance(service, dict) and isinstance(extra, dict) and not isinstance(pick(extra, "value"), str):
        # GetFindings gives as JSON text what the event gives as an object
        text: JsonObject = {"value": json.dumps(extra), "type": "default"}
        others = {key: value for key, value in service.items() if plain(key) != "additionalinfo"}
        body = {key: value for key, value in body.items() if plain(key) != "service"}
        body["service"] = others | {"additionalInfo": text}
    findings, own = place.shelf(GuardDutyFindings).findings, fitted(place, "guardduty", "Finding", body)
    if is_news(own, next((one for one in findings if one.get("Id") == own.get("Id")), None), "UpdatedAt"):
        put(findings, own, "Id")
