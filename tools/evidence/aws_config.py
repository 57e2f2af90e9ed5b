"""AWS Config: since when a bucket or a security group has been open to the world, and whether it was closed before."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from agent.config_history import State, bucket_is_open, group_is_open, stretch
from agent.evidence import Answered
from agent.finding import Finding
from agent.record import JsonObject
from agent.target import Target, TargetKind
from tools.archive import plain
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, about, regional
from tools.source import Question, SourceSpec

_DAYS, _BEFORE = "open_days", "closed_before"
FACTS = tuple(f"{kind}.{name}" for kind in ("bucket", "group") for name in (_DAYS, _BEFORE))

SPEC = SourceSpec(
    name="aws_config",
    tells="Since when a bucket or a security group has been open to the world, and whether it was closed before.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=10_000_000,
    attacker_writes=("policies", "descriptions", "tags"),
)

HISTORY = AwsCall("config", "GetResourceConfigHistory", "config:GetResourceConfigHistory", "*", frozenset({Phase.READ}))
CALLS = frozenset({HISTORY})

PAGES = 30
"""A page spans seven days at most, whatever there is in them: these are seven months."""
_TYPES: dict[TargetKind, tuple[str, Callable[[JsonObject], bool | None]]] = {
    TargetKind.BUCKET: ("AWS::S3::Bucket", bucket_is_open),
    TargetKind.GROUP: ("AWS::EC2::SecurityGroup", group_is_open),
}
_NONE = {"NoAvailableConfigurationRecorderException": "no_recorder", "ResourceNotDiscoveredException": "not_recorded"}
_CUT = "page_limit"


def wanted(finding: Finding) -> bool:
    """Config records both."""
    return any(about(finding, kind) for kind in _TYPES)


def gather(aws: Aws, question: Question) -> Answered:
    """Read each one's history backwards, until a closed state or the beginning."""
    gathering = Gathering(SPEC, question.now)
    for kind in _TYPES:
        for target in about(question.finding, kind):
            gathering.want(target, [name for name in FACTS if name.startswith(f"{kind.value}.")])
            _tell(gathering, aws.at(regional(target)), target, question.now)
    return gathering.answered()


def _tell(gathering: Gathering, aws: Aws, target: Target, now: datetime) -> None:
    days, before = (f"{target.kind.value}.{name}" for name in (_DAYS, _BEFORE))
    states: list[State] = []
    gap = ""
    try:
        for state in _states(gathering, aws, target, now):
            states.append(state)
            if state.open is not True:
                break
    except AwsError as error:
        gap = error.code
    if gap and gap != _CUT:
        for name in (days, before):
            _tell_gap(gathering, name, target, gap)
        return
    found = stretch(states, whole=not gap)
    if states and states[0].open is None:
        return  # still failed: what Config wrote says neither
    if found.since is None:
        for name in (days, before):
            gathering.absent(name, target, "not_open" if states else "nothing_recorded")
        return
    gathering.known(days, target, max((now - found.since).days, 0))
    if found.closed_before is None:
        gathering.absent(before, target, "not_in_what_was_read")
    else:
        gathering.known(before, target, found.closed_before)


def _tell_gap(gathering: Gathering, name: str, target: Target, gap: str) -> None:
    if gap in _NONE:
        gathering.absent(name, target, _NONE[gap])
    else:
        gathering.failed(name, target, gap)


def _states(gathering: Gathering, aws: Aws, target: Target, now: datetime) -> Iterator[State]:
    kind, is_open = _TYPES[target.kind]
    pages = gathering.pages(aws, HISTORY, limit=PAGES, resourceType=kind, resourceId=target.id, laterTime=now)
    for page in pages:
        for item in page.get("configurationItems", []):
            at: Any = item["configurationItemCaptureTime"]
            yield State(at=at, open=is_open(plain(item)))
