"""Logs in S3 through Athena: what is asked, what it may cost, and what is said where it cannot be asked."""

from datetime import timedelta
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACKED,
    ATTACKER,
    BUCKET,
    FINDING,
    FLOWING,
    INSTANCE,
    INSTANCE_TARGET,
    KEY,
    KEY_TARGET,
    LOGGED,
    NOW,
    OTHER_ACCOUNT,
    USER,
    ask,
    aws_for,
    built,
    changed,
    gather,
    values,
)  # fmt: skip

from agent.target import GLOBAL, Target, TargetKind
from tools import athena_query
from tools.aws import Aws, AwsCall, AwsError, Rejected
from tools.gathering import Gathering
from tools.log_tables import LogTable
from tools.sandbox.faults import SandboxCall
from tools.source import SourceSpec
from tools.window import Window

BOTH = ("cloudtrail_athena", "flow_logs_athena")
SPEC = SourceSpec("x", "", ("key.calls",), 1, 1, ())
TABLE = LogTable(database="logs", table="cloudtrail", day="timestamp", account="account", region="region")
WINDOW = Window(start=NOW - timedelta(days=2), end=NOW)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("athena", [None, {"workgroup": "stanch"}])
def test_without_a_table_nothing_is_asked_and_nothing_failed(name: str, athena: Any) -> None:
    answered = ask(name, changed("registry.athena", athena, LOGGED), FLOWING)
    assert set(values(answered).values()) == {"absent: no_athena_table"}
    assert (answered.standing, answered.calls) == ("absent", 0)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("limit", [None, 10**12])
def test_a_workgroup_that_lets_a_query_read_without_end_is_not_used(name: str, limit: int | None) -> None:
    sandbox, world = built(changed("athena.byte_limit", limit, LOGGED))
    started: list[str] = []
    sandbox.faults.before.append(lambda call: started.append(call.operation))
    told = values(gather(name, sandbox, world))
    assert "failed: workgroup_without_byte_limit" in told.values()
    assert "StartQueryExecution" not in started


@pytest.mark.parametrize("name", BOTH)
def test_a_query_that_would_read_too_much_is_ended_by_athena_and_has_no_answer(name: str) -> None:
    from moto.backends import get_backend

    sandbox, world = built(LOGGED)
    groups = get_backend("athena")[ACCOUNT]["eu-west-1"].work_groups
    groups["stanch"].configuration["BytesScannedCutoffPerQuery"] = 10
    answered = gather(name, sandbox, world)
    assert "failed: byte_cap" in values(answered).values()
    assert answered.bytes_read > 10


@pytest.mark.parametrize(
    ("part", "told"),
    [("workgroup", "failed: InvalidRequestException"), ("trail.table", "failed: MetadataException")],
)
def test_what_is_configured_and_not_there_is_failed(part: str, told: str) -> None:
    answered = ask("cloudtrail_athena", changed(f"registry.athena.{part}", "stanch_elsewhere", LOGGED))
    assert set(values(answered).values()) == {told}


def test_only_the_days_the_account_and_the_regions_in_question_are_read() -> None:
    old = {"at": "-9d", "name": "ListUsers", "key": KEY, "user": USER, "count": 500}
    far = {
        "at": "-1h",
        "name": "ListRoles",
        "source": "s3",
        "key": KEY,
        "user": USER,
        "region": "sa-east-1",
        "count": 500,
    }
    more = changed("cloudtrail.events", [*LOGGED["cloudtrail"]["events"], old, far], LOGGED)
    listed = changed(f"registry.accounts.{ACCOUNT}.regions", ["eu-west-1"], more)
    said = changed(f"registry.accounts.{ACCOUNT}.other_regions_denied", True, listed)
    before, after = ask("cloudtrail_athena", LOGGED), ask("cloudtrail_athena", said)
    assert after.bytes_read == before.bytes_read
    assert values(after)[f"key.trail_calls {KEY}"] == values(before)[f"key.trail_calls {KEY}"]
    for world in (more, listed):
        everywhere = ask("cloudtrail_athena", world)
        assert everywhere.bytes_read > before.bytes_read
        assert values(everywhere)[f"key.trail_calls {KEY}"] == 505


