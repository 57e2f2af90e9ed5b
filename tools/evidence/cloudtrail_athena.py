"""A trail's log files in S3, through Athena: what the event history does not keep, reads of objects above all."""

from dataclasses import dataclass

from agent.addresses import Address, is_public, parse
from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target, TargetKind
from tools import athena_query
from tools.athena_query import within
from tools.aws import Aws
from tools.gathering import Gathering, about, attempt, home, regional, users
from tools.log_tables import LogTable, LogTables
from tools.registry import Registry
from tools.source import Question, SourceSpec
from tools.window import Window, settled

KEY_FACTS = (
    "key.trail_calls", "key.trail_denied_share", "key.trail_addresses", "key.trail_only_trusted",
    "key.trail_outsider_seen", "key.object_reads", "key.object_bytes",
)  # fmt: skip
USER_FACTS = ("user.object_reads", "user.object_bytes")
BUCKET_FACTS = (
    "bucket.object_reads", "bucket.stranger_reads", "bucket.stranger_bytes", "bucket.stranger_addresses",
    "bucket.reading_accounts",
)  # fmt: skip

SPEC = SourceSpec(
    name="cloudtrail_athena",
    tells="What a trail's files in S3 show beside the event history: reads of objects, how much, and from where.",
    facts=KEY_FACTS + USER_FACTS + BUCKET_FACTS,
    deadline_seconds=90,
    byte_cap=50_000_000_000,
    attacker_writes=(),
)

CALLS = athena_query.CALLS | {athena_query.COLUMNS}
LAG = "cloudtrail_lag"
NOT_TOLD = "endpoint_account_not_told"
"""Calls came through a VPC endpoint, and whose it is stands nowhere: AWS's earlier statement makes no column for it."""
NO_READ_EVENTS = "no_read_events"
"""No read of an object was logged: nobody read, or the trail does not keep reads. Nobody can say which."""

READS = frozenset({"GetObject", "SelectObjectContent"})
_COLUMNS = (
    "useridentity.accesskeyid AS key_id, useridentity.type AS kind, useridentity.accountid AS actor_account, "
    "useridentity.username AS user_name, eventsource AS source, eventname AS name, errorcode AS error, "
    "sourceipaddress AS address, json_extract_scalar(requestparameters, '$.bucketName') AS bucket, "
    "vpcendpointid AS endpoint"
)
_ENDPOINT_ACCOUNT = "vpcendpointaccountid"
_GROUPS = ", ".join(str(number) for number in range(1, 12))
"""All columns but the sums."""
_BYTES = "sum(try_cast(json_extract_scalar(additionaleventdata, '$.bytesTransferredOut') AS double))"


@dataclass(frozen=True)
class Calls:
    """Calls that are alike in all that is counted here."""

    row: dict[str, str]
    count: int
    octets: int

    def is_(self, column: str, value: str) -> bool:
        """Whether they have this in common."""
        return self.row.get(column) == value

    @property
    def denied(self) -> bool:
        """Whether AWS said no for want of permission."""
        error = self.row.get("error", "")
        return "AccessDenied" in error or "Unauthorized" in error

    @property
    def tried(self) -> bool:
        """Whether somebody asked for objects by them, and got them or was refused."""
        return self.is_("source", "s3.amazonaws.com") and self.row.get("name") in READS

    @property
    def read(self) -> bool:
        """Whether somebody got objects by them."""
        return self.tried and not self.row.get("error")

    @property
    def address(self) -> Address | None:
        """Where they came from; None for a service that called on somebody's behalf."""
        return parse(self.row.get("address", ""))

    @property
    def endpoint_untold(self) -> bool:
        """Whether they came through a VPC endpoint of nobody knows whom."""
        return bool(self.row.get("endpoint")) and not self.row.get("endpoint_account")

    def trusted(self, registry: Registry) -> bool:
        """Whether they came from the owner's networks, behind a VPC endpoint only if that is not somebody else's."""
        owner = self.row.get("endpoint_account", "")
        at_home = self.address is not None and registry.trusts(str(self.address))
        return at_home and (not owner or owner in registry.accounts)


