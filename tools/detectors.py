"""GuardDuty's detectors in one Region: which there are, and whether they have watched since before a finding."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.intake.moments import moment
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering

_READ = frozenset({Phase.READ})
LIST = AwsCall("guardduty", "ListDetectors", "guardduty:ListDetectors", "*", _READ)
GET = AwsCall(
    "guardduty",
    "GetDetector",
    "guardduty:GetDetector",
    "arn:{partition}:guardduty:{region}:{account}:detector/*",
    _READ,
)
CALLS = frozenset({LIST, GET})


@dataclass(frozen=True)
class Detectors:
    """Those of one Region."""

    ids: list[str]
    doubt: str = ""
    """Why what they hold may not be all: nobody watched, or not all along, or a former one took its findings with it."""


def there(gathering: Gathering, aws: Aws, since: datetime | None) -> Detectors:
    """Every detector of the Region, held against what happened `since`; None: nobody knows when. Raises AwsError."""
    ids = [str(one) for one in gathering.all(aws, LIST, "DetectorIds")]
    doubts = [_doubt(gathering.call(aws, GET, DetectorId=one), since) for one in ids] or ["no_detector"]
    return Detectors(ids, next(filter(None, doubts), ""))


def _doubt(answer: Any, since: datetime | None) -> str:
    """One that was changed since may have been off for a while: AWS does not say what was changed."""
    if answer.get("Status") != "ENABLED":
        return "detector_disabled"
    times = [moment(answer.get(name)) for name in ("CreatedAt", "UpdatedAt")]
    if since is None or times[0] is None or any(time is not None and time > since for time in times):
        return "detector_changed_since"
    return ""