def test_the_tables_may_lie_in_another_account_and_region() -> None:
    world = changed("registry.athena.account", OTHER_ACCOUNT, LOGGED)
    world["registry"]["athena"]["region"] = "us-east-1"
    sandbox, parsed = built(world)
    seen: list[SandboxCall] = []
    sandbox.faults.before.append(lambda call: seen.append(call))
    gather("cloudtrail_athena", sandbox, parsed)
    assert {(call.account, call.region) for call in seen if call.service == "athena"} == {(OTHER_ACCOUNT, "us-east-1")}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TargetKind.BUCKET, "a' OR '1'='1"),
        (TargetKind.BUCKET, "?"),
        (TargetKind.USER, "ann'--"),
        (TargetKind.USER, "ann\n"),
        (TargetKind.ACCESS_KEY, "AKIA'; DROP TABLE x"),
    ],
)
def test_what_is_no_id_never_becomes_part_of_a_query(kind: TargetKind, name: str) -> None:
    with pytest.raises(Rejected, match="not_to_be_asked_for"):
        athena_query.named(kind, name)


@pytest.mark.parametrize(
    ("table", "where"),
    [
        (TABLE, "\"timestamp\" BETWEEN '2026/02/27' AND '2026/03/01' AND \"account\" = '111122223333'"
                " AND \"region\" IN ('eu-west-1', 'us-east-1')"),
        (LogTable(database="d", table="t", day="day", day_format="yyyy-MM-dd"),
         "\"day\" BETWEEN '2026-02-27' AND '2026-03-01'"),
        (LogTable(database="d", table="t", day="date", day_format="date"),
         "\"date\" BETWEEN DATE '2026-02-27' AND DATE '2026-03-01'"),
    ],
)  # fmt: skip
def test_a_query_is_kept_to_partitions(table: LogTable, where: str) -> None:
    assert athena_query.within(table, ACCOUNT, ["us-east-1", "eu-west-1"], WINDOW) == where


@pytest.mark.parametrize("place", [("x' OR ''='", []), (ACCOUNT, ["eu-west-1') --"])])
def test_partitions_hold_nothing_but_accounts_and_regions(place: tuple[str, list[str]]) -> None:
    with pytest.raises(Rejected):
        athena_query.within(TABLE, *place, WINDOW)


@pytest.mark.parametrize("name", ['logs"."x', "Logs", "a b", "", "x;"])
def test_a_table_of_the_registry_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="String should"):
        LogTable(database=name, table="t", day="day")


WRITE = {
    "at": "-45m",
    "name": "PutObject",
    "source": "s3",
    "key": KEY,
    "user": USER,
    "resources": [BUCKET],
    "object": "a",
}


@pytest.mark.parametrize("more", [[], [WRITE]], ids=["no data event", "a trail that keeps writes alone"])
def test_reads_that_no_trail_logged_are_no_zero(more: list[Any]) -> None:
    quiet = changed("cloudtrail.events", [*LOGGED["cloudtrail"]["events"][:3], *more], LOGGED)
    told = values(ask("cloudtrail_athena", quiet))
    for fact in (f"key.object_reads {KEY}", f"bucket.stranger_reads {BUCKET}", f"user.object_bytes {USER}"):
        assert told[fact] == "absent: no_read_events"
    assert told[f"key.trail_calls {KEY}"] == 2 + len(more)


READ = {"at": "-45m", "name": "GetObject", "source": "s3", "user": "bob", "resources": [BUCKET], "object": "a"}


def test_a_read_that_was_refused_shows_that_the_trail_keeps_reads() -> None:
    refused = changed("cloudtrail.events", [READ | {"error": "AccessDenied", "anonymous": True}], LOGGED)
    told = values(ask("cloudtrail_athena", refused))
    assert (told[f"bucket.object_reads {BUCKET}"], told[f"bucket.stranger_reads {BUCKET}"]) == (0, 0)


