"""Other findings about the same key, user, bucket or instance: how many GuardDuty and Security Hub hold, and how severe the worst is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import parse_document
from agent.intake.severity import LABELS, UNSAID
from agent.target import GLOBAL, Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, about, home, users
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_HUB = "arn:{partition}:securityhub:{region}:{account}:hub/default"
_THREATS, _THREAT = "threat_findings", "threat_severity"
_OTHERS, _OTHER = "hub_findings", "hub_severity"
FACTS = tuple(
    f"{kind}.{name}"
    for kind, names in (
        ("key", (_THREATS, _THREAT)),
        ("user", (_THREATS, _THREAT)),
        ("bucket", (_THREATS, _THREAT, _OTHERS, _OTHER)),
        ("instance", (_THREATS, _THREAT, _OTHERS, _OTHER)),
    )
    for name in names
)

SPEC = SourceSpec(
    name="related_findings",
    tells="How many other findings GuardDuty and Security Hub hold about the same thing, and how severe the worst is.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=20_000_000,
    attacker_writes=("titles", "descriptions"),
)

DETECTORS = AwsCall("guardduty", "ListDetectors", "guardduty:ListDetectors", "*", _READ)
LIST = AwsCall("guardduty", "ListFindings", "guardduty:ListFindings", "*", _READ)
GET = AwsCall("guardduty", "GetFindings", "guardduty:GetFindings", "*", _READ)
HUB = AwsCall("securityhub", "GetFindings", "securityhub:GetFindings", _HUB, _READ)
CALLS = frozenset({DETECTORS, LIST, GET, HUB})

MOST = 100
"""So many are looked at; a count of this means as many or more."""
_BATCH = 50
_NOT_SUBSCRIBED = "InvalidAccessException"
_PREFIX = {TargetKind.ACCESS_KEY: "key"}
_PATHS = {
    TargetKind.ACCESS_KEY: "resource.accessKeyDetails.accessKeyId",
    TargetKind.USER: "resource.accessKeyDetails.userName",
    TargetKind.BUCKET: "resource.s3BucketDetails.name",
    TargetKind.INSTANCE: "resource.instanceDetails.instanceId",
}


@dataclass(frozen=True)
class _Found:
    """The other findings of one service about one target. No severities and no gap: there are none."""

    severities: list[int]
    gap: str = ""
    absent: str = ""
    """Why the service has nothing to say at all."""


def wanted(finding: Finding) -> bool:
    """Where the finding is about something that others may be about too."""
    return bool(_subjects(finding))


def gather(aws: Aws, question: Question) -> Answered:
    """Ask both services in the Regions where they keep findings about each target."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    own = {text.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for text in (finding.key, finding.hub_id) if text}
    for target in _subjects(finding):
        prefix = _PREFIX.get(target.kind, target.kind.value)
        gathering.want(target, [name for name in FACTS if name.startswith(f"{prefix}.")])
        where = list(dict.fromkeys(_regions(target, finding)))
        _tell(gathering, target, (_THREATS, _THREAT), _threats(gathering, aws, where, target, own))
        if f"{prefix}.{_OTHERS}" in FACTS:
            _tell(gathering, target, (_OTHERS, _OTHER), _others(gathering, aws.at(where[0]), target, own))
    return gathering.answered()


def _subjects(finding: Finding) -> list[Target]:
    kinds = (TargetKind.ACCESS_KEY, TargetKind.BUCKET, TargetKind.INSTANCE)
    return [*(target for kind in kinds for target in about(finding, kind)), *users(finding)]


def _regions(target: Target, finding: Finding) -> list[str]:
    """Who has no Region is seen where the finding is, and where global services tell what they saw."""
    if target.region != GLOBAL:
        return [target.region]
    at_home = home(target.partition)
    return [at_home if finding.region == GLOBAL else finding.region, at_home]


def _tell(gathering: Gathering, target: Target, names: tuple[str, str], found: _Found) -> None:
    count, worst = (f"{_PREFIX.get(target.kind, target.kind.value)}.{name}" for name in names)
    if found.absent:
        for name in (count, worst):
            gathering.absent(name, target, found.absent)
        return
    gathering.settle(count, target, None if found.gap else len(found.severities), found.gap)
    if not found.severities and not found.gap:
        gathering.absent(worst, target, "no_other_finding")
    else:
        gathering.settle(worst, target, None if found.gap else max(found.severities), found.gap)


