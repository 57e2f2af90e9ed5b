"""IAM itself: the state of the keys, and what their user may do."""

from datetime import datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import denies_everything
from agent.record import JsonObject
from agent.tags import any_protects
from agent.target import Target, TargetKind
from tools import user_rights
from tools.aws import Aws, Gone
from tools.gathering import Gathering, Read, about, attempt, home, users
from tools.source import Question, SourceSpec
from tools.user_rights import Rights, iam_read

KEY_FACTS = ("key.exists", "key.active", "key.age_days", "key.last_used_days")
USER_FACTS = (
    "user.exists", "user.active_keys", "user.console_password", "user.mfa", "user.admin", "user.denied_already",
    "user.quarantined_by_aws", "user.protecting_tag",
)  # fmt: skip

SPEC = SourceSpec(
    name="iam_state",
    tells="Whether the keys exist and are active, and what their user may do.",
    facts=KEY_FACTS + USER_FACTS,
    deadline_seconds=30,
    byte_cap=1_000_000,
    attacker_writes=("tags", "names of inline policies and groups"),
)


LIST_KEYS = iam_read("ListAccessKeys", "user")
LAST_USED = iam_read("GetAccessKeyLastUsed", "user")
GET_USER = iam_read("GetUser", "user")
TAGS = iam_read("ListUserTags", "user")
PASSWORD = iam_read("GetLoginProfile", "user")
MFA = iam_read("ListMFADevices", "user")
CALLS = user_rights.CALLS | {LIST_KEYS, LAST_USED, GET_USER, TAGS, PASSWORD, MFA}

Keys = dict[str, Any]
"""A user's keys by id, as ListAccessKeys describes them."""


def wanted(finding: Finding) -> bool:
    """IAM knows users and their keys."""
    return bool(users(finding) or about(finding, TargetKind.ACCESS_KEY))


def gather(aws: Aws, question: Question) -> Answered:
    """The keys and users of the finding, and the other keys that these users have."""
    gathering = Gathering(SPEC, question.now)
    finding, aws = question.finding, aws.at(home(aws.partition))
    holders = users(finding)
    for key in about(finding, TargetKind.ACCESS_KEY):
        gathering.want(key, KEY_FACTS)
        owner = _tell_key(gathering, aws, key, question.now)
        if key.owner is None and owner is not None:
            holders += _holder(gathering, key, owner)
    for user in dict.fromkeys(holders):
        gathering.want(user, USER_FACTS)
        if user not in finding.targets:
            gathering.target(user)
        _tell_user(gathering, aws, user, question)
    return gathering.answered()


def _holder(gathering: Gathering, key: Target, owner: str) -> list[Target]:
    """The user that IAM names for a key whose finding names none; from here on the key is known to be the user's."""
    try:
        user = Target(kind=TargetKind.USER, id=owner, account=key.account, region=key.region, partition=key.partition)
    except ValueError:  # no name that a user can have
        return []
    gathering.target(Target.model_validate({**key.model_dump(), "owner": owner}))
    return [user]


def _tell_key(gathering: Gathering, aws: Aws, key: Target, now: datetime) -> str | None:
    """The key's facts; returns its owner, as the finding or else IAM names it."""
    if key.temporary:
        for name in KEY_FACTS:
            gathering.absent(name, key, "temporary_key")
        return None
    last = attempt(lambda: _pick(gathering.call(aws, LAST_USED, absent={"NoSuchEntity"}, AccessKeyId=key.id)))
    owner: str | None = key.owner or (last.value or {}).get("UserName")
    if owner is None:
        _tell_ownerless(gathering, key, last)
        return None
    keys = attempt(lambda: _keys(gathering, aws, owner))
    _tell_listed(gathering, key, keys, now)
    used = (last.value or {}).get("AccessKeyLastUsed", {}).get("LastUsedDate")
    if last.gap:
        gathering.failed("key.last_used_days", key, last.gap)
    elif used is None:
        gathering.absent("key.last_used_days", key, "never_used")
    else:
        gathering.known("key.last_used_days", key, _days(used, now))
    return owner