def test_no_stranger_in_the_last_quarter_of_an_hour_is_not_yet() -> None:
    sandbox, world = built(changed("cloudtrail.events", [READ], LOGGED))
    fresh = FINDING.model_copy(update={"last_seen": NOW})
    told = values(gather("cloudtrail_athena", sandbox, world, fresh))
    assert told[f"bucket.object_reads {BUCKET}"] == 1
    assert told[f"bucket.stranger_reads {BUCKET}"] == "not_yet: cloudtrail_lag"
    opened = values(gather("cloudtrail_lookup", *built(changed("cloudtrail.events.2.name", "GetBucketAcl")), fresh))
    names = ("bucket.opened_recently", "bucket.opened_by_automation")
    assert {opened[f"{name} {BUCKET}"] for name in names} == {"not_yet: cloudtrail_lag"}


def test_no_event_of_what_was_seen_within_the_last_quarter_of_an_hour_is_not_yet() -> None:
    fresh = FINDING.model_copy(update={"targets": [KEY_TARGET], "last_seen": NOW})
    told = values(ask("cloudtrail_athena", changed("cloudtrail.events", [], LOGGED), fresh))
    assert {told[f"key.trail_{name} {KEY}"] for name in ("calls", "outsider_seen", "only_trusted")} == {
        "not_yet: cloudtrail_lag"
    }


def test_a_name_that_another_account_also_has_is_not_taken_for_the_user() -> None:
    theirs = {"at": "-40m", "name": "GetObject", "source": "s3", "user": USER, "resources": [BUCKET], "object": "c.csv",
              "raw": {"userIdentity": {"accountId": OTHER_ACCOUNT}}}  # fmt: skip
    told = values(ask("cloudtrail_athena", changed("cloudtrail.events.5", theirs, LOGGED)))
    assert told[f"user.object_reads {USER}"] == 3


def test_flow_logs_in_s3_are_no_gap_of_cloudwatch_s_where_athena_reads_them() -> None:
    assert set(values(ask("vpc_flow_logs", LOGGED)).values()) == {"absent: kept_in_s3"}
    alone = changed("registry.athena.flow_logs", None, LOGGED)
    assert set(values(ask("vpc_flow_logs", alone)).values()) == {"failed: not_in_cloudwatch"}


def test_a_table_over_flow_logs_that_nobody_writes_says_nothing() -> None:
    assert set(values(ask("flow_logs_athena", changed("flow_logs", [], LOGGED))).values()) == {
        "absent: no_flow_logs_in_s3"
    }


def test_of_the_interfaces_that_spoke_with_a_peer_the_instance_s_own_are_not_the_others() -> None:
    flows = [
        {
            "group": "/vpc/flow", "vpc": "vpc-0aaaaaaaaaaaaaaa1", "interface": interface,
            "records": [{"at": "-1h", "src": "10.0.0.15", "dst": ATTACKER, "action": action}],
        }
        for interface, action in (
            ("eni-0aaaaaaaaaaaaaaa0", "ACCEPT"), ("eni-0aaaaaaaaaaaaaaa1", "ACCEPT"), ("eni-0aaaaaaaaaaaaaaa2", "ACCEPT"),
            ("eni-0aaaaaaaaaaaaaaa3", "REJECT"),
        )
    ]  # fmt: skip
    finding = FINDING.model_copy(update={"targets": [INSTANCE_TARGET]})
    answered = ask("vpc_flow_logs", changed("flow_logs", flows, ATTACKED), finding)
    assert INSTANCE_TARGET.id == INSTANCE
    assert values(answered)[f"address.others_spoke {ATTACKER}"] == 1
    assert answered.bytes_read > 0
    nobody = values(ask("vpc_flow_logs", changed("flow_logs", flows, ATTACKED), FINDING))
    assert nobody[f"address.others_spoke {ATTACKER}"] == "absent: no_instance"


def test_a_column_of_the_catalogue_is_used_only_if_its_name_is_a_known_one() -> None:
    names = ["version", 'srcaddr" FROM x --', "dstaddr", "action", "bytes"]
    assert "src" not in athena_flow_roles(names)
    assert athena_flow_roles(["pkt-srcaddr", "Interface_ID"]) == {"src": "pkt-srcaddr", "interface": "Interface_ID"}


