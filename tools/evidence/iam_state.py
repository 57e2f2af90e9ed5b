"""IAM itself: the state of the keys, and what their user may do."""

from datetime import datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import denies_everything
from agent.record import JsonObject
from agent.tags import any_protects
from agent.target import Target, TargetKind
from tools import renamed_users, user_rights
from tools.aws import Aws, Gone
from tools.gathering import Gathering, Read, about, attempt, home, users
from tools.renamed_users import is_the_one, tell_renamed
from tools.source import Question, SourceSpec
from tools.user_rights import Rights, iam_read

KEY_FACTS = ("key.exists", "key.active", "key.age_days", "key.last_used_days")
USER_FACTS = (
    "user.exists", "user.active_keys", "user.console_password", "user.mfa", "user.admin", "user.denied_already",
    "user.quarantined_by_aws", "user.protecting_tag",
)  # fmt: skip
RENAMED = "renamed"
ANOTHER = "another_of_this_name"

SPEC = SourceSpec(
    name="iam_state",
    tells="Whether the keys exist and are active, and what their user may do.",
    facts=KEY_FACTS + USER_FACTS + renamed_users.FACTS,
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
CALLS = user_rights.CALLS | {LIST_KEYS, LAST_USED, GET_USER, TAGS, PASSWORD, MFA, renamed_users.LIST_USERS}

Keys = dict[str, Any]
"""A user's keys by id, as ListAccessKeys describes them."""


def wanted(finding: Finding) -> bool:
    """IAM knows users and their keys."""
    return bool(users(finding) or about(finding, TargetKind.ACCESS_KEY))


def gather(aws: Aws, question: Question) -> Answered:
    """The keys and users of the finding, and the other keys that these users have.

    A user is known by its unique id, where the finding gives it, and a key is whose IAM says it is: of what goes by another
    name now, the facts about the old name are failed, and those about the new one are told.
    """
    gathering = Gathering(SPEC, question.now)
    finding, aws = question.finding, aws.at(home(aws.partition))
    named, moved = users(finding), set[str]()
    found: list[Target] = []
    for key in about(finding, TargetKind.ACCESS_KEY):
        gathering.want(key, KEY_FACTS)
        owner = _tell_key(gathering, aws, key, question.now)
        if owner is not None and owner != key.owner:
            found += tell_renamed(gathering, [key], owner, [user for user in named if user.id == key.owner])
            moved |= {key.owner} if key.owner is not None else set()
    for user in named:
        gathering.want(user, USER_FACTS)
        name = None if user.id in moved else _tell_user(gathering, aws, user, question)
        if user.id in moved or name is not None:
            _none_told(gathering, user, RENAMED)
        elif user not in finding.targets:
            gathering.target(user)
        if name is not None:
            keys = [key for key in about(finding, TargetKind.ACCESS_KEY) if key.owner == user.id]
            found += tell_renamed(gathering, keys, name, [user])
    for user in dict.fromkeys(found):
        gathering.want(user, USER_FACTS)
        gathering.target(user)
        _tell_user(gathering, aws, user, question)
    return gathering.answered()


def _tell_key(gathering: Gathering, aws: Aws, key: Target, now: datetime) -> str | None:
    """The key's facts; returns its owner, as IAM or else the finding names it."""
    if key.temporary:
        for name in KEY_FACTS:
            gathering.absent(name, key, "temporary_key")
        return None
    last = attempt(lambda: _pick(gathering.call(aws, LAST_USED, absent={"NoSuchEntity"}, AccessKeyId=key.id)))
    owner: str | None = (last.value or {}).get("UserName") or key.owner
    if owner is None:
        _tell_ownerless(gathering, key, last)
        return None
    _tell_listed(gathering, key, _listed(gathering, aws, owner, key, last), now)
    used = (last.value or {}).get("AccessKeyLastUsed", {}).get("LastUsedDate")
    if last.gap:
        gathering.failed("key.last_used_days", key, last.gap)
    elif used is None:
        gathering.absent("key.last_used_days", key, "never_used")
    else:
        gathering.known("key.last_used_days", key, _days(used, now))
    return owner


def _listed(gathering: Gathering, aws: Aws, owner: str, key: Target, last: Read[Any]) -> Read[Keys]:
    """The owner's keys. None where there is no such user, unless IAM itself names this one: then nobody knows.

    A key that is not the finding's user's may be the same user's under another name: that IAM says, if it says anything.
    """
    by_iam = bool((last.value or {}).get("UserName"))
    keys = attempt(lambda: _keys(gathering, aws, owner, gone_is_none=not by_iam))
    return Read(None, last.gap) if last.gap and key.id not in (keys.value or {}) else keys


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


def _tell_user(gathering: Gathering, aws: Aws, user: Target, question: Question) -> str | None:
    """The user's facts; of one that the finding knows by an id which goes by another name now, only that name."""
    of_finding = user in question.finding.targets
    read = attempt(lambda: _pick(gathering.call(aws, GET_USER, absent={"NoSuchEntity"}, UserName=user.id)).get("User"))
    if read.gap:
        _none_told(gathering, user, read.gap)
    elif read.value is not None and is_the_one(read.value, user, question.finding.first_seen if of_finding else None):
        _tell_all(gathering, aws, user, question)
    elif user.unique_id is not None and of_finding:
        return _look_for(gathering, aws, user)
    elif read.value is not None:
        _none_told(gathering, user, ANOTHER)
    else:
        _tell_gone(gathering, user)
    return None


def _look_for(gathering: Gathering, aws: Aws, user: Target) -> str | None:
    """What a user is called now that does not go by the finding's name any more."""
    read = attempt(lambda: renamed_users.name_now(gathering, aws, user.unique_id or ""))
    if read.gap or read.value == user.id:
        _none_told(gathering, user, read.gap or RENAMED)
    elif read.value is None:
        _tell_gone(gathering, user)
    return read.value if read.value != user.id else None


def _none_told(gathering: Gathering, user: Target, why: str) -> None:
    for name in USER_FACTS:
        gathering.failed(name, user, why)


def _tell_gone(gathering: Gathering, user: Target) -> None:
    for name in USER_FACTS:
        gathering.absent(name, user, "no_user")
    gathering.known("user.exists", user, False)


def _tell_all(gathering: Gathering, aws: Aws, user: Target, question: Question) -> None:
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
    keys = attempt(lambda: _keys(gathering, aws, user.id, gone_is_none=False))
    active = sum(key.get("Status") == "Active" for key in (keys.value or {}).values())
    gathering.settle("user.active_keys", user, None if keys.gap else active, keys.gap)
    named = {key.id for key in about(question.finding, TargetKind.ACCESS_KEY)}
    for key_id in sorted(set(keys.value or {}) - named):
        changed = {"kind": TargetKind.ACCESS_KEY, "id": key_id, "owner": user.id, "unique_id": None}
        other = user.model_copy(update=changed)
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


def _keys(gathering: Gathering, aws: Aws, user: str, *, gone_is_none: bool) -> Keys:
    """A user's keys. Raises Gone where there is no such user, unless that counts as none."""
    try:
        return {key["AccessKeyId"]: key for key in gathering.all(aws, LIST_KEYS, "AccessKeyMetadata", UserName=user)}
    except Gone:
        if gone_is_none:
            return {}
        raise


def _pick(answer: JsonObject | None) -> Any:
    return answer or {}


def _days(then: datetime, now: datetime) -> int:
    return max((now - then).days, 0)
