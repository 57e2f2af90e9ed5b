"""What a containment would cut is measured, or it is said that it could not be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.aws import Aws, Clients, Phase
from tools.newest import newest
from tools.recent_use import LOOKUP, measured, regions_of
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ACCOUNT, KEY = "111122223333", "AKIAALICEEXAMPLE0001"


def world(*events: dict[str, Any]) -> Sandbox:
    made = World.model_validate(
        {
            "now": datetime(2026, 3, 1, 12, tzinfo=UTC),
            "account": ACCOUNT,
            "region": "eu-west-1",
            "cloudtrail": {"events": [{"key": KEY, "user": "alice", **event} for event in events]},
        }
    )
    sandbox = Sandbox.fresh(7, made.now)
    seed(sandbox, made)
    return sandbox


def planning(sandbox: Sandbox, clients: Clients) -> Aws:
    return Aws(clients, ACCOUNT, "us-east-1", "aws", Phase.PLAN, frozenset({LOOKUP}), now=sandbox.now)


def effects(*events: dict[str, Any], fault: Fail | None = None) -> list[str]:
    sandbox = world(*events)
    if fault is not None:
        sandbox.faults.before.append(fail_calls("cloudtrail:LookupEvents", fault, 99))
    aws = planning(sandbox, sandbox.clients())
    return [effect.line for effect in measured(aws, "AccessKeyId", KEY, "with this key", ["eu-west-1", "us-east-1"])]


def test_calls_callers_and_sessions_of_the_last_days_are_counted_where_the_key_is_used() -> None:
    told = effects(
        {"at": "-1h", "name": "ListUsers", "address": "192.0.2.1"},
        {"at": "-11h", "name": "AssumeRole", "source": "sts", "address": "192.0.2.1", "region": "eu-west-1"},
        {"at": "-13h", "name": "AssumeRole", "source": "sts", "address": "192.0.2.1", "region": "eu-west-1"},
        {"at": "-35h", "name": "GetSessionToken", "source": "sts", "address": "192.0.2.1", "region": "us-east-1"},
        {"at": "-2d", "name": "AssumeRole", "source": "sts", "address": "192.0.2.2", "error": "AccessDenied"},
        {"at": "-9d", "name": "ListUsers", "address": "192.0.2.3"},
    )
    assert told == [
        "Calls with this key in the last 7 days, in us-east-1 and eu-west-1: 5",
        "Addresses that these calls came from: 2",
        "Sessions that these calls opened and that may still go on: 2",
    ]


def test_more_than_a_page_is_said_to_be_at_least_that() -> None:
    told = effects({"at": "-1h", "name": "ListUsers", "count": 60})
    assert told[0] == "Calls with this key in the last 7 days, in us-east-1 and eu-west-1, at least: 50"


def test_what_cannot_be_read_is_said_to_be_unmeasured() -> None:
    told = effects(fault=Fail("AccessDeniedException", 400))
    assert told == ["Calls with this key in the last 7 days could not be measured (AccessDeniedException)."]


class Paced(Clients):
    """The embedded AWS, as if its rate were one to save."""

    paced = True

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def client(self, service: str, account: str, region: str) -> Any:
        return self._clients.client(service, account, region)


def test_what_a_source_has_just_read_is_not_asked_of_a_limited_rate_again() -> None:
    sandbox = world({"at": "-1h", "name": "ListUsers"}, {"at": "-8d", "name": "ListUsers"})
    aws = planning(sandbox, Paced(sandbox.clients()))
    page = aws.need(
        LOOKUP,
        LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": KEY}],
        StartTime=aws.now() - timedelta(days=30),
        EndTime=aws.now(),
    )
    newest(aws).keep(aws, "AccessKeyId", KEY, dict(page))
    before = aws.tally.by_phase["plan"].copy()
    assert measured(aws, "AccessKeyId", KEY, "with this key")[0].count == 1
    assert aws.tally.by_phase["plan"] == before
    aws = replace(aws, now=lambda: sandbox.now() + timedelta(minutes=2))
    assert measured(aws, "AccessKeyId", KEY, "with this key")[0].count == 1
    assert aws.tally.by_phase["plan"] != before


def test_a_key_that_was_never_used_names_no_region() -> None:
    assert regions_of([{"Region": "N/A"}, {}, {"Region": "eu-west-1"}]) == ["eu-west-1"]
