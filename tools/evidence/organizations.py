"""AWS Organizations: what the account is to its organisation, as its tags and the units above it say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, attempt, home
from tools.registry import OrganizationEntry
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_ACCOUNT = "arn:{partition}:organizations::*:account/o-*/*"
_UNIT = "arn:{partition}:organizations::*:ou/o-*/*"
FACTS = ("organization.environment", "organization.management", "organization.owner")

SPEC = SourceSpec(
    name="organizations",
    tells="Which environment the account is, whose it is, and whether it is the management account, as its organisation says.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=1_000_000,
    attacker_writes=(),
)

ORGANIZATION = AwsCall("organizations", "DescribeOrganization", "organizations:DescribeOrganization", "*", _READ)
ACCOUNT = AwsCall("organizations", "DescribeAccount", "organizations:DescribeAccount", _ACCOUNT, _READ)
TAGS = AwsCall("organizations", "ListTagsForResource", "organizations:ListTagsForResource", _ACCOUNT, _READ)
UNIT_TAGS = AwsCall("organizations", "ListTagsForResource", "organizations:ListTagsForResource", _UNIT, _READ)
PARENTS = AwsCall("organizations", "ListParents", "organizations:ListParents", _ACCOUNT, _READ)
UNIT_PARENTS = AwsCall("organizations", "ListParents", "organizations:ListParents", _UNIT, _READ)
UNIT = AwsCall("organizations", "DescribeOrganizationalUnit", "organizations:DescribeOrganizationalUnit", _UNIT, _READ)
CALLS = frozenset({ORGANIZATION, ACCOUNT, TAGS, UNIT_TAGS, PARENTS, UNIT_PARENTS, UNIT})

_NOT_IN_USE, _NOT_A_MEMBER = "AWSOrganizationsNotInUseException", "AccountNotFoundException"
LEVELS = 8
"""More than the five levels of units that an organisation may have."""
_OWNER = re.compile(r"[\w+=.@-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class _Level:
    """One step of the way up: the account itself, or a unit above it."""

    tags: dict[str, str]
    name: str = ""
    """A unit's name. An account can change its own, so that its name says nothing."""


@dataclass
class _Said:
    """What the nearest level that says anything says; an empty word is one that nobody understands."""

    environment: str | None = None
    owner: str | None = None
    gap: str = ""


def wanted(finding: Finding) -> bool:
    """Whatever could be acted on is in an account."""
    return bool(finding.targets)


def gather(aws: Aws, question: Question) -> Answered:
    """Ask as the account that may read the organisation; a member may not ask about itself."""
    gathering = Gathering(SPEC, question.now)
    gathering.want(None, FACTS)
    entry = question.registry.organization
    if entry is None:
        _tell_none(gathering, "no_organization_configured")
    else:
        _tell(gathering, aws.of(entry.account).at(home(aws.partition)), entry, question.finding.account)
    return gathering.answered()


def _tell_none(gathering: Gathering, why: str) -> None:
    for name in FACTS:
        gathering.absent(name, None, why)


def _tell(gathering: Gathering, aws: Aws, entry: OrganizationEntry, account: str) -> None:
    whole = attempt(lambda: gathering.call(aws, ORGANIZATION, absent={_NOT_IN_USE}))
    member = attempt(lambda: gathering.call(aws, ACCOUNT, absent={_NOT_IN_USE, _NOT_A_MEMBER}, AccountId=account))
    gap = whole.gap or member.gap
    if not gap and (whole.value is None or member.value is None):
        _tell_none(gathering, "no_organization" if whole.value is None else "not_in_organization")
        return
    organization: Any = (whole.value or {}).get("Organization", {})
    management = organization.get("MasterAccountId") == account
    gathering.holds("organization.management", None, management, gap)
    said = _Said(gap=gap) if gap else _said(gathering, aws, entry, account)
    _tell_word(gathering, "organization.environment", said.environment, said.gap)
    _tell_word(gathering, "organization.owner", said.owner, said.gap)


def _tell_word(gathering: Gathering, name: str, word: str | None, gap: str) -> None:
    if word is None and not gap:
        gathering.absent(name, None, "nobody_says")
    elif word == "":
        gathering.absent(name, None, "not_understood")
    else:
        gathering.settle(name, None, word, gap)


def _said(gathering: Gathering, aws: Aws, entry: OrganizationEntry, account: str) -> _Said:
    """The nearest word counts, also one that nobody understands: a unit further up cannot mean it better."""
    said = _Said()
    try:
        for level in _levels(gathering, aws, account):
            if said.environment is None:
                said.environment = _environment(level, entry)
            owner = level.tags.get(entry.owner_tag)
            if said.owner is None and owner is not None:
                said.owner = owner if _OWNER.fullmatch(owner) else ""
            if said.environment is not None and said.owner is not None:
                break
    except AwsError as error:
        said.gap = error.code
    return said


def _environment(level: _Level, entry: OrganizationEntry) -> str | None:
    tagged = level.tags.get(entry.environment_tag)
    return entry.meaning(level.name) if tagged is None else entry.meaning(tagged) or ""


def _levels(gathering: Gathering, aws: Aws, account: str) -> Iterator[_Level]:
    yield _Level(_tags(gathering, aws, TAGS, account))
    child = account
    for _ in range(LEVELS):
        call = PARENTS if child == account else UNIT_PARENTS
        parents = gathering.all(aws, call, "Parents", ChildId=child)
        above = next((str(one["Id"]) for one in parents if one.get("Type") == "ORGANIZATIONAL_UNIT"), None)
        if above is None:
            return
        answer: Any = gathering.call(aws, UNIT, OrganizationalUnitId=above)
        name = str(answer["OrganizationalUnit"].get("Name", ""))
        yield _Level(_tags(gathering, aws, UNIT_TAGS, above), name)
        child = above


def _tags(gathering: Gathering, aws: Aws, call: AwsCall, identity: str) -> dict[str, str]:
    """Tags in the organisation: nobody in the account itself can write them."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in gathering.all(aws, call, "Tags", ResourceId=identity)}
