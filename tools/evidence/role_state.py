"""IAM's word on a role: when it was last used, what it may do, whom it lets in, and which sessions it still serves."""

from datetime import datetime
from typing import Any

from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import Principal, parse_document, principals, statements
from agent.tags import any_protects
from agent.target import Target, TargetKind
from tools import regions, role_sessions, session_cuts, user_rights
from tools.aws import Aws
from tools.event_history import LOOKUP, History
from tools.gathering import Gathering, about, attempt, home
from tools.source import Question, SourceSpec
from tools.user_rights import Rights, iam_read

FACTS = (
    "role.exists", "role.last_used_days", "role.admin", "role.trusts_outside", "role.trusts_federated",
    "role.protecting_tag", "role.sessions_cut",
)  # fmt: skip

SPEC = SourceSpec(
    name="role_state",
    tells="When a role was last used, what it may do, who may take it on, and whether its sessions of then are revoked already.",
    facts=FACTS,
    deadline_seconds=60,
    byte_cap=32_000_000,
    attacker_writes=("names of inline policies",),
)

GET_ROLE = iam_read("GetRole", "role")
CALLS = user_rights.ROLE_CALLS | {GET_ROLE, LOOKUP, regions.REGIONS}


def wanted(finding: Finding) -> bool:
    """IAM knows roles."""
    return bool(about(finding, TargetKind.ROLE))


def gather(aws: Aws, question: Question) -> Answered:
    """The roles that the finding is about."""
    gathering = Gathering(SPEC, question.now)
    history = History(gathering, aws, question, SPEC.byte_cap)
    for role in about(question.finding, TargetKind.ROLE):
        gathering.want(role, FACTS)
        _tell_role(history, role)
    return gathering.answered()


def _tell_role(history: History, role: Target) -> None:
    gathering, iam = history.gathering, history.aws.at(home(history.aws.partition))
    read = attempt(lambda: gathering.call(iam, GET_ROLE, absent={"NoSuchEntity"}, RoleName=role.id))
    if read.value is None:
        _tell_unseen(gathering, role, read.gap)
        return
    found: Any = read.value["Role"]
    gathering.known("role.exists", role, True)
    _tell_use(gathering, role, (found.get("RoleLastUsed") or {}).get("LastUsedDate"), gathering.now)
    _tell_trust(gathering, role, found.get("AssumeRolePolicyDocument"))
    rights = user_rights.read_role(gathering, iam, role)
    gathering.holds("role.admin", role, user_rights.admin(rights, role.partition), rights.gap)
    protects = any_protects(str(tag.get("Key", "")) for tag in found.get("Tags") or [])
    gathering.known("role.protecting_tag", role, protects)
    _tell_cut(history, role, rights)


def _tell_cut(history: History, role: Target, rights: Rights) -> None:
    """Whether the sessions that may have done what the finding saw are denied everything, and no newer one goes on for them."""
    gathering, finding = history.gathering, history.question.finding
    moment = _cut(rights, finding)
    names = role_sessions.own_names(finding)
    if moment is None:
        gathering.holds("role.sessions_cut", role, False, rights.gap)
    elif not names:
        gathering.absent("role.sessions_cut", role, "no_session_named")
    else:
        everywhere = regions.used(gathering, history.aws, history.question)
        seen = {name: history.look_up(everywhere.value or [], [("Username", name)]) for name in names}
        gap = everywhere.gap or next((one.gap for one in seen.values() if one.gap), "")
        own = [
            event for name, one in seen.items() for event in role_sessions.in_role(one.events.values(), role.id, name)
        ]
        works = any(session_cuts.works_since(moment, event) for event in own)
        gathering.settle("role.sessions_cut", role, False if works else None if gap else True, gap)


def _cut(rights: Rights, finding: Finding) -> datetime | None:
    """The moment before which sessions are denied everything, if it is later than all that the finding saw."""
    cut = session_cuts.moment(rights)
    return cut if cut is not None and finding.last_seen is not None and cut > finding.last_seen else None


def _tell_unseen(gathering: Gathering, role: Target, gap: str) -> None:
    for name in FACTS:
        if gap:
            gathering.failed(name, role, gap)
        else:
            gathering.absent(name, role, "no_role")
    if not gap:
        gathering.known("role.exists", role, False)


def _tell_use(gathering: Gathering, role: Target, used: datetime | None, now: datetime) -> None:
    """IAM remembers 400 days."""
    if used is None:
        gathering.absent("role.last_used_days", role, "never_used")
    else:
        gathering.known("role.last_used_days", role, max((now - used).days, 0))


def _tell_trust(gathering: Gathering, role: Target, raw: object) -> None:
    """Whom the trust policy lets in. Its conditions are not weighed: they may narrow it, or not enough."""
    document = parse_document(raw)
    gap = "" if document is not None else "unreadable_policy"
    allowing = [one for one in statements(document or {}) if one.get("Effect") == "Allow"]
    let_in = [principal for one in allowing for principal in principals(one)]
    outside = any(_outside(principal, role.account) for principal in let_in)
    gathering.holds("role.trusts_outside", role, outside, gap)
    gathering.holds("role.trusts_federated", role, any(one.kind == "Federated" for one in let_in), gap)


def _outside(principal: Principal, account: str) -> bool:
    return principal.kind == "AWS" and (principal.everyone or principal.account not in (None, account))
