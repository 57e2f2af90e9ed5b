"""IAM Access Analyzer in a world: one analyzer of external access, and what it found."""

import json
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from agent.record import JsonObject, Record, iso
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.shape import fitted, is_news, put
from tools.sandbox.seeding.when import When, resolve
from tools.sandbox.services.accessanalyzer import AnalyzerState


class AnalyzerFinding(Record):
    """One principal outside that reaches a bucket."""

    bucket: BucketName
    principal: str = "*"
    """`*`, an account id or an ARN."""
    status: Literal["ACTIVE", "ARCHIVED", "RESOLVED"] = "ACTIVE"
    source: Literal["POLICY", "BUCKET_ACL", "S3_ACCESS_POINT"] = "POLICY"
    at: When = "-2h"
    region: str | None = None


class AccessAnalyzerSection(Record):
    """The `access_analyzer` key of a world. A world without it has no analyzer."""

    enabled: bool = True
    type: Literal["ACCOUNT", "ORGANIZATION", "ACCOUNT_UNUSED_ACCESS"] = "ACCOUNT"
    findings: list[AnalyzerFinding] = []


def seed(place: Place, section: AccessAnalyzerSection) -> None:
    """Make the analyzer, if there is one, in the world's Region and in those of its findings."""
    if not section.enabled:
        return
    _analyzer(place, section)
    for short in section.findings:
        here = place.at(short.region)
        arn = _analyzer(here, section)
        here.shelf(AnalyzerState).findings[arn].append(
            fitted(here, "accessanalyzer", "FindingSummary", finding(here, short))
        )


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own finding where it can be read again, unless nothing identifies it, or one as new is there."""
    body, owner = carried.body, pick(carried.body, "resourceowneraccount", "accountid")
    if not isinstance(body.get("id"), str) or body.get("findingType") not in (None, "ExternalAccess"):
        return
    state, arn = place.shelf(AnalyzerState), _analyzer(place, AccessAnalyzerSection())
    own = fitted(place, "accessanalyzer", "FindingSummary", {"condition": {}} | body | {"resourceOwnerAccount": owner})
    if is_news(own, next((one for one in state.findings[arn] if one["id"] == own["id"]), None), "updatedAt"):
        put(state.findings[arn], own, "id")


def _analyzer(place: Place, section: AccessAnalyzerSection) -> str:
    """The ARN of the Region's analyzer, made if there is none."""
    arn = f"arn:{place.partition}:access-analyzer:{place.region}:{place.account}:analyzer/external"
    state = place.shelf(AnalyzerState)
    if arn not in state.findings:
        made: JsonObject = {
            "arn": arn, "name": "external", "type": section.type, "status": "ACTIVE", "createdAt": iso(place.now),
        }  # fmt: skip
        state.analyzers.append(fitted(place, "accessanalyzer", "AnalyzerSummary", made))
        state.findings[arn] = []
    return arn


def finding(place: Place, short: AnalyzerFinding) -> JsonObject:
    """The finding as ListFindings answers it."""
    at = iso(resolve(short.at, place.now))
    about = json.dumps([place.account, place.region, short.bucket, short.principal, short.source])
    return {
        "id": str(uuid5(NAMESPACE_OID, about)),
        "principal": {"AWS": short.principal},
        "action": ["s3:GetObject"],
        "resource": f"arn:{place.partition}:s3:::{short.bucket}",
        "resourceType": "AWS::S3::Bucket",
        "resourceOwnerAccount": place.account,
        "isPublic": short.principal == "*",
        "condition": {},
        "status": short.status,
        "createdAt": at,
        "analyzedAt": at,
        "updatedAt": at,
        "sources": [{"type": short.source}],
    }
