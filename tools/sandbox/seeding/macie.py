"""Macie in a world: findings, and what it knows about buckets."""

import json
from typing import Annotated, Literal
from uuid import NAMESPACE_OID, uuid5

from pydantic import Field

from agent.record import JsonObject, Record, iso
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.shape import fitted, is_news, put
from tools.sandbox.seeding.when import When, resolve
from tools.sandbox.services.macie2 import MacieState

_SCORES = {"Low": 1, "Medium": 2, "High": 3}
Public = Literal["PUBLIC", "NOT_PUBLIC", "UNKNOWN"]


class MacieFinding(Record):
    """A finding in shorthand, or `full` as GetFindings answers it."""

    type: str = "SensitiveData:S3Object/Personal"
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """By default made from the type and the bucket."""
    bucket: BucketName | None = None
    object: str = "records.csv"
    """The object, for a SensitiveData type."""
    severity: Literal["Low", "Medium", "High"] = "High"
    at: When = "-2h"
    public: Public = "UNKNOWN"
    archived: bool = False
    sample: bool = False
    region: str | None = None
    raw: JsonObject = {}
    """Laid over the finding last."""
    full: JsonObject | None = None


class MacieBucket(Record):
    """What DescribeBuckets says about a bucket."""

    name: BucketName
    region: str | None = None
    sensitivity_score: Annotated[int, Field(ge=-1, le=100)] | None = None
    """-1: could not be analysed; 1 or 50 may only mean not analysed yet; null: not given."""
    public: Public = "NOT_PUBLIC"
    objects: int = 1
    bytes: int = 1024
    raw: JsonObject = {}
    """Laid over the entry last."""


class MacieSection(Record):
    """The `macie` key of a world. A world without it has Macie off."""

    enabled: bool = True
    findings: list[MacieFinding] = []
    buckets: list[MacieBucket] = []


def finding(place: Place, short: MacieFinding) -> JsonObject:
    """The finding as GetFindings answers it."""
    if short.full is not None:
        return short.full
    about = json.dumps([place.account, place.region, short.type, short.bucket, short.object, short.at])
    at = iso(resolve(short.at, place.now))
    policy = short.type.startswith("Policy:")
    made: JsonObject = {
        "accountId": place.account,
        "archived": short.archived,
        "category": "POLICY" if policy else "CLASSIFICATION",
        "count": 1,
        "createdAt": at,
        "updatedAt": at,
        "description": f"{short.type} was seen.",
        "id": short.id or uuid5(NAMESPACE_OID, about).hex,
        "partition": place.partition,
        "region": place.region,
        "resourcesAffected": _affected(place, short, policy),
        "sample": short.sample,
        "schemaVersion": "1.0",
        "severity": {"description": short.severity, "score": _SCORES[short.severity]},
        "title": f"{short.type} was seen.",
        "type": short.type,
    }
    if not policy:
        found: JsonObject = {
            "category": "PERSONAL_INFORMATION",
            "totalCount": 1,
            "detections": [{"count": 1, "type": "NAME"}],
        }
        made["classificationDetails"] = {"result": {"status": {"code": "COMPLETE"}, "sensitiveData": [found]}}
    return merged(made, short.raw)


def _affected(place: Place, short: MacieFinding, policy: bool) -> JsonObject:
    if short.bucket is None:
        return {}
    arn = f"arn:{place.partition}:s3:::{short.bucket}"
    bucket: JsonObject = {"arn": arn, "name": short.bucket, "publicAccess": {"effectivePermission": short.public}}
    if policy:
        return {"s3Bucket": bucket}
    return {
        "s3Bucket": bucket,
        "s3Object": {"bucketArn": arn, "key": short.object, "path": f"{short.bucket}/{short.object}"},
    }


def bucket(place: Place, short: MacieBucket) -> JsonObject:
    """The bucket as DescribeBuckets answers it."""
    made: JsonObject = {
        "accountId": place.account,
        "bucketArn": f"arn:{place.partition}:s3:::{short.name}",
        "bucketName": short.name,
        "classifiableObjectCount": short.objects,
        "classifiableSizeInBytes": short.bytes,
        "lastUpdated": iso(place.now),
        "objectCount": short.objects,
        "publicAccess": {"effectivePermission": short.public},
        "region": place.region,
        "sharedAccess": "NOT_SHARED",
        "sizeInBytes": short.bytes,
    }
    if short.sensitivity_score is not None:
        made["sensitivityScore"] = short.sensitivity_score
    return merged(made, short.raw)


def seed(place: Place, section: MacieSection) -> None:
    """Turn Macie on, if it is on, and put in what it knows, each thing in its own Region. What it knew of a bucket stays."""
    if not section.enabled:
        return
    _state(place)
    for found in section.findings:
        here = place.at(found.region)
        put(_state(here).findings, fitted(here, "macie2", "Finding", finding(here, found)), "id")
    for known in section.buckets:
        here = place.at(known.region)
        if all(one["bucketName"] != known.name for one in _state(here).buckets):
            _state(here).buckets.append(fitted(here, "macie2", "BucketMetadata", bucket(here, known)))


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own finding where it can be read again, unless nothing identifies it, or one as new is there."""
    if not isinstance(pick(carried.body, "id"), str):
        return
    findings, own = _state(place).findings, fitted(place, "macie2", "Finding", carried.body)
    if is_news(own, next((one for one in findings if one.get("id") == own.get("id")), None), "updatedAt"):
        put(findings, own, "id")


def _state(place: Place) -> MacieState:
    state = place.shelf(MacieState)
    state.enabled = True
    return state
