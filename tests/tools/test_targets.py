"""A target is verified only by a live read that finds it, in the account and Region and with the owner that the finding says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.target import GLOBAL, Target, TargetKind
from tools.aws import Aws, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.seeding.iam import principal_id
from tools.sandbox.world import World
from tools.targets import CALLS, verify

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VPC, SUBNET = "vpc-0aa00000000000001", "subnet-0aa00000000000001"
MACHINES = [
    ("i-0aa00000000000001", "running", "eni-0aa00000000000001", "10.0.1.11"),
    ("i-0aa00000000000002", "stopped", "eni-0aa00000000000002", "10.0.1.12"),
    ("i-0aa00000000000003", "terminated", "eni-0aa00000000000003", "10.0.1.13"),
    ("i-0aa00000000000004", "shutting-down", "eni-0aa00000000000004", "10.0.1.14"),
]
RUNNING, STOPPED, TERMINATED, ENDING = (instance for instance, *_ in MACHINES)
INTERFACE = MACHINES[0][2]
KEY, BOBS_KEY, BUCKET = "AKIAALICEEXAMPLE0001", "AKIABOBBBEXAMPLE0001", "orders-data"
WORLD = {
    "now": NOW,
    "account": ACCOUNT,
    "region": REGION,
    "iam": {
        "users": [
            {"name": "alice", "keys": [{"id": KEY, "status": "Inactive"}]},
            {"name": "bob", "keys": [{"id": BOBS_KEY}]},
        ],
        "roles": [{"name": "web-role"}],
    },
    "s3": {"buckets": [{"name": BUCKET}]},
    "ec2": {
        "vpcs": [{"id": VPC, "cidr": "10.0.0.0/16"}],
        "subnets": [{"id": SUBNET, "vpc": VPC, "cidr": "10.0.1.0/24"}],
        "instances": [
            {"id": instance, "state": state, "interfaces": [{"id": interface, "subnet": SUBNET, "address": address}]}
            for instance, state, interface, address in MACHINES
        ],
    },
    "accounts": [{"account": OTHER, "s3": {"buckets": [{"name": "their-bucket"}]}}],
}
GONE, DENIED = "NoSuchEntity", Fail("AccessDenied", 403)


def target(kind: str, name: str, **more: Any) -> Target:
    where = REGION if kind in {"bucket", "address", "instance", "interface"} else GLOBAL
    return Target.model_validate({"kind": TargetKind(kind), "id": name, "account": ACCOUNT, "region": where, **more})


def opened() -> tuple[Sandbox, Aws]:
    world = World.model_validate(WORLD)
    sandbox = Sandbox.fresh(3, NOW)
    seed(sandbox, world)
    return sandbox, Aws(sandbox.clients(), ACCOUNT, "us-east-1", "aws", Phase.READ, CALLS)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        ("verified", target("access_key", KEY, owner="alice")),
        ("verified", target("access_key", KEY)),
        ("foreign", target("access_key", KEY, owner="bob")),
        ("foreign", target("access_key", KEY, owner="alice", account=OTHER)),
        ("gone", target("access_key", "AKIANOBODYEXAMPLE001", owner="alice")),
        ("failed", target("access_key", "ASIAALICEEXAMPLE0001", owner="alice")),
        ("verified", target("user", "alice")),
        ("gone", target("user", "carol")),
        ("foreign", target("user", "alice", account=OTHER)),
        ("foreign", target("user", "alice", partition="aws-cn")),
        ("verified", target("user", "alice", unique_id=principal_id("AIDA", "alice"))),
        ("another", target("user", "alice", unique_id=principal_id("AIDA", "bob"))),
        ("verified", target("bucket", BUCKET)),
        ("gone", target("bucket", "no-such-bucket")),
        ("foreign", target("bucket", "their-bucket")),
        ("foreign", target("bucket", BUCKET, region="us-west-2")),
        ("verified", target("address", "198.51.100.7/32")),
        ("failed", target("address", "10.0.1.11/32")),
        ("failed", target("address", "169.254.169.254/32")),
        ("failed", target("address", "8.0.0.0/6")),
        ("verified", target("instance", RUNNING)),
        ("verified", target("instance", STOPPED)),
        ("gone", target("instance", TERMINATED)),
        ("gone", target("instance", ENDING)),
        ("gone", target("instance", "i-0123456789abcdef0")),
        ("gone", target("instance", RUNNING, region="us-west-2")),
        ("foreign", target("instance", RUNNING, account=OTHER)),
        ("verified", target("interface", INTERFACE)),
        ("gone", target("interface", "eni-0123456789abcdef0")),
        ("foreign", target("interface", INTERFACE, account=OTHER)),
        ("verified", target("role", "web-role")),
        ("gone", target("role", "no-such-role")),
        ("foreign", target("role", "web-role", account=OTHER)),
        ("failed", target("node", "node-1")),
    ],
)
def test_only_what_is_there_and_ours_is_verified(expected: str, asked: Target) -> None:
    assert verify(opened()[1], asked) == expected


@pytest.mark.parametrize(("expected", "days"), [("verified", 199), ("another", 201)])
def test_a_user_made_after_the_finding_saw_its_user_act_is_another(expected: str, days: int) -> None:
    """The world's users are 200 days old. An id that the finding gives says more than any date."""
    seen, aws = NOW - timedelta(days=days), opened()[1]
    assert verify(aws, target("user", "alice"), seen) == expected
    assert verify(aws, target("user", "alice", unique_id=principal_id("AIDA", "alice")), seen) == "verified"


@pytest.mark.parametrize("fault", [DENIED, Fail("Throttling"), Lost.READ_TIMEOUT, Lost.CONNECT_TIMEOUT])
@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("iam:GetAccessKeyLastUsed", target("access_key", KEY, owner="alice")),
        ("iam:ListAccessKeys", target("access_key", KEY, owner="alice")),
        ("iam:GetUser", target("user", "alice")),
        ("s3:HeadBucket", target("bucket", BUCKET)),
        ("ec2:DescribeInstances", target("instance", RUNNING)),
        ("ec2:DescribeNetworkInterfaces", target("interface", INTERFACE)),
        ("iam:GetRole", target("role", "web-role")),
    ],
)
def test_no_answer_is_failed_and_never_gone_or_foreign(call: str, asked: Target, fault: Fail | Lost) -> None:
    sandbox, aws = opened()
    sandbox.faults.before.append(fail_calls(call, fault, 99))
    assert verify(aws, asked) == "failed"


def test_a_key_deleted_since_its_last_use_was_recorded_is_gone() -> None:
    sandbox, aws = opened()
    sandbox.faults.before.append(fail_calls("iam:ListAccessKeys", Fail(GONE, 404), 99))
    assert verify(aws, target("access_key", KEY, owner="alice")) == "gone"


def test_verifying_an_address_calls_nothing() -> None:
    _, aws = opened()
    verify(aws, target("address", "2001:db8::1/128"))
    assert aws.tally.by_phase == {}


@pytest.mark.parametrize(("kind", "name"), [("instance", RUNNING), ("interface", INTERFACE)])
def test_resources_that_a_service_hides_are_asked_for_too(kind: str, name: str) -> None:
    sandbox, aws = opened()
    sent: list[Any] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    events = sandbox.clients().client("ec2", ACCOUNT, REGION).meta.events
    events.register("before-parameter-build.ec2", note)
    verify(aws, target(kind, name))
    events.unregister("before-parameter-build.ec2", note)
    assert [params["IncludeManagedResources"] for params in sent] == [True]
