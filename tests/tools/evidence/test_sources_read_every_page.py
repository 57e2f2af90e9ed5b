"""Answers come in pages: all are read, and where the limit or the deadline cuts them, that is said."""

from collections import Counter
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ADDRESS_TARGET,
    ATTACKER,
    BUCKET,
    FINDING,
    KEY,
    REGION,
    WORLD,
    ask,
    aws_for,
    built,
    changed,
    gather,
    values,
)

from agent.target import Target
from tools import bucket_fronts, event_history, flow_logs, log_query
from tools.aws import Aws, AwsCall, Rejected, Throttled
from tools.evidence import s3_access_points
from tools.gathering import Gathering
from tools.pace import Pacer
from tools.source import SourceSpec
from tools.window import Window

MANY = {"at": "-30m", "name": "ListRoles", "key": KEY, "user": "alice", "region": "us-east-1", "count": 120}
SPEC = SourceSpec("x", "", (), 1, 1, ())


def test_a_hundred_and_twenty_events_take_three_pages() -> None:
    entry = {"role": "workload", "environment": "dev", "regions": [REGION, "us-east-1"], "other_regions_denied": True}
    sandbox, world = built(changed(f"registry.accounts.{ACCOUNT}", entry, changed("cloudtrail.events", [MANY])))
    seen: Counter[str] = Counter()
    sandbox.faults.before.append(lambda call: seen.update([f"{call.operation} {call.region}"]))
    finding = FINDING.model_copy(update={"targets": FINDING.targets[:1]})
    answered = gather("cloudtrail_lookup", sandbox, world, finding)
    assert values(answered)[f"key.calls {KEY}"] == 120
    # three for the key and three for its user, and one each that are empty
    assert seen == {"LookupEvents us-east-1": 7, "LookupEvents eu-west-1": 1}
    assert (answered.calls, answered.pages) == (8, 8)


def test_more_events_than_are_read_make_the_count_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_history, "PAGES", 2)
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [MANY])))
    assert told[f"key.calls {KEY}"] == "failed: page_limit"
    assert told[f"key.only_trusted_addresses {KEY}"] is False


def test_a_deadline_between_pages_makes_the_count_failed() -> None:
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [MANY]), timeout_at=lambda: True))
    assert told[f"key.calls {KEY}"] == "failed: deadline"


def test_every_page_of_distributions_is_read_and_what_is_left_unread_is_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    fronts = [{"id": f"E{number:05}EXAMPLE", "host": "other.s3.amazonaws.com"} for number in range(101)]
    fronts.append({"id": "E99999EXAMPLE", "access": "none"})
    world = changed("s3.buckets.0.distributions", fronts)
    answered = ask("cloudfront", world)
    assert (values(answered)[f"bucket.distributions {BUCKET}"], answered.calls) == (1, 2)
    cut = ask("cloudfront", world, timeout_at=lambda: True)
    assert set(values(cut).values()) == {"failed: deadline"}
    monkeypatch.setattr(bucket_fronts, "PAGES", 1)
    assert set(values(ask("cloudfront", world)).values()) == {"failed: page_limit"}


def test_more_access_points_than_are_read_are_failed_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_access_points, "LIMIT", 1)
    world = changed("s3.buckets.0.access_points", [{"name": "one"}, {"name": "two"}])
    assert set(values(ask("s3_access_points", world)).values()) == {"failed: too_many"}


def test_macie_findings_are_counted_over_every_page() -> None:
    world = changed("macie.findings", [{"bucket": BUCKET, "object": f"{n}.csv"} for n in range(70)])
    answered = ask("macie", world)
    assert values(answered)[f"bucket.sensitive_findings {BUCKET}"] == 70
    # session, two pages of ids with their findings, the profile, one page of buckets
    assert (answered.calls, answered.pages) == (7, 3)


