"""CloudTrail's event history of a principal whose key no finding names: a user, a role's session, the role itself."""

from datetime import timedelta
from typing import Any

from agent.activity import Activity
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools import key_sessions, principal_calls, regions, role_sessions
from tools.aws import Aws
from tools.event_history import LAG, LOOKUP, History, Seen
from tools.gathering import Gathering, about, attempt, home
from tools.principal_calls import Calls
from tools.role_sessions import Role
from tools.source import Question, SourceSpec
from tools.user_rights import iam_read
from tools.window import settled

USER_FACTS = tuple(f"user.{name}" for name in principal_calls.NAMES)
SESSION_FACTS = (*(f"session.{name}" for name in principal_calls.NAMES), "session.finding_address_trusted")
ROLE_FACTS = tuple(f"role.{name}" for name in principal_calls.NAMES) + role_sessions.FACTS
REGION_FACTS = ("activity.regions", "activity.regions_unread")

SPEC = SourceSpec(
    name="cloudtrail_principals",
    tells="What a user, a role's session or a role did, in which Regions, and whose sessions a revoke of the role would cut.",
    facts=USER_FACTS + SESSION_FACTS + ROLE_FACTS + REGION_FACTS,
    deadline_seconds=60,
    byte_cap=32_000_000,
    attacker_writes=("user agents", "request parameters", "session names"),
)

GET_ROLE = iam_read("GetRole", "role")
CALLS = frozenset({LOOKUP, regions.REGIONS, GET_ROLE})


def wanted(finding: Finding) -> bool:
    """Users and roles leave traces here. Where a key is named, `cloudtrail_lookup` asks by the key."""
    return bool(_users(finding) or about(finding, TargetKind.ROLE) or role_sessions.named_sessions(finding))


def gather(aws: Aws, question: Question) -> Answered:
    """Users and sessions by name, a role by its ARN, in every Region where they can have worked."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    users, sessions, roles = _users(finding), role_sessions.named_sessions(finding), about(finding, TargetKind.ROLE)
    for targets, facts in ((users, USER_FACTS), (sessions, SESSION_FACTS), (roles, ROLE_FACTS)):
        for target in targets:
            gathering.want(target, facts)
    everywhere = regions.used(gathering, aws, question)
    where = everywhere.value or []
    history = History(gathering, aws, question, SPEC.byte_cap)
    unread: list[str] = []
    for user in users:
        seen = history.look_up(where, [("Username", user.id)])
        theirs = [event for event in seen.events.values() if event.actor_type == "IAMUser" and event.actor == user.id]
        principal_calls.tell(gathering, Calls(user, "user", theirs, seen.gap or everywhere.gap), question)
        unread += seen.unread
    names = role_sessions.own_names(finding) if roles or sessions else []
    named = {one: history.look_up(where, [("Username", one)]) for one in names}
    for seen in named.values():
        unread += seen.unread
    for session in sessions:
        seen = named[role_sessions.session_name(session.id)]
        theirs = role_sessions.in_role(seen.events.values(), session.owner, role_sessions.session_name(session.id))
        calls = Calls(session, "session", theirs, seen.gap or everywhere.gap)
        principal_calls.tell(gathering, calls, question)
        gathering.known("session.finding_address_trusted", session, principal_calls.vouched(question))
    for role in roles:
        unread += _role(history, role, where, everywhere.gap, named)
    _tell_regions(gathering, where, list(dict.fromkeys(unread)), everywhere.gap)
    return gathering.answered()


def _users(finding: Finding) -> list[Target]:
    """Users none of whose keys is named."""
    keyed = {(key.account, key.owner) for key in about(finding, TargetKind.ACCESS_KEY)}
    return [user for user in about(finding, TargetKind.USER) if (user.account, user.id) not in keyed]


def _role(history: History, target: Target, where: list[str], unsure: str, named: dict[str, Seen]) -> list[str]:
    """The role's facts; returns the Regions of which not all was read. `unsure`: why there may be more Regions."""
    gathering, question = history.gathering, history.question
    iam = history.aws.at(home(history.aws.partition))
    read = attempt(lambda: gathering.call(iam, GET_ROLE, absent={"NoSuchEntity"}, RoleName=target.id))
    if read.value is None:
        _tell_gone(gathering, target, read.gap)
        return []
    found: Any = read.value["Role"]
    role = Role(target, str(found["Arn"]), timedelta(seconds=int(found.get("MaxSessionDuration") or 3600)))
    own = [
        event for name, seen in named.items() for event in role_sessions.in_role(seen.events.values(), target.id, name)
    ]
    seen = history.look_up(where, [("ResourceName", role.arn)])
    taken = [event for event in seen.events.values() if event.assumed_role == role.arn and event.session_key]
    gap, unread = seen.gap or unsure, seen.unread
    if own and not taken and not gap:
        for name in role_sessions.FACTS:
            gathering.absent(name, target, "making_not_seen")
    elif taken or gap or settled(question):
        role_sessions.tell(gathering, role, taken, gap, lambda event: event.session_name in named, question.now)
    else:
        for name in role_sessions.FACTS:
            gathering.not_yet(name, target, LAG)

    def look(key: str) -> tuple[list[Activity], str]:
        followed = history.look_up(where, [("AccessKeyId", key)])
        unread.extend(followed.unread)
        return list(followed.events.values()), followed.gap

    def later(event: Activity) -> tuple[bool, bool]:
        return event.session_name not in named, principal_calls.trusted(event, question.registry)

    newest = sorted(taken, key=lambda event: (event.at, event.id), reverse=True)
    chain = key_sessions.follow(newest, look, later, history.aws.timeout_at, target.account)
    done = Seen()
    for event in [*own, *chain.calls]:
        done.keep(event)
    gap = gap or chain.gap or next((seen.gap for seen in named.values() if seen.gap), "")
    left = "" if taken and chain.all_followed else key_sessions.NOT_FOLLOWED if taken or own else "no_sessions"
    principal_calls.tell(gathering, Calls(target, "role", list(done.events.values()), gap, left), question)
    return unread


def _tell_gone(gathering: Gathering, role: Target, gap: str) -> None:
    for name in ROLE_FACTS:
        if gap:
            gathering.failed(name, role, gap)
        else:
            gathering.absent(name, role, "no_role")


def _tell_regions(gathering: Gathering, where: list[str], unread: list[str], gap: str) -> None:
    """Where was looked, and where not all was read: no other Region is spoken of."""
    gathering.known("activity.regions", None, ", ".join(one for one in where if one not in unread) or "none")
    if gap:
        gathering.failed("activity.regions_unread", None, gap)
    else:
        gathering.known("activity.regions_unread", None, ", ".join(unread) or "none")
