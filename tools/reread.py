"""Reads a finding again from the service that keeps it: what arrived is only a hint."""

import json
import re
from datetime import datetime, timedelta
from typing import Any, Literal

from agent.finding import Finding, Origin
from agent.record import JsonObject, Record, iso
from agent.target import GLOBAL
from tools.aws import Aws, AwsCall, AwsError, Phase, Rejected
from tools.gathering import home

_READ = frozenset({Phase.READ})
_HUB = "arn:{partition}:securityhub:{region}:{account}:hub/default"
DETECTORS = AwsCall("guardduty", "ListDetectors", permission="guardduty:ListDetectors", resource="*", phases=_READ)
GUARDDUTY = AwsCall("guardduty", "GetFindings", permission="guardduty:GetFindings", resource="*", phases=_READ)
HUB = AwsCall("securityhub", "GetFindings", permission="securityhub:GetFindings", resource=_HUB, phases=_READ)
MACIE = AwsCall("macie2", "GetFindings", permission="macie2:GetFindings", resource="*", phases=_READ)
TRAIL = AwsCall("cloudtrail", "LookupEvents", permission="cloudtrail:LookupEvents", resource="*", phases=_READ)
CALLS = frozenset({DETECTORS, GUARDDUTY, HUB, MACIE, TRAIL})
_LAGS = timedelta(minutes=15)
"""CloudTrail's event history may lack what is younger."""

_GUARDDUTY_ARN = re.compile(
    r"arn:aws[a-z-]*:guardduty:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":detector/(?P<detector>[0-9a-zA-Z]{1,64})/finding/(?P<id>[0-9a-zA-Z-]{1,64})"
)
_GUARDDUTY_ID = re.compile(r"guardduty:(?P<account>\d{12}):(?P<region>[a-z0-9-]+):(?P<id>[0-9a-zA-Z-]{1,64})")
_TRAIL_ID = re.compile(r"cloudtrail:\d{12}:[a-z0-9-]+:(?P<id>[0-9a-zA-Z-]{1,64})")
_MACIE_ID = re.compile(r"macie:\d{12}:[a-z0-9-]+:(?P<id>[0-9a-zA-Z-]{1,64})")


class Reread(Record):
    """What the service says now."""

    outcome: Literal["known", "absent", "not_yet", "failed"]
    body: JsonObject | None = None
    """When known: the finding as an event of its service, for intake to parse like any other."""
    note: str = ""
    """Why it failed: a code."""


def reread(aws: Aws, finding: Finding) -> Reread:
    """Read it where it is kept: in Security Hub if it came from there, else in GuardDuty, Macie or CloudTrail.

    Security Hub goes first because only its copy has the workflow status and the note. Failed, with the error's code, if the
    service does not answer, or if nobody reads findings of that origin yet.
    """
    aws = aws.at(home(aws.partition) if finding.region == GLOBAL else finding.region)
    try:
        if finding.product_arn is not None and finding.hub_id is not None:
            return _from_hub(aws, finding.product_arn, finding.hub_id)
        if finding.origin is Origin.GUARDDUTY:
            return _from_guardduty(aws, finding)
        if finding.origin is Origin.MACIE:
            return _from_macie(aws, finding)
        if finding.origin is Origin.CLOUDTRAIL:
            return _from_cloudtrail(aws, finding)
    except AwsError as error:
        return Reread(outcome="failed", note=error.code)
    return Reread(outcome="failed", note="no_reader")


def _from_hub(aws: Aws, product: str, identity: str) -> Reread:
    """ASFF by its two keys. Findings of the newer Security Hub have another API, which is not read yet."""
    if ":productv2/" in product:
        return Reread(outcome="failed", note="no_reader")
    filters = {
        "Id": [{"Value": identity, "Comparison": "EQUALS"}],
        "ProductArn": [{"Value": product, "Comparison": "EQUALS"}],
    }
    for page in aws.pages(HUB, Filters=filters, MaxResults=100):
        for found in _listed(page, "Findings"):
            if found.get("Id") == identity and found.get("ProductArn") == product:
                return _known("aws.securityhub", "Security Hub Findings - Imported", {"findings": [found]})
    return Reread(outcome="absent")


def _from_guardduty(aws: Aws, finding: Finding) -> Reread:
    """By the ARN's detector; by the Region's own where there is none in it, or it is not this account's."""
    named = _GUARDDUTY_ARN.fullmatch(finding.key) or _GUARDDUTY_ID.fullmatch(finding.key)
    if named is None or named["account"] != finding.account:
        return Reread(outcome="failed", note="no_identifier")
    aws, given = aws.at(named["region"]), named.groupdict().get("detector")
    try:
        found = _ask_detector(aws, given, named["id"]) if given else None
    except Rejected:
        given, found = None, None
    if given is None:
        detectors = [str(one) for page in aws.pages(DETECTORS) for one in _listed(page, "DetectorIds")]
        found = next((one for detector in detectors if (one := _ask_detector(aws, detector, named["id"]))), None)
    return Reread(outcome="absent") if found is None else _known("aws.guardduty", "GuardDuty Finding", found)


def _ask_detector(aws: Aws, detector: str, identity: str) -> Any:
    answer = aws.need(GUARDDUTY, DetectorId=detector, FindingIds=[identity])
    return next((found for found in _listed(answer, "Findings") if found.get("Id") == identity), None)


def _from_macie(aws: Aws, finding: Finding) -> Reread:
    named = _MACIE_ID.fullmatch(finding.key)
    if named is None:
        return Reread(outcome="failed", note="no_identifier")
    for found in _listed(aws.need(MACIE, findingIds=[named["id"]]), "findings"):
        if found.get("id") == named["id"]:
            return _known("aws.macie", "Macie Finding", found)
    return Reread(outcome="absent")


def _from_cloudtrail(aws: Aws, finding: Finding) -> Reread:
    """The record in the event history, by its id. One that is not there yet is not absent."""
    named = _TRAIL_ID.fullmatch(finding.key)
    if named is None:
        return Reread(outcome="failed", note="no_identifier")
    answer = aws.need(TRAIL, LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": named["id"]}])
    for found in _listed(answer, "Events"):
        if found.get("EventId") == named["id"]:
            record = json.loads(str(found["CloudTrailEvent"]))
            return _known("aws.cloudtrail", "AWS API Call via CloudTrail", record)
    young = finding.last_seen is None or finding.last_seen > aws.now() - _LAGS
    return Reread(outcome="not_yet", note="cloudtrail_lag") if young else Reread(outcome="absent")


def _listed(answer: JsonObject, name: str) -> list[Any]:
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _known(source: str, detail_type: str, detail: Any) -> Reread:
    plain = json.loads(json.dumps(detail, default=_plain))
    return Reread(outcome="known", body={"source": source, "detail-type": detail_type, "detail": plain})


def _plain(value: object) -> str:
    """boto3 turns times into datetimes; events have them as text."""
    return iso(value) if isinstance(value, datetime) else str(value)