class Scripted(Aws):
    """Answers calls from a list, in order; an error is raised."""

    answers: list[Any]
    seen: list[tuple[str, dict[str, Any]]]

    def call(self, call: AwsCall, *, absent: Any = frozenset(), **params: Any) -> Any:
        self.seen.append((call.operation, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def scripted(*answers: Any, **more: Any) -> Any:
    real = aws_for(built(WORLD)[0], log_query.CALLS, **more)
    made = Scripted(**{name: getattr(real, name) for name in real.__dataclass_fields__})
    object.__setattr__(made, "answers", list(answers))
    object.__setattr__(made, "seen", [])
    return made


def query(aws: Any) -> list[dict[str, str]]:
    window = Window(start=WORLD["now"], end=WORLD["now"])
    return log_query.run(Gathering(SPEC, WORLD["now"]), aws, ["/vpc/flow"], window, "limit 1", 1000)


ROW = [{"field": "flows", "value": "1"}]
STARTED = {"queryId": "q"}


def test_rows_of_a_running_query_are_never_used() -> None:
    aws = scripted(STARTED, {"status": "Running", "results": [ROW, ROW]}, {"status": "Complete", "results": [ROW]})
    assert query(aws) == [{"flows": "1"}]


def test_the_pages_of_a_complete_query_are_all_read() -> None:
    aws = scripted(STARTED, {"status": "Complete", "results": [ROW], "nextToken": "2"}, {"results": [ROW, ROW]})
    assert len(query(aws)) == 3
    assert aws.seen[-1] == ("GetQueryResults", {"queryId": "q", "nextToken": "2"})


@pytest.mark.parametrize(
    ("running", "deadline", "why"),
    [
        ({"status": "Running"}, True, "deadline"),
        ({"status": "Running", "statistics": {"bytesScanned": 2000.0}}, False, "byte_cap"),
    ],
)
def test_a_query_that_takes_too_long_or_scans_too_much_is_stopped(running: Any, deadline: bool, why: str) -> None:
    aws = scripted(
        STARTED, running, Rejected("logs:StopQuery", "InvalidParameterException"), timeout_at=lambda: deadline
    )
    with pytest.raises(Exception, match=why):
        query(aws)
    assert aws.seen[-1] == ("StopQuery", {"queryId": "q"})


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout", "Unknown"])
def test_a_query_that_ended_badly_has_no_answer(status: str) -> None:
    with pytest.raises(Rejected, match=f"query_{status.lower()}"):
        query(scripted(STARTED, {"status": status, "results": [ROW]}))


def test_a_query_that_never_ends_is_stopped() -> None:
    aws = scripted(STARTED, *[{"status": "Scheduled"}] * len(log_query.PAUSES), {})
    with pytest.raises(Exception, match="deadline"):
        query(aws)
    assert aws.seen[-1][0] == "StopQuery"


def test_a_throttled_query_is_an_error_and_not_an_empty_answer() -> None:
    with pytest.raises(Throttled):
        query(scripted(Throttled("logs:StartQuery", "LimitExceededException")))


@pytest.mark.parametrize("text", ["198.51.100.7/32", "2001:DB8:0::1", "2001:db8::1/128"])
def test_an_address_is_written_anew_before_it_stands_in_a_query(text: str) -> None:
    host = flow_logs.host(Target.model_validate(ADDRESS_TARGET.model_dump() | {"id": text}))
    assert str(host) in {ATTACKER, "2001:db8::1"}


def test_a_pacer_lets_two_through_and_then_two_a_second() -> None:
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))
        now[0] += seconds

    pacer = Pacer(rate=2.0, burst=2, clock=lambda: now[0], sleep=sleep)
    for key in ["a", "a", "a", "a", "b"]:
        pacer.wait(key)
    now[0] += 60
    pacer.wait("a")
    assert waits == [0.5, 0.5]


def test_a_pacer_without_a_rate_never_waits() -> None:
    pacer = Pacer(rate=None, sleep=lambda seconds: pytest.fail("waited"))
    for _ in range(10):
        pacer.wait("a")
