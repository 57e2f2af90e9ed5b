"""GuardDuty's own finding, by its id and the detector that keeps it."""

import re
from typing import Any

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase, Rejected
from tools.readers.answer import ABSENT, NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
DETECTORS = AwsCall("guardduty", "ListDetectors", permission="guardduty:ListDetectors", resource="*", phases=_READ)
GET = AwsCall("guardduty", "GetFindings", permission="guardduty:GetFindings", resource="*", phases=_READ)
CALLS = frozenset({DETECTORS, GET})

_ARN = re.compile(
    r"arn:aws[a-z-]*:guardduty:(?P<region>[a-z0-9-]+):(?P<account>\d{12})"
    r":detector/(?P<detector>[0-9a-zA-Z]{1,64})/finding/(?P<id>[0-9a-zA-Z-]{1,64})"
)
_ID = re.compile(r"guardduty:(?P<account>\d{12}):(?P<region>[a-z0-9-]+):(?P<id>[0-9a-zA-Z-]{1,64})")


def read(aws: Aws, finding: Finding) -> Reread:
    """By the ARN's detector; by the Region's own where there is none in it, or it is not this account's.

    Whoever deletes a detector deletes its findings: without it, what another does not have is not absent.
    """
    named = _named(finding.key)
    if named is None or named["account"] != finding.account:
        return NO_IDENTIFIER
    aws, given = aws.at(named["region"]), named.groupdict().get("detector")
    if given is not None:
        try:
            return _said(_ask(aws, given, named["id"]))
        except Rejected:
            pass  # it is no detector of this account, or none any more
    detectors = [str(one) for page in aws.pages(DETECTORS) for one in listed(page, "DetectorIds")]
    found = next((one for detector in detectors if (one := _ask(aws, detector, named["id"]))), None)
    if found is None and (given is not None or not detectors):
        return Reread(outcome="failed", note="detector_gone" if detectors else "no_detector")
    return _said(found)


def is_same(key: str, other: str) -> bool:
    """Whether both keys name one finding: its id, in its account and Region, whichever detector they say keeps it."""
    named, told = _named(key), _named(other)
    return named is not None and told is not None and all(named[at] == told[at] for at in ("account", "region", "id"))


def _named(key: str) -> re.Match[str] | None:
    return _ARN.fullmatch(key) or _ID.fullmatch(key)


def _said(found: Any) -> Reread:
    return ABSENT if found is None else known("aws.guardduty", "GuardDuty Finding", found)


def _ask(aws: Aws, detector: str, identity: str) -> Any:
    answer = aws.need(GET, DetectorId=detector, FindingIds=[identity])
    return next((found for found in listed(answer, "Findings") if found.get("Id") == identity), None)