def _tell_ownerless(gathering: Gathering, key: Target, last: Read[Any]) -> None:
    """Nobody is named as the owner: there is no such key, or there was no answer."""
    for name in KEY_FACTS:
        if last.gap:
            gathering.failed(name, key, last.gap)
        else:
            gathering.absent(name, key, "no_key")
    if not last.gap:
        gathering.known("key.exists", key, False)
        gathering.known("key.active", key, False)


def _tell_listed(gathering: Gathering, key: Target, keys: Read[Keys], now: datetime) -> None:
    if keys.value is None:
        for name in ("key.exists", "key.active", "key.age_days"):
            gathering.failed(name, key, keys.gap)
        return
    listed = keys.value.get(key.id)
    gathering.known("key.exists", key, listed is not None)
    gathering.known("key.active", key, listed is not None and listed.get("Status") == "Active")
    if listed is None:
        gathering.absent("key.age_days", key, "no_key")
    else:
        gathering.known("key.age_days", key, _days(listed["CreateDate"], now))


def _tell_user(gathering: Gathering, aws: Aws, user: Target, question: Question) -> None:
    read = attempt(lambda: gathering.call(aws, GET_USER, absent={"NoSuchEntity"}, UserName=user.id))
    if read.gap or read.value is None:
        for name in USER_FACTS:
            if read.gap:
                gathering.failed(name, user, read.gap)
            else:
                gathering.absent(name, user, "no_user")
        if not read.gap:
            gathering.known("user.exists", user, False)
        return
    gathering.known("user.exists", user, True)
    _tell_credentials(gathering, aws, user)
    _tell_other_keys(gathering, aws, user, question)
    _tell_rights(gathering, user, user_rights.read(gathering, aws, user))
    tags = attempt(lambda: gathering.all(aws, TAGS, "Tags", UserName=user.id))
    protects = any_protects(str(tag.get("Key", "")) for tag in tags.value or [])
    gathering.holds("user.protecting_tag", user, protects, tags.gap)


def _tell_credentials(gathering: Gathering, aws: Aws, user: Target) -> None:
    password = attempt(lambda: gathering.call(aws, PASSWORD, absent={"NoSuchEntity"}, UserName=user.id))
    gathering.holds("user.console_password", user, password.value is not None, password.gap)
    mfa = attempt(lambda: gathering.all(aws, MFA, "MFADevices", UserName=user.id))
    gathering.holds("user.mfa", user, bool(mfa.value), mfa.gap)


def _tell_other_keys(gathering: Gathering, aws: Aws, user: Target, question: Question) -> None:
    """The user's active keys; those that the finding does not name become targets, with facts of their own."""
    keys = attempt(lambda: _keys(gathering, aws, user.id))
    active = sum(key.get("Status") == "Active" for key in (keys.value or {}).values())
    gathering.settle("user.active_keys", user, None if keys.gap else active, keys.gap)
    named = {key.id for key in about(question.finding, TargetKind.ACCESS_KEY)}
    for key_id in sorted(set(keys.value or {}) - named):
        other = user.model_copy(update={"kind": TargetKind.ACCESS_KEY, "id": key_id, "owner": user.id})
        other = Target.model_validate(other.model_dump())
        gathering.target(other)
        gathering.want(other, KEY_FACTS)
        _tell_key(gathering, aws, other, question.now)


def _tell_rights(gathering: Gathering, user: Target, rights: Rights) -> None:
    own = f"arn:{user.partition}:iam::aws:policy/"
    names = [arn.removeprefix(own) for arn in rights.attached if arn.startswith(own)]
    denied = "AWSDenyAll" in names or any(map(denies_everything, rights.documents))
    quarantined = any(name.startswith("AWSCompromisedKeyQuarantine") for name in names)
    gathering.holds("user.admin", user, user_rights.admin(rights, user.partition), rights.gap)
    gathering.holds("user.denied_already", user, denied, rights.gap)
    gathering.holds("user.quarantined_by_aws", user, quarantined, rights.gap)


def _keys(gathering: Gathering, aws: Aws, user: str) -> Keys:
    """A user's keys; none where there is no such user."""
    try:
        return {key["AccessKeyId"]: key for key in gathering.all(aws, LIST_KEYS, "AccessKeyMetadata", UserName=user)}
    except Gone:
        return {}


def _pick(answer: JsonObject | None) -> Any:
    return answer or {}


def _days(then: datetime, now: datetime) -> int:
    return max((now - then).days, 0)
