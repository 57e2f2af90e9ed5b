"""Whether sessions of a role that somebody misused are over: denied everything, or with their role gone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.activity import Activity
from agent.evidence import Standing
from agent.iam_policy import cuts_sessions_before
from agent.record import iso
from agent.target import Target, TargetKind
from tools import user_rights
from tools.event_history import LAG, History
from tools.gathering import Gathering, about, attempt, home
from tools.key_sessions import NOT_FOLLOWED, Followed, own_role, suspect
from tools.user_rights import Rights, iam_read
from tools.window import settled

GET_ROLE = iam_read("GetRole", "role")
CALLS = user_rights.ROLE_CALLS | {GET_ROLE}

KEY_FACT = "key.sessions_cut"
EXISTS, CUT = "role.exists", "role.sessions_cut"
ROLE_FACTS = (EXISTS, CUT)

_WORST_FIRST = (Standing.FAILED, Standing.NOT_YET, Standing.ABSENT)


@dataclass(frozen=True)
class _Told:
    """What is known, or how far that is from being known, and why."""

    value: bool | None
    standing: Standing = Standing.KNOWN
    note: str = ""


def moment(rights: Rights) -> datetime | None:
    """The latest moment before which one of the policies denies sessions everything."""
    found = (cuts_sessions_before(document) for document in rights.documents)
    return max((each for each in found if each is not None), default=None)


def works_since(cut: datetime, event: Activity) -> bool:
    """Whether a session called that the cut leaves: the policy may have come later than its moment, so a session's age tells."""
    return not event.denied and (event.session_made or event.at) >= iso(cut)


def tell(history: History, key: Target, found: Followed, gap: str, trusted: Callable[[Activity], bool]) -> None:
    """Of each role in whose sessions the key did what is not the owner's, and of the key: whether all of that is over.

    `gap`: why sessions may be missing. Of a role that the finding itself names, `role_state` tells.
    """
    gap = gap or found.gap
    misused = [arn for arn, calls in suspect(found, trusted).items() if arn and calls]
    told = [_of_role(history, own_role(arn, key), arn, found, gap) for arn in misused]
    _put(history.gathering, KEY_FACT, key, _whole(told, found, gap))


def _of_role(history: History, role: Target | None, arn: str, found: Followed, gap: str) -> _Told:
    """Whether it is over in one role; also told of the role. Another account's role, or a service's, we cannot tell of."""
    if role is None:
        return _Told(False)
    there = _there(history, role)
    if there.value:
        over = cut = _cut(history, role, arn, found, gap)
    elif there.value is None:
        over = cut = there
    else:
        over, cut = _Told(True), _Told(None, Standing.ABSENT, "no_role")
    if role not in about(history.question.finding, TargetKind.ROLE):
        _put(history.gathering, EXISTS, role, there)
        _put(history.gathering, CUT, role, cut)
    return over


def _there(history: History, role: Target) -> _Told:
    if history.aws.timeout_at():
        return _Told(None, Standing.FAILED, "deadline")
    iam = history.aws.at(home(history.aws.partition))
    read = attempt(lambda: history.gathering.call(iam, GET_ROLE, absent={"NoSuchEntity"}, RoleName=role.id))
    return _Told(None, Standing.FAILED, read.gap) if read.gap else _Told(read.value is not None)


def _cut(history: History, role: Target, arn: str, found: Followed, gap: str) -> _Told:
    """A session that the key did not lead us to may have been made after the cut, so all have to be followed."""
    rights = user_rights.read_role(history.gathering, history.aws.at(home(history.aws.partition)), role)
    cut = moment(rights)
    if cut is None:
        return _Told(None, Standing.FAILED, rights.gap) if rights.gap else _Told(False)
    if _goes_on(cut, arn, found):
        return _Told(False)
    if gap:
        return _Told(None, Standing.FAILED, gap)
    if not found.all_followed:
        return _Told(None, Standing.ABSENT, NOT_FOLLOWED)
    last = history.question.finding.last_seen
    if not settled(history.question) and (last is None or last >= cut):
        return _Told(None, Standing.NOT_YET, LAG)
    return _Told(True)


def _goes_on(cut: datetime, arn: str, found: Followed) -> bool:
    """Whether a session in the role was made at the cut's moment or later, or one of them calls and is not denied."""
    made = [event for event in found.made if event.assumed_role == arn]
    keys = {event.session_key for event in made}
    calls = [call for call in found.calls if call.key in keys]
    return any(event.at >= iso(cut) for event in made) or any(works_since(cut, call) for call in calls)


def _whole(told: list[_Told], found: Followed, gap: str) -> _Told:
    """Of the key: one role that is open leaves it open, and one that is not known, not known."""
    if any(one.value is False for one in told):
        return _Told(False)
    for standing in _WORST_FIRST:
        unknown = next((one for one in told if one.standing is standing), None)
        if unknown is not None:
            return unknown
    if told:
        return _Told(True)
    if gap:
        return _Told(None, Standing.FAILED, gap)
    return _Told(None, Standing.ABSENT, "no_sessions" if found.all_followed else NOT_FOLLOWED)


def _put(gathering: Gathering, name: str, target: Target, told: _Told) -> None:
    if told.value is not None:
        gathering.known(name, target, told.value)
    elif told.standing is Standing.FAILED:
        gathering.failed(name, target, told.note)
    elif told.standing is Standing.NOT_YET:
        gathering.not_yet(name, target, told.note)
    else:
        gathering.absent(name, target, told.note)
