"""Other findings about the same key, user, bucket or instance: how many GuardDuty and Security Hub hold, and how severe the worst is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from agent.closing import SEVERE
from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import parse_document
from agent.intake.severity import LABELS, UNSAID
from agent.target import GLOBAL, Target, TargetKind
from tools import detectors, regions
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.detectors import Detectors
from tools.gathering import Gathering, Read, about, attempt, users
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_HUB = "arn:{partition}:securityhub:{region}:{account}:hub/default"
_THREATS, _THREAT = "threat_findings", "threat_severity"
_PUT_AWAY, _AWAY = "archived_findings", "archived_severity"
_OTHERS, _OTHER = "hub_findings", "hub_severity"
FACTS = tuple(
    f"{kind}.{name}"
    for kind, names in (
        ("key", (_THREATS, _THREAT, _PUT_AWAY, _AWAY)),
        ("user", (_THREATS, _THREAT, _PUT_AWAY, _AWAY)),
        ("bucket", (_THREATS, _THREAT, _PUT_AWAY, _AWAY, _OTHERS, _OTHER)),
        ("instance", (_THREATS, _THREAT, _PUT_AWAY, _AWAY, _OTHERS, _OTHER)),
    )
    for name in names
)

SPEC = SourceSpec(
    name="related_findings",
    tells="How many other findings GuardDuty and Security Hub hold about the same thing, archived ones apart, and how severe the worst is.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=20_000_000,
    attacker_writes=("titles", "descriptions"),
)

LIST = AwsCall("guardduty", "ListFindings", "guardduty:ListFindings", "*", _READ)
GET = AwsCall("guardduty", "GetFindings", "guardduty:GetFindings", "*", _READ)
HUB = AwsCall("securityhub", "GetFindings", "securityhub:GetFindings", _HUB, _READ)
CALLS = detectors.CALLS | {LIST, GET, HUB, regions.REGIONS}

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


Watch = Callable[[str], Read[Detectors]]
"""The detectors of a Region by its name, each Region asked once."""


@dataclass(frozen=True)
class _Found:
    """The other findings of one service about one target. No severities, no gap and no doubt: there are none."""

    severities: list[int]
    gap: str = ""
    doubt: str = ""
    """Why there may be others, though all that was asked answered."""


def wanted(finding: Finding) -> bool:
    """Where the finding is about something that others may be about too."""
    return bool(_subjects(finding))


def gather(aws: Aws, question: Question) -> Answered:
    """Ask both services in the Regions where they keep findings about each target."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    own = {text.rsplit("/", 1)[-1].rsplit(":", 1)[-1] for text in (finding.key, finding.hub_id) if text}
    everywhere = Read[list[str]]([])
    if any(target.region == GLOBAL for target in _subjects(finding)):
        everywhere = regions.used(gathering, aws, question)

    @cache
    def watch(region: str) -> Read[Detectors]:
        if aws.timeout_at():
            return Read(None, "deadline")
        return attempt(lambda: detectors.there(gathering, aws.at(region), finding.first_seen or finding.last_seen))

    for target in _subjects(finding):
        prefix = _PREFIX.get(target.kind, target.kind.value)
        gathering.want(target, [name for name in FACTS if name.startswith(f"{prefix}.")])
        where = everywhere if target.region == GLOBAL else Read([target.region])
        for names, archived in (((_THREATS, _THREAT), False), ((_PUT_AWAY, _AWAY), True)):
            _tell(gathering, target, names, _threats(gathering, aws, where, watch, target, own, archived=archived))
        if f"{prefix}.{_OTHERS}" in FACTS:
            _tell(gathering, target, (_OTHERS, _OTHER), _others(gathering, aws.at(target.region), target, own))
    return gathering.answered()


def _subjects(finding: Finding) -> list[Target]:
    kinds = (TargetKind.ACCESS_KEY, TargetKind.BUCKET, TargetKind.INSTANCE)
    return [*(target for kind in kinds for target in about(finding, kind)), *users(finding)]


def _tell(gathering: Gathering, target: Target, names: tuple[str, str], found: _Found) -> None:
    """A severe one is there whatever else is; that there is none takes all that there may be."""
    count, worst = (f"{_PREFIX.get(target.kind, target.kind.value)}.{name}" for name in names)
    severity = max(found.severities, default=0)
    if severity < SEVERE and (found.gap or found.doubt):
        for name in (count, worst):
            if found.gap:
                gathering.failed(name, target, found.gap)
            else:
                gathering.absent(name, target, found.doubt)
        return
    gathering.known(count, target, min(len(found.severities), MOST))
    if found.severities:
        gathering.known(worst, target, severity)
    else:
        gathering.absent(worst, target, "no_other_finding")


def _threats(
    gathering: Gathering,
    aws: Aws,
    where: Read[list[str]],
    watch: Watch,
    target: Target,
    own: set[str],
    *,
    archived: bool,
) -> _Found:
    """Those that GuardDuty holds, in every Region that is to be read. Whoever archives one only puts it out of sight."""
    criteria = {_PATHS[target.kind]: {"Equals": [target.id]}, "service.archived": {"Equals": [str(archived).lower()]}}
    if target.kind is TargetKind.USER:
        criteria["resource.accessKeyDetails.userType"] = {"Equals": ["IAMUser"]}
    severities: list[int] = []
    gap, doubt = where.gap, ""
    for region in where.value or []:
        here = watch(region)
        found = attempt(partial(_held, gathering, aws.at(region), here.value, criteria, own)) if here.value else here
        gap = gap or found.gap
        if isinstance(found.value, _Found):
            severities += found.value.severities
            doubt = doubt or found.value.doubt
    return _Found(severities, gap, doubt)


def _held(gathering: Gathering, aws: Aws, held: Detectors, criteria: dict[str, Any], own: set[str]) -> _Found:
    severities: list[int] = []
    doubt = held.doubt
    for detector in held.ids:
        ids = _ids(gathering, aws, detector, criteria)
        doubt = doubt or _cut(ids)
        severities += _severities(gathering, aws, detector, [one for one in ids if one not in own])
    return _Found(severities, doubt=doubt)


def _cut(listed: list[Any]) -> str:
    return "more_than_looked_at" if len(listed) >= MOST else ""


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
        return _Found([], doubt="no_hub") if error.code == _NOT_SUBSCRIBED else _Found([], gap=error.code)
    counted = [one for one in listed if _is_open(one) and str(one.get("Id")).rsplit("/", 1)[-1] not in own]
    return _Found([LABELS.get(_label(one), UNSAID) for one in counted], doubt=_cut(listed))


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
