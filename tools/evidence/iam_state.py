"""IAM itself: the state of the keys, and what their user may do."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import allows_everything, denies_everything, parse_document
from agent.record import JsonObject
from agent.tags import any_protects
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Gone, Phase
from tools.gathering import Gathering, Read, about, attempt, home, users
from tools.source import Question, SourceSpec

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


def _call(operation: str, resource: str) -> AwsCall:
    arn = f"arn:{{partition}}:iam::{{account}}:{resource}/*"
    return AwsCall("iam", operation, permission=f"iam:{operation}", resource=arn, phases=frozenset({Phase.READ}))


LIST_KEYS = _call("ListAccessKeys", "user")
LAST_USED = _call("GetAccessKeyLastUsed", "user")
GET_USER = _call("GetUser", "user")
TAGS = _call("ListUserTags", "user")
PASSWORD = _call("GetLoginProfile", "user")
MFA = _call("ListMFADevices", "user")
ATTACHED = _call("ListAttachedUserPolicies", "user")
INLINE = _call("ListUserPolicies", "user")
INLINE_DOCUMENT = _call("GetUserPolicy", "user")
GROUPS = _call("ListGroupsForUser", "user")
GROUP_ATTACHED = _call("ListAttachedGroupPolicies", "group")
GROUP_INLINE = _call("ListGroupPolicies", "group")
GROUP_DOCUMENT = _call("GetGroupPolicy", "group")
POLICY = _call("GetPolicy", "policy")
POLICY_DOCUMENT = _call("GetPolicyVersion", "policy")
CALLS = frozenset(
    {
        LIST_KEYS, LAST_USED, GET_USER, TAGS, PASSWORD, MFA, ATTACHED, INLINE, INLINE_DOCUMENT, GROUPS, GROUP_ATTACHED,
        GROUP_INLINE, GROUP_DOCUMENT, POLICY, POLICY_DOCUMENT,
    }
)  # fmt: skip

Keys = dict[str, Any]
"""A user's keys by id, as ListAccessKeys describes them."""


@dataclass
class Rights:
    """The policies that bear on a user, directly or through groups, and why some may be missing."""

    attached: list[str] = field(default_factory=list)
    documents: list[JsonObject] = field(default_factory=list)
    gap: str = ""


def wanted(finding: Finding) -> bool:
    """IAM knows users and their keys."""
    return bool(users(finding) or about(finding, TargetKind.ACCESS_KEY))


def gather(aws: Aws, question: Question) -> Answered:
    """The keys and users of the finding, and the other keys that these users have."""
    gathering = Gathering(SPEC, question.now)
    finding, aws = question.finding, aws.at(home(aws.partition))
    for key in about(finding, TargetKind.ACCESS_KEY):
        gathering.want(key, KEY_FACTS)
        _tell_key(gathering, aws, key, question.now)
    for user in users(finding):
        gathering.want(user, USER_FACTS)
        if user not in finding.targets:
            gathering.target(user)
        _tell_user(gathering, aws, user, question)
    return gathering.answered()


def _tell_key(gathering: Gathering, aws: Aws, key: Target, now: datetime) -> None:
    if key.temporary:
        for name in KEY_FACTS:
            gathering.absent(name, key, "temporary_key")
        return
    last = attempt(lambda: _pick(gathering.call(aws, LAST_USED, absent={"NoSuchEntity"}, AccessKeyId=key.id)))
    owner = key.owner or (last.value or {}).get("UserName")
    if owner is None:
        _tell_ownerless(gathering, key, last)
        return
    keys = attempt(lambda: _keys(gathering, aws, owner))
    _tell_listed(gathering, key, keys, now)
    used = (last.value or {}).get("AccessKeyLastUsed", {}).get("LastUsedDate")
    if last.gap:
        gathering.failed("key.last_used_days", key, last.gap)
    elif used is None:
        gathering.absent("key.last_used_days", key, "never_used")
    else:
        gathering.known("key.last_used_days", key, _days(used, now))


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
    _tell_rights(gathering, user, _rights(gathering, aws, user))
    tags = attempt(lambda: _all(gathering, aws, TAGS, "Tags", UserName=user.id))
    protects = any_protects(str(tag.get("Key", "")) for tag in tags.value or [])
    gathering.holds("user.protecting_tag", user, protects, tags.gap)


