"""Faults: chosen calls fail, vanish or kill; writes are saved before their caller knows."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from engine_scene import ACCOUNT, REGION, code_of, fresh

from tools.sandbox.faults import Fail, Lost, SandboxCall, fail_calls
from tools.sandbox.store import WorldBusy, WorldStore


def names(sandbox) -> list[str]:  # type: ignore[no-untyped-def]  # a test's own shorthand
    sandbox.faults.clear()
    return [user["UserName"] for user in sandbox.client("iam", ACCOUNT, REGION).list_users()["Users"]]


def test_a_call_refused_before_its_effect_changes_nothing() -> None:
    sandbox = fresh()
    sandbox.faults.before.append(fail_calls("iam:CreateUser", Fail("AccessDenied", 403)))
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam", ACCOUNT, REGION).create_user(UserName="alice")
    assert (code_of(refused), names(sandbox)) == ("AccessDenied", [])


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("iam", "list_users", {}),
        ("s3", "list_buckets", {}),
        ("ec2", "describe_regions", {}),
        ("logs", "describe_log_groups", {}),
        ("guardduty", "list_detectors", {}),
    ],
)
def test_throttling_is_retried_by_botocore_itself_in_every_protocol(
    service: str, operation: str, params: dict[str, str]
) -> None:
    sandbox = fresh()
    client = sandbox.client(service, ACCOUNT, "us-east-1")
    name = f"{service}:{client.meta.method_to_api_mapping[operation]}"
    sandbox.faults.before.append(fail_calls(name, Fail("ThrottlingException", 400)))
    answer = getattr(client, operation)(**params)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


@pytest.mark.parametrize(
    ("lost", "error", "happened"),
    [(Lost.CONNECT_TIMEOUT, ConnectTimeoutError, False), (Lost.READ_TIMEOUT, ReadTimeoutError, True)],
)
def test_a_lost_answer_may_hide_an_effect(lost: Lost, error: type[Exception], happened: bool) -> None:
    sandbox = fresh()
    hooks = sandbox.faults.after if happened else sandbox.faults.before
    hooks.append(lambda call: lost if call.operation == "TagUser" else None)
    iam = sandbox.client("iam", ACCOUNT, REGION)
    iam.create_user(UserName="alice")
    with pytest.raises(error):
        iam.tag_user(UserName="alice", Tags=[{"Key": "a", "Value": "b"}])
    sandbox.faults.clear()
    assert bool(iam.list_user_tags(UserName="alice")["Tags"]) is happened


def test_only_writes_are_saved_and_before_their_caller_sees_the_answer() -> None:
    sandbox = fresh()
    order: list[str] = []
    sandbox.on_write(lambda: order.append("saved"))
    sandbox.faults.after.append(lambda call: order.append(call.name))  # type: ignore[func-returns-value]
    iam = sandbox.client("iam", ACCOUNT, REGION)
    iam.list_users()
    iam.create_user(UserName="alice")
    order.append("answered")
    assert order == ["iam:ListUsers", "saved", "iam:CreateUser", "answered"]


@pytest.mark.parametrize(
    ("operation", "writes"),
    [
        ("UpdateAccessKey", True), ("PutUserPolicy", True), ("BatchUpdateFindings", True), ("DeletePublicAccessBlock", True),
        ("GetUser", False), ("ListBuckets", False), ("LookupEvents", False), ("StartQuery", False), ("HeadObject", False),
        ("BatchGetItem", False), ("Converse", False), ("DescribeHub", False),
    ],
)  # fmt: skip
def test_writes_are_known_by_name(operation: str, writes: bool) -> None:
    assert SandboxCall("x", operation, ACCOUNT, REGION, 1).writes is writes


_RUN = """
import sys, pathlib
from datetime import UTC, datetime
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import kill_after
from tools.sandbox.store import WorldStore
with WorldStore(pathlib.Path(sys.argv[1]), wait_seconds=0.2) as store:
    sandbox = store.load() or Sandbox.fresh(7, datetime(2026, 11, 20, 12, tzinfo=UTC))
    sandbox.on_write(lambda: store.save(sandbox))
    if len(sys.argv) > 2:
        sandbox.faults.after.append(kill_after(int(sys.argv[2])))
    iam = sandbox.client("iam", "111122223333", "us-east-1")
    if "--hold" in sys.argv:
        print("held", flush=True); sys.stdin.read()
    have = {user["UserName"] for user in iam.list_users()["Users"]}
    for name in ("a", "b"):
        if name not in have:
            iam.create_user(UserName=name)
    print(sorted(user["UserName"] for user in iam.list_users()["Users"]))
"""


def _run(world: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", _RUN, str(world), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=root)  # noqa: S603 - our own script


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_process_killed_after_any_call_leaves_every_write_that_took_effect(tmp_path: Path, after: int) -> None:
    world = tmp_path / "world"
    killed = _run(world, str(after))
    assert killed.returncode == -signal.SIGKILL
    with WorldStore(world) as store:
        kept = store.load()
        assert (names(kept) if kept else []) == ["a", "b"][: after - 1]
    assert _run(world).stdout.strip() == "['a', 'b']"


def test_a_second_process_waits_and_then_says_who_is_in_its_way(tmp_path: Path) -> None:
    world = tmp_path / "world"
    with WorldStore(world), pytest.raises(WorldBusy, match="in use by another process"):
        WorldStore(world, wait_seconds=0.1).open()
    with WorldStore(world):
        assert "WorldBusy" in _run(world).stderr
    assert _run(world).returncode == 0


def test_a_save_that_breaks_off_leaves_the_old_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = fresh()
    with WorldStore(tmp_path / "world") as store:
        store.save(sandbox)
        before = (tmp_path / "world").read_bytes()
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            store.save(sandbox)
    assert (tmp_path / "world").read_bytes() == before
