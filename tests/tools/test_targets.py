"""A target is verified only by a live read that finds it, in the account and Region and with the owner that the finding says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.target import GLOBAL, Target, TargetKind
from tools.aws import Aws, Phase
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Lost, fail_calls
from tools.sandbox.seed import seed
from tools.sandbox.world import World
from tools.targets import CALLS, verify

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "eu-west-1"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY, BOBS_KEY, BUCKET = "AKIAALICEEXAMPLE0001", "AKIABOBBBEXAMPLE0001", "orders-data"
WORLD = {
    "now": NOW,
    "account": ACCOUNT,
    "region": REGION,
    "iam": {
        "users": [
            {"name": "alice", "keys": [{"id": KEY, "status": "Inactive"}]},
            {"name": "bob", "keys": [{"id": BOBS_KEY}]},
        ]
    },
    "s3": {"buckets": [{"name": BUCKET}]},
    "accounts": [{"account": OTHER, "s3": {"buckets": [{"name": "their-bucket"}]}}],
}
GONE, DENIED = "NoSuchEntity", Fail("AccessDenied", 403)


def target(kind: str, name: str, **more: Any) -> Target:
    where = REGION if kind in {"bucket", "address", "instance"} else GLOBAL
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
        ("verified", target("bucket", BUCKET)),
        ("gone", target("bucket", "no-such-bucket")),
        ("foreign", target("bucket", "their-bucket")),
        ("foreign", target("bucket", BUCKET, region="us-west-2")),
        ("verified", target("address", "198.51.100.7/32")),
        ("failed", target("instance", "i-0123456789abcdef0")),
    ],
)
def test_only_what_is_there_and_ours_is_verified(expected: str, asked: Target) -> None:
    assert verify(opened()[1], asked) == expected


@pytest.mark.parametrize("fault", [DENIED, Fail("Throttling"), Lost.READ_TIMEOUT, Lost.CONNECT_TIMEOUT])
@pytest.mark.parametrize(
    ("call", "asked"),
    [
        ("iam:GetAccessKeyLastUsed", target("access_key", KEY, owner="alice")),
        ("iam:ListAccessKeys", target("access_key", KEY, owner="alice")),
        ("iam:GetUser", target("user", "alice")),
        ("s3:HeadBucket", target("bucket", BUCKET)),
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