def _tell_credentials(gathering: Gathering, aws: Aws, user: Target) -> None:
    password = attempt(lambda: gathering.call(aws, PASSWORD, absent={"NoSuchEntity"}, UserName=user.id))
    gathering.holds("user.console_password", user, password.value is not None, password.gap)
    mfa = attempt(lambda: _all(gathering, aws, MFA, "MFADevices", UserName=user.id))
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
    admin = "AdministratorAccess" in names or any(map(allows_everything, rights.documents))
    denied = "AWSDenyAll" in names or any(map(denies_everything, rights.documents))
    quarantined = any(name.startswith("AWSCompromisedKeyQuarantine") for name in names)
    gathering.holds("user.admin", user, admin, rights.gap)
    gathering.holds("user.denied_already", user, denied, rights.gap)
    gathering.holds("user.quarantined_by_aws", user, quarantined, rights.gap)


def _rights(gathering: Gathering, aws: Aws, user: Target) -> Rights:
    """Every policy's document, but of AWS's own policies only the names: what they hold is known."""
    rights = Rights()
    named = {"UserName": user.id}
    rights.attached += _kept(
        rights, attempt(lambda: _all(gathering, aws, ATTACHED, "AttachedPolicies", **named)), "PolicyArn"
    )
    for policy in _kept(rights, attempt(lambda: _all(gathering, aws, INLINE, "PolicyNames", **named))):
        _keep(rights, _document(gathering, aws, INLINE_DOCUMENT, **named, PolicyName=policy))
    for group in _kept(rights, attempt(lambda: _all(gathering, aws, GROUPS, "Groups", **named)), "GroupName"):
        _add_group(rights, gathering, aws, group)
    for arn in dict.fromkeys(rights.attached):
        if not arn.startswith(f"arn:{user.partition}:iam::aws:"):
            _keep(rights, _managed(gathering, aws, arn))
    return rights


def _add_group(rights: Rights, gathering: Gathering, aws: Aws, group: str) -> None:
    named = {"GroupName": group}
    attached = attempt(lambda: _all(gathering, aws, GROUP_ATTACHED, "AttachedPolicies", **named))
    rights.attached += _kept(rights, attached, "PolicyArn")
    for policy in _kept(rights, attempt(lambda: _all(gathering, aws, GROUP_INLINE, "PolicyNames", **named))):
        _keep(rights, _document(gathering, aws, GROUP_DOCUMENT, **named, PolicyName=policy))


def _kept(rights: Rights, read: Read[list[Any]], name: str = "") -> list[str]:
    rights.gap = rights.gap or read.gap
    return [item[name] if name else item for item in read.value or []]


def _keep(rights: Rights, read: Read[JsonObject]) -> None:
    if read.value is None:
        rights.gap = rights.gap or read.gap
    else:
        rights.documents.append(read.value)


def _document(gathering: Gathering, aws: Aws, call: AwsCall, **params: Any) -> Read[JsonObject]:
    read = attempt(lambda: _pick(gathering.call(aws, call, **params)))
    document = parse_document((read.value or {}).get("PolicyDocument"))
    return Read(document, read.gap or ("" if document is not None else "unreadable_policy"))


def _managed(gathering: Gathering, aws: Aws, arn: str) -> Read[JsonObject]:
    """The default version of a customer's own managed policy."""
    policy = attempt(lambda: _pick(gathering.call(aws, POLICY, PolicyArn=arn)))
    version = (policy.value or {}).get("Policy", {}).get("DefaultVersionId")
    if policy.gap or not version:
        return Read(None, policy.gap or "unreadable_policy")
    read = attempt(lambda: _pick(gathering.call(aws, POLICY_DOCUMENT, PolicyArn=arn, VersionId=version)))
    document = parse_document((read.value or {}).get("PolicyVersion", {}).get("Document"))
    return Read(document, read.gap or ("" if document is not None else "unreadable_policy"))


def _keys(gathering: Gathering, aws: Aws, user: str) -> Keys:
    """A user's keys; none where there is no such user."""
    try:
        return {key["AccessKeyId"]: key for key in _all(gathering, aws, LIST_KEYS, "AccessKeyMetadata", UserName=user)}
    except Gone:
        return {}


def _all(gathering: Gathering, aws: Aws, call: AwsCall, holding: str, **params: Any) -> list[Any]:
    return [item for page in gathering.pages(aws, call, **params) for item in page.get(holding, [])]


def _pick(answer: JsonObject | None) -> Any:
    return answer or {}


def _days(then: datetime, now: datetime) -> int:
    return max((now - then).days, 0)