def wanted(finding: Finding) -> bool:
    """Keys, users and buckets leave traces here."""
    return bool(about(finding, TargetKind.ACCESS_KEY) or users(finding) or about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """One query for all that the finding is about, over the table that the registry names."""
    gathering = Gathering(SPEC, question.now)
    keys, named = about(question.finding, TargetKind.ACCESS_KEY), users(question.finding)
    buckets = about(question.finding, TargetKind.BUCKET)
    subjects: list[tuple[Target, tuple[str, ...]]] = [(key, KEY_FACTS) for key in keys]
    subjects += [(user, USER_FACTS) for user in named] + [(bucket, BUCKET_FACTS) for bucket in buckets]
    tables = question.registry.athena
    if tables is None or tables.trail is None:
        for target, names in subjects:
            gathering.absent(names[0], target, "no_athena_table")
        return gathering.answered()
    table = tables.trail
    calls = attempt(lambda: _calls(gathering, aws, tables, table, question, [one for one, _ in subjects]))
    if calls.value is None:
        for target, names in subjects:
            for name in names:
                gathering.failed(name, target, calls.gap)
        return gathering.answered()
    for key in keys:
        _tell_key(gathering, key, [one for one in calls.value if one.is_("key_id", key.id)], question)
    for user in named:
        theirs = [one for one in calls.value if one.is_("user_name", user.id) and one.is_("kind", "IAMUser")]
        _tell_reads(
            gathering, user, "user", [one for one in theirs if one.is_("actor_account", user.account)], question
        )
    for bucket in buckets:
        _tell_bucket(gathering, bucket, [one for one in calls.value if one.is_("bucket", bucket.id)], question)
    return gathering.answered()


def _calls(
    gathering: Gathering, aws: Aws, tables: LogTables, table: LogTable, question: Question, subjects: list[Target]
) -> list[Calls]:
    """Raises AwsError where the answer is not there, or not all of it."""
    window = Window.of(question)
    tests, values = [], []
    for kind, column in (
        (TargetKind.ACCESS_KEY, "useridentity.accesskeyid"),
        (TargetKind.USER, "useridentity.username"),
        (TargetKind.BUCKET, "json_extract_scalar(requestparameters, '$.bucketName')"),
    ):
        ids = [athena_query.named(kind, target.id) for target in subjects if target.kind is kind]
        if ids:
            tests.append(f"{column} IN ({', '.join('?' for _ in ids)})")
            values += ids
    there = athena_query.place(aws, tables, question)
    told = _ENDPOINT_ACCOUNT in (name.lower() for name in athena_query.columns(gathering, there, table))
    owner = _ENDPOINT_ACCOUNT if told else "''"
    clauses = (
        "SELECT",
        f"{_COLUMNS}, {owner} AS endpoint_account, count(*) AS calls, {_BYTES} AS octets",
        f"FROM {table.quoted} WHERE",
        within(table, question.finding.account, _regions(aws, question, subjects), window),
        f"AND eventtime BETWEEN {athena_query.moment(window.start)} AND {athena_query.moment(window.end)}",
        f"AND ({' OR '.join(tests)}) GROUP BY {_GROUPS} LIMIT {athena_query.ROWS}",
    )
    rows = athena_query.run(gathering, there, tables.workgroup, " ".join(clauses), values, SPEC.byte_cap)
    return [Calls(row, int(row["calls"]), int(float(row.get("octets") or 0))) for row in rows]


def _regions(aws: Aws, question: Question, subjects: list[Target]) -> set[str]:
    """Where a bucket's events are, and a key's where it cannot have been used elsewhere; none is everywhere."""
    if all(target.kind is TargetKind.BUCKET for target in subjects):
        return {regional(target) for target in subjects}
    account = question.finding.account
    if not question.registry.denies_other_regions(account):
        return set()
    return {*question.registry.regions(account), home(aws.partition), *(regional(target) for target in subjects)}


def _tell_key(gathering: Gathering, key: Target, calls: list[Calls], question: Question) -> None:
    """All that the key did. While the finding's own call may still be on its way, the others clear nobody."""
    late = not settled(question)
    total = sum(one.count for one in calls)
    if not calls and late:
        for name in KEY_FACTS[:5]:
            gathering.not_yet(name, key, LAG)
    else:
        gathering.known("key.trail_calls", key, total)
        _count(gathering, "key.trail_addresses", key, len(_public(calls)), question)
        _tell_places(gathering, key, calls, question, late)
        if calls:
            denied = sum(one.count for one in calls if one.denied)
            gathering.known("key.trail_denied_share", key, 100 * denied // total)
        else:
            gathering.absent("key.trail_denied_share", key, "no_calls")
    _tell_reads(gathering, key, "key", calls, question)


def _tell_places(gathering: Gathering, key: Target, calls: list[Calls], question: Question, late: bool) -> None:
    """An outsider is an address that the finding names and that nobody trusts."""
    registry = question.registry
    named = [target.id for target in question.finding.remote_addresses if not registry.trusts(target.id)]
    outsiders = {parse(name.split("/")[0]) for name in named} - {None}
    seen = any(one.address in outsiders for one in calls)
    strange = not all(one.trusted(registry) for one in calls)
    if late and not seen:
        gathering.not_yet("key.trail_outsider_seen", key, LAG)
    else:
        gathering.known("key.trail_outsider_seen", key, seen)
    if not calls:
        gathering.absent("key.trail_only_trusted", key, "no_calls")
    elif late and not strange:
        gathering.not_yet("key.trail_only_trusted", key, LAG)
    elif not strange and any(one.endpoint_untold for one in calls):
        gathering.failed("key.trail_only_trusted", key, NOT_TOLD)
    else:
        gathering.known("key.trail_only_trusted", key, not strange)


def _tell_reads(gathering: Gathering, target: Target, kind: str, calls: list[Calls], question: Question) -> None:
    """Objects that were got, and their bytes. Where no read was logged, a trail may keep none: that is no zero."""
    if not any(one.tried for one in calls):
        gathering.absent(f"{kind}.object_reads", target, NO_READ_EVENTS)
        gathering.absent(f"{kind}.object_bytes", target, NO_READ_EVENTS)
        return
    reads = [one for one in calls if one.read]
    _count(gathering, f"{kind}.object_reads", target, sum(one.count for one in reads), question)
    _count(gathering, f"{kind}.object_bytes", target, sum(one.octets for one in reads), question)


def _tell_bucket(gathering: Gathering, bucket: Target, calls: list[Calls], question: Question) -> None:
    """Who got objects of the bucket. A stranger signs nothing, or signs as an account that the registry does not list.

    A zero needs a read in the log, since a trail may keep writes alone.
    """
    if not any(one.tried for one in calls):
        for name in BUCKET_FACTS:
            gathering.absent(name, bucket, NO_READ_EVENTS)
        return
    reads = [one for one in calls if one.read]
    strangers = [one for one in reads if _stranger(one, bucket, question.registry)]
    partners = {one.row.get("actor_account", "") for one in reads if one not in strangers}
    accounts = {one for one in partners if one.isdigit()} - {bucket.account}  # who signs nothing has none
    counts = {
        "object_reads": sum(one.count for one in reads),
        "stranger_reads": sum(one.count for one in strangers),
        "stranger_bytes": sum(one.octets for one in strangers),
        "stranger_addresses": len(_public(strangers)),
        "reading_accounts": len(accounts),
    }
    for name, count in counts.items():
        _count(gathering, f"bucket.{name}", bucket, count, question)


def _count(gathering: Gathering, name: str, target: Target, seen: int, question: Question) -> None:
    """While what the finding saw may still be on its way, nothing seen is no zero."""
    if seen or settled(question):
        gathering.known(name, target, seen)
    else:
        gathering.not_yet(name, target, LAG)


def _stranger(calls: Calls, bucket: Target, registry: Registry) -> bool:
    """A service of AWS that reads for itself has no account and is none: it is let in by name, as a distribution is.

    One that reads for somebody has theirs, and its own name for an address: that is nowhere that we trust.
    """
    actor = calls.row.get("actor_account", "")
    if actor == bucket.account or actor in registry.accounts:
        return False
    if not actor and calls.is_("kind", "AWSService"):
        return False
    return calls.endpoint_untold or not calls.trusted(registry)


def _public(calls: list[Calls]) -> set[Address]:
    return {one.address for one in calls if one.address is not None and is_public(one.address)}
