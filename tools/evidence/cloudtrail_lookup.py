"""CloudTrail's event history: what a key, a user's credentials and a bucket's settings were used for."""

from agent.activity import SENSITIVE, Activity
from agent.addresses import is_public, parse
from agent.evidence import Answered
from agent.finding import Finding
from agent.record import iso
from agent.target import GLOBAL, Target, TargetKind
from tools import key_sessions, made_credentials, regions, session_cuts
from tools.aws import Aws
from tools.event_history import LAG, LOOKUP, History, Seen
from tools.gathering import Gathering, Read, about, home, regional, users
from tools.principal_calls import trusted, vouched
from tools.registry import Registry
from tools.source import Question, SourceSpec
from tools.window import TRAIL_LAG, settled

KEY_FACTS = (
    "key.calls", "key.denied_share", "key.sensitive_calls", "key.addresses", "key.only_trusted_addresses",
    "key.finding_address_seen", "key.finding_address_trusted",
)  # fmt: skip
SESSION_FACTS = (*key_sessions.KEY_FACTS, session_cuts.KEY_FACT)
USER_FACTS = ("user.created_keys", *made_credentials.USER_FACTS)
BUCKET_FACTS = ("bucket.opened_by_automation", "bucket.opened_recently")

SPEC = SourceSpec(
    name="cloudtrail_lookup",
    tells="What the key and its sessions were used for and from where, whether those are cut, what credentials were made for whom, "
    "and who opened the bucket.",
    facts=KEY_FACTS
    + SESSION_FACTS
    + key_sessions.ROLE_FACTS
    + session_cuts.ROLE_FACTS
    + USER_FACTS
    + made_credentials.MADE_FACTS
    + BUCKET_FACTS,
    deadline_seconds=60,
    byte_cap=32_000_000,
    attacker_writes=("user agents", "request parameters", "session names"),
)

CALLS = session_cuts.CALLS | {LOOKUP, regions.REGIONS}

_OF_CALLS = {
    "key.denied_share", "key.finding_address_trusted", "key.sessions_only_trusted", "key.sessions_followed",
    session_cuts.KEY_FACT,
}  # fmt: skip
"""What says something only where there are calls."""
_COUNTS = {
    "key.calls", "key.sensitive_calls", "key.addresses", "user.created_keys", "user.made_for_others",
    "key.assumed_roles", "key.sessions_made", "key.session_calls", "key.session_sensitive_calls",
}  # fmt: skip