def _threats(gathering: Gathering, aws: Aws, where: Iterable[str], target: Target, own: set[str]) -> _Found:
    criteria = {_PATHS[target.kind]: {"Equals": [target.id]}, "service.archived": {"Equals": ["false"]}}
    if target.kind is TargetKind.USER:
        criteria["resource.accessKeyDetails.userType"] = {"Equals": ["IAMUser"]}
    severities: list[int] = []
    detectors = 0
    try:
        for region in where:
            here = aws.at(region)
            for detector in gathering.all(here, DETECTORS, "DetectorIds"):
                detectors += 1
                ids = _ids(gathering, here, detector, criteria)
                severities += _severities(gathering, here, detector, [one for one in ids if one not in own])
    except AwsError as error:
        return _Found([], gap=error.code)
    return _Found(severities[:MOST], absent="" if detectors else "no_detector")


def _ids(gathering: Gathering, aws: Aws, detector: str, criteria: dict[str, Any]) -> list[str]:
    """Ids of findings, the newest first, as far as they are looked at."""
    newest = {"AttributeName": "service.eventLastSeen", "OrderBy": "DESC"}
    pages = gathering.pages(
        aws, LIST, DetectorId=detector, FindingCriteria={"Criterion": criteria}, SortCriteria=newest, MaxResults=_BATCH
    )
    return _first(str(one) for page in pages for one in page.get("FindingIds", []))


def _severities(gathering: Gathering, aws: Aws, detector: str, ids: list[str]) -> list[int]:
    """From 0 to 100. A sample is nobody's finding."""
    found: list[int] = []
    for start in range(0, len(ids), _BATCH):
        answer: Any = gathering.call(aws, GET, DetectorId=detector, FindingIds=ids[start : start + _BATCH])
        found += [round(10 * one.get("Severity", 0)) for one in answer.get("Findings", []) if not _is_sample(one)]
    return found


def _is_sample(finding: Any) -> bool:
    more = parse_document(finding.get("Service", {}).get("AdditionalInfo", {}).get("Value", ""))
    return more is not None and more.get("sample") is True


def _others(gathering: Gathering, aws: Aws, target: Target, own: set[str]) -> _Found:
    """What Security Hub holds open about the resource from services of AWS; GuardDuty's own are counted already."""
    filters = {
        "ResourceId": [{"Value": _arn(target), "Comparison": "EQUALS"}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
        "WorkflowStatus": [{"Value": status, "Comparison": "EQUALS"} for status in ("NEW", "NOTIFIED")],
        "AwsAccountId": [{"Value": target.account, "Comparison": "EQUALS"}],
    }
    try:
        pages = gathering.pages(aws, HUB, Filters=filters, MaxResults=MOST)
        listed = _first(one for page in pages for one in page.get("Findings", []))
    except AwsError as error:
        return _Found([], absent="no_hub") if error.code == _NOT_SUBSCRIBED else _Found([], gap=error.code)
    counted = [one for one in listed if _is_open(one) and str(one.get("Id")).rsplit("/", 1)[-1] not in own]
    return _Found([LABELS.get(_label(one), UNSAID) for one in counted])


def _is_open(finding: Any) -> bool:
    """Of a service of AWS: whoever may import findings of his own can call anything severe."""
    product = str(finding.get("ProductArn", ""))
    return (
        "::product/aws/" in product
        and not product.endswith("/guardduty")
        and finding.get("Compliance", {}).get("Status") != "PASSED"
    )


def _label(finding: Any) -> str:
    """As the provider says it: the label on top may be anybody's."""
    return str(finding.get("FindingProviderFields", {}).get("Severity", {}).get("Label", ""))


def _arn(target: Target) -> str:
    if target.kind is TargetKind.BUCKET:
        return f"arn:{target.partition}:s3:::{target.id}"
    return f"arn:{target.partition}:ec2:{target.region}:{target.account}:instance/{target.id}"


def _first(items: Iterator[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        found.append(item)
        if len(found) >= MOST:
            break
    return found