def athena_flow_roles(names: list[str]) -> dict[str, str]:
    from tools.flow_logs import roles

    return roles(names)


class Scripted(Aws):
    """Answers calls from a list, in order."""

    answers: list[Any]
    seen: list[str]

    def call(self, call: AwsCall, *, absent: Any = frozenset(), **params: Any) -> Any:
        self.seen.append(call.operation)
        return self.answers.pop(0)


LIMIT = {"WorkGroup": {"Configuration": {"BytesScannedCutoffPerQuery": 1000}}}


def state(name: str, scanned: int = 0) -> dict[str, Any]:
    return {"QueryExecution": {"Status": {"State": name}, "Statistics": {"DataScannedInBytes": scanned}}}


def rows(*texts: str, token: str = "") -> dict[str, Any]:
    found = [{"Data": [{"VarCharValue": text}, {}]} for text in texts]
    columns = [{"Name": "a"}, {"Name": "b"}]
    return {"ResultSet": {"Rows": found, "ResultSetMetadata": {"ColumnInfo": columns}}, "NextToken": token}


def query(*answers: Any, late: bool = False) -> tuple[Any, Scripted, Gathering]:
    real = aws_for(built(LOGGED)[0], athena_query.CALLS, timeout_at=lambda: late)
    aws = Scripted(**{name: getattr(real, name) for name in real.__dataclass_fields__})
    object.__setattr__(aws, "answers", [LIMIT, {"QueryExecutionId": "q"}, *answers])
    object.__setattr__(aws, "seen", [])
    gathering = Gathering(SPEC, NOW)
    try:
        return athena_query.run(gathering, aws, "stanch", "SELECT 1", [], 1000), aws, gathering
    except AwsError as error:
        return error.code, aws, gathering


def test_every_page_is_read_and_only_the_first_begins_with_the_names_of_the_columns() -> None:
    found, _, gathering = query(
        state("QUEUED"), state("RUNNING"), state("SUCCEEDED", 77), rows("a", "1", token="2"), rows("2", "3")
    )
    assert found == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert (gathering.bytes_read, gathering.pages_read) == (77, 2)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (state("FAILED"), "query_failed"),
        (state("CANCELLED", 5), "query_cancelled"),
        (state("CANCELLED", 1000), "byte_cap"),
    ],
)
def test_a_query_that_ended_badly_has_no_answer(ended: Any, code: str) -> None:
    assert query(ended)[0] == code


def test_a_query_that_nobody_waits_for_is_stopped_and_its_bytes_counted() -> None:
    code, aws, gathering = query(state("RUNNING", 12), {}, late=True)
    assert (code, aws.seen[-1], gathering.bytes_read) == ("deadline", "StopQueryExecution", 12)
    code, aws, _ = query(*[state("QUEUED")] * athena_query.POLLS, {})
    assert (code, aws.seen[-1]) == ("deadline", "StopQueryExecution")


def test_the_same_question_of_the_same_moment_is_one_query() -> None:
    sandbox, world = built(LOGGED)
    first, second = gather("cloudtrail_athena", sandbox, world), gather("cloudtrail_athena", sandbox, world)
    assert values(first) == values(second)
    assert len(_started(sandbox)) == 1


def _started(sandbox: Any) -> dict[str, Any]:
    from tools.sandbox.services.athena import Executions

    found: dict[str, Any] = sandbox.shelf(Executions, ACCOUNT, "eu-west-1").started
    return found


def test_a_user_and_a_key_of_the_same_finding_are_asked_for_in_one_query() -> None:
    sandbox, world = built(LOGGED)
    user = Target(kind=TargetKind.USER, id=USER, account=ACCOUNT, region=GLOBAL)
    finding = FINDING.model_copy(update={"targets": [KEY_TARGET, user]})
    gather("cloudtrail_athena", sandbox, world, finding)
    (asked,) = _started(sandbox).values()
    assert asked.query["ExecutionParameters"] == [f"'{KEY}'", f"'{USER}'"]
    assert ATTACKER not in asked.query["QueryString"]