def wanted(finding: Finding) -> bool:
    """Keys, users and buckets leave traces here."""
    return bool(_keys(finding) or users(finding) or about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """Look up each subject where its events are kept: a key's in every Region where it can have been used, IAM's at home."""
    gathering = Gathering(SPEC, question.now)
    finding = question.finding
    history = History(gathering, aws, question, SPEC.byte_cap)
    keys = _keys(finding)
    everywhere = regions.used(gathering, aws, question) if keys else Read([])
    for key in keys:
        gathering.want(key, KEY_FACTS + SESSION_FACTS)
        seen = history.look_up(everywhere.value or [], [("AccessKeyId", key.id)])
        seen.gap = seen.gap or everywhere.gap
        events = [event for event in seen.events.values() if event.key in {"", key.id}]
        if events:
            _tell_key(gathering, key, seen, events, question)
            _tell_sessions(gathering, history, key, seen, events, everywhere.value or [], question)
        else:
            _tell_nothing(gathering, key, KEY_FACTS + SESSION_FACTS, seen.gap, question)
    made_credentials.tell_named(gathering, finding, question.registry)
    for user in users(finding):
        gathering.want(user, USER_FACTS)
        attributes = [("Username", user.id), ("ResourceName", user.id)]
        _tell_user(gathering, user, history.look_up([home(aws.partition)], attributes), question)
    for bucket in about(finding, TargetKind.BUCKET):
        gathering.want(bucket, BUCKET_FACTS)
        seen = history.look_up([regional(bucket)], [("ResourceName", bucket.id)])
        _tell_bucket(gathering, bucket, seen, question)
    return gathering.answered()


def _keys(finding: Finding) -> list[Target]:
    return about(finding, TargetKind.ACCESS_KEY)


def _tell_key(gathering: Gathering, key: Target, seen: Seen, events: list[Activity], question: Question) -> None:
    counts = {
        "key.calls": len(events),
        "key.denied_share": 100 * sum(event.denied for event in events) // len(events),
        "key.sensitive_calls": sum(event.name in SENSITIVE for event in events),
        "key.addresses": len(_public_addresses(events)),
    }
    fresh = _fresh(seen, events, question)
    for name, count in counts.items():
        if fresh and not seen.gap and (name == "key.denied_share" or not count):
            gathering.not_yet(name, key, fresh)
        else:
            gathering.settle(name, key, None if seen.gap else count, seen.gap)
    _tell_addresses(gathering, key, seen, events, question)
    newest = sorted(events, key=lambda event: (event.at, event.id), reverse=True)[:12]
    gathering.excerpt("calls of the key", "\n".join(event.line for event in newest))


def _tell_sessions(
    gathering: Gathering,
    history: History,
    key: Target,
    seen: Seen,
    events: list[Activity],
    where: list[str],
    question: Question,
) -> None:
    """The sessions that the key made, wherever they worked. Those that strangers made are followed first."""

    def look(session: str) -> tuple[list[Activity], str]:
        found = history.look_up(where, [("AccessKeyId", session)])
        return list(found.events.values()), found.gap

    def young() -> str:
        since = iso(question.now - TRAIL_LAG)
        return LAG if any(event.at > since for event in events if event.session_key) else ""

    def ours(event: Activity) -> bool:
        return trusted(event, question.registry)

    newest_last = sorted(events, key=lambda event: (event.at, event.id))
    followed = key_sessions.follow(newest_last[::-1], look, ours, history.aws.timeout_at, key.account)
    key_sessions.tell(gathering, key, followed, seen.gap, young, _fresh(seen, events, question), ours)
    session_cuts.tell(history, key, followed, seen.gap, ours)
    if followed.calls:
        last = sorted(followed.calls, key=lambda event: (event.at, event.id), reverse=True)[:12]
        gathering.excerpt("calls of its sessions", "\n".join(event.line for event in last))


def _tell_addresses(gathering: Gathering, key: Target, seen: Seen, events: list[Activity], question: Question) -> None:
    """Where the calls came from. While the finding's own call may still be on its way, the others clear nobody."""
    gathering.known("key.finding_address_trusted", key, vouched(question))
    sighted = _sighted(events, question)
    distrusted = not all(trusted(event, question.registry) for event in events)
    late = not sighted and not seen.gap and not settled(question)
    if late:
        gathering.not_yet("key.finding_address_seen", key, LAG)
    else:
        gathering.holds("key.finding_address_seen", key, sighted, seen.gap)
    if late and not distrusted:
        gathering.not_yet("key.only_trusted_addresses", key, LAG)
    else:
        only_trusted = False if distrusted else None if seen.gap else True
        gathering.settle("key.only_trusted_addresses", key, only_trusted, seen.gap)


def _sighted(events: list[Activity], question: Question) -> bool:
    """Whether a call came from an address that the finding names."""
    remote = {target.id.split("/")[0] for target in question.finding.remote_addresses}
    return any(_same(event.address, remote) for event in events)


def _fresh(seen: Seen, events: list[Activity], question: Question) -> str:
    """Why what is not seen may still come, where it could clear the key: not where what the finding saw came from elsewhere."""
    strange = any(not trusted(event, question.registry) for event in events)
    return "" if settled(question) or (strange and _sighted(events, question)) else LAG


def _tell_user(gathering: Gathering, user: Target, seen: Seen, question: Question) -> None:
    """Keys that were really made, by the user or for the user."""
    if not seen.events:
        _tell_nothing(gathering, user, USER_FACTS, seen.gap, question)
        return
    made = [event for event in seen.events.values() if event.name == "CreateAccessKey" and not event.error]
    theirs = [event for event in made if event.about_user == user.id or _is_user(event, user)]
    gathering.settle("user.created_keys", user, None if seen.gap else len(theirs), seen.gap)
    own = [event for event in seen.events.values() if _is_user(event, user)]
    made_credentials.tell(gathering, user, own, seen.gap, question.finding, question.registry)


def _tell_bucket(gathering: Gathering, bucket: Target, seen: Seen, question: Question) -> None:
    """By automation means: opened, and by nothing else. Whoever opens it after a pipeline did is not covered by it."""
    if not seen.events:
        _tell_nothing(gathering, bucket, BUCKET_FACTS, seen.gap, question)
        return
    openings = [event for event in seen.events.values() if event.opens_bucket]
    by_others = any(not _automation(event, bucket, question.registry) for event in openings)
    late = not seen.gap and not settled(question)
    if late and not openings:
        gathering.not_yet("bucket.opened_recently", bucket, LAG)
    else:
        gathering.holds("bucket.opened_recently", bucket, bool(openings), seen.gap)
    if late and not by_others:
        gathering.not_yet("bucket.opened_by_automation", bucket, LAG)
    else:
        value = False if by_others else None if seen.gap else bool(openings)
        gathering.settle("bucket.opened_by_automation", bucket, value, seen.gap)


def _tell_nothing(gathering: Gathering, target: Target, names: tuple[str, ...], gap: str, question: Question) -> None:
    """No event: failed if something kept us from seeing one, not yet if it may still come, else there was none."""
    for name in names:
        if gap:
            gathering.failed(name, target, gap)
        elif not settled(question):
            gathering.not_yet(name, target, LAG)
        elif name in _OF_CALLS:
            gathering.absent(name, target, "no_calls")
        else:
            gathering.settle(name, target, 0 if name in _COUNTS else False, "")


def _public_addresses(events: list[Activity]) -> set[str]:
    found = (parse(event.address) for event in events)
    return {str(address) for address in found if address is not None and is_public(address)}


def _same(address: str, remote: set[str]) -> bool:
    parsed = parse(address)
    return parsed is not None and any(parsed == parse(other) for other in remote)


def _is_user(event: Activity, user: Target) -> bool:
    return event.actor_type == "IAMUser" and event.actor == user.id and event.account in {"", user.account}


def _automation(event: Activity, bucket: Target, registry: Registry) -> bool:
    if not event.actor or event.account not in {"", bucket.account}:
        return False
    try:
        actor = Target(kind=TargetKind.ROLE, id=event.actor, account=bucket.account, region=GLOBAL)
    except ValueError:
        return False
    return registry.names(registry.automation, actor)
