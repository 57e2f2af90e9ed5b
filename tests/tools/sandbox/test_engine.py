"""The engine: one world, its clock, its ids, its clients, its bytes."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from engine_scene import ACCOUNT, NOW, OTHER_ACCOUNT, REGION, code_of, fresh, user_with_key

from tools.sandbox.answering import UNKEPT
from tools.sandbox.engine import Credentials, OutsideSandbox, Sandbox
from tools.sandbox.worldstate import NotKept, dump


def test_two_worlds_of_the_same_seed_give_the_same_ids_and_times() -> None:
    def run(seed: int) -> list[str]:
        sandbox = fresh(seed)
        key = user_with_key(sandbox)
        iam = sandbox.client("iam", ACCOUNT, REGION)
        user = iam.get_user(UserName="alice")
        group = iam.create_group(GroupName="g")
        return [
            key["access_key"],
            key["secret"],
            str(user["User"]["CreateDate"]),
            group["ResponseMetadata"]["RequestId"],
        ]

    first, again, other = run(7), run(7), run(8)
    assert first == again
    assert first[:2] != other[:2]


def test_reads_do_not_change_the_ids_that_writes_get() -> None:
    def second_key(reads: int) -> tuple[str, str]:
        sandbox = fresh()
        iam = sandbox.client("iam", ACCOUNT, REGION)
        iam.create_user(UserName="alice")
        for _ in range(reads):
            iam.list_users()
        made = iam.create_access_key(UserName="alice")
        return made["AccessKey"]["AccessKeyId"], made["ResponseMetadata"]["RequestId"]

    assert second_key(0) == second_key(3)


def test_moto_reads_the_worlds_clock_everywhere_that_we_touch() -> None:
    sandbox = fresh()
    client = lambda service: sandbox.client(service, ACCOUNT, "us-east-1")  # noqa: E731 - short for this test
    client("iam").create_user(UserName="alice")
    client("s3").create_bucket(Bucket="moments")
    client("s3").put_object(Bucket="moments", Key="a", Body=b"a")
    client("securityhub").enable_security_hub()
    detector = client("guardduty").create_detector(Enable=True)["DetectorId"]
    client("logs").create_log_group(logGroupName="g")
    seen = {
        "iam": client("iam").get_user(UserName="alice")["User"]["CreateDate"],
        "bucket": client("s3").list_buckets()["Buckets"][0]["CreationDate"],
        "object": client("s3").head_object(Bucket="moments", Key="a")["LastModified"],
        "hub": datetime.fromisoformat(client("securityhub").describe_hub()["SubscribedAt"]),
        "detector": datetime.fromisoformat(client("guardduty").get_detector(DetectorId=detector)["CreatedAt"]),
        "logs": datetime.fromtimestamp(
            client("logs").describe_log_groups()["logGroups"][0]["creationTime"] / 1000, UTC
        ),
    }
    assert {name: at.replace(tzinfo=at.tzinfo or UTC) for name, at in seen.items()} == dict.fromkeys(seen, NOW)


def test_a_ticking_clock_goes_on_from_where_it_was_set() -> None:
    fixed, ticking = fresh().now(), Sandbox.fresh(7, NOW, ticking=True).now()
    assert fixed == NOW
    assert NOW < ticking < NOW + timedelta(seconds=30)


def test_accounts_and_regions_are_apart() -> None:
    sandbox = fresh()
    sandbox.client("iam", ACCOUNT, REGION).create_user(UserName="alice")
    sandbox.client("logs", ACCOUNT, REGION).create_log_group(logGroupName="g")
    assert sandbox.client("iam", OTHER_ACCOUNT, REGION).list_users()["Users"] == []
    assert sandbox.client("logs", ACCOUNT, "us-east-1").describe_log_groups()["logGroups"] == []
    assert sandbox.client("sts", OTHER_ACCOUNT, REGION).get_caller_identity()["Account"] == OTHER_ACCOUNT


def test_the_port_gives_the_same_client_for_the_same_three_and_can_sign_as_somebody_else() -> None:
    sandbox = fresh()
    key = user_with_key(sandbox)
    clients = sandbox.clients()
    assert clients.client("iam", ACCOUNT, REGION) is clients.client("iam", ACCOUNT, REGION)
    theirs = sandbox.clients(Credentials(key["access_key"], key["secret"]))
    assert theirs.client("sts", ACCOUNT, REGION).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("security-ir", lambda c: c.list_cases()),
        ("iam", lambda c: c.simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["a:b"])),
    ],
    ids=["an endpoint that moto does not know", "an operation that moto does not have"],
)
def test_what_the_sandbox_does_not_have_is_refused_and_never_reaches_the_network(service: str, call: object) -> None:
    client = fresh().client(service, ACCOUNT, "us-east-1")
    with pytest.raises(OutsideSandbox):
        call(client)  # type: ignore[operator]


def test_the_hosts_own_environment_and_sessions_stay_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "there-is-none")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://198.51.100.1:1")
    before = dict(os.environ)
    assert fresh().client("sts", ACCOUNT, REGION).get_caller_identity()["Account"] == ACCOUNT
    assert dict(os.environ) == before
    monkeypatch.delenv("AWS_PROFILE")
    theirs = boto3.Session("AKIAIOSFODNN7EXAMPLE", "invented", region_name=REGION).client("sts")
    assert theirs.meta.endpoint_url == "http://198.51.100.1:1"


def test_an_ended_world_gives_no_clients() -> None:
    old = fresh()
    clients = old.clients()
    fresh()
    for ask in (lambda: clients.client("iam", ACCOUNT, REGION), old.snapshot, lambda: old.anonymous_get("a", "b")):
        with pytest.raises(OutsideSandbox, match="has ended"):
            ask()


def test_a_client_goes_on_in_the_world_that_came_after() -> None:
    client = fresh().client("iam", ACCOUNT, REGION)
    client.create_user(UserName="alice")
    after = fresh()
    assert after.client("iam", ACCOUNT, REGION) is client
    assert client.list_users()["Users"] == []


def test_reset_empties_the_world_and_starts_its_ids_again() -> None:
    sandbox = fresh()
    first = user_with_key(sandbox)
    sandbox.reset()
    assert sandbox.client("iam", ACCOUNT, REGION).list_users()["Users"] == []
    sandbox.reset()
    assert user_with_key(sandbox) == first


_ELSEWHERE = """
import sys
from tools.sandbox.engine import Sandbox
sandbox = Sandbox.restore(sys.stdin.buffer.read())
s3 = sandbox.client("s3", "111122223333", "us-east-1")
print(s3.get_object(Bucket="kept", Key="a")["Body"].read().decode(), sandbox.anonymous_get("kept", "a"))
iam = sandbox.client("iam", "111122223333", "us-east-1")
print([user["UserName"] for user in iam.list_users()["Users"]], sandbox.now().isoformat())
logs = sandbox.client("logs", "111122223333", "eu-west-1")
print(logs.filter_log_events(logGroupName="g")["events"][0]["message"])
print(iam.create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"])
"""


def test_a_snapshot_goes_on_in_another_process_with_the_ids_that_were_to_come() -> None:
    sandbox = fresh()
    user_with_key(sandbox)
    s3 = sandbox.client("s3", ACCOUNT, "us-east-1")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a", Body=b"content", ACL="public-read")
    logs = sandbox.client("logs", ACCOUNT, REGION)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(NOW.timestamp() * 1000), "message": "hello"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    saved = sandbox.snapshot()
    command = [sys.executable, "-c", _ELSEWHERE]
    ran = subprocess.run(command, input=saved, capture_output=True, check=True, cwd=_root())  # noqa: S603 - our own script
    next_key = sandbox.client("iam", ACCOUNT, REGION).create_access_key(UserName="alice")["AccessKey"]["AccessKeyId"]
    assert ran.stdout.decode().splitlines() == ["content 200", f"['alice'] {NOW.isoformat()}", "hello", next_key]


def test_a_restored_world_is_as_it_was_when_it_was_saved() -> None:
    sandbox = fresh()
    key = user_with_key(sandbox)
    saved = sandbox.snapshot()
    sandbox.client("iam", ACCOUNT, REGION).update_access_key(
        UserName="alice", AccessKeyId=key["access_key"], Status="Inactive"
    )
    restored = Sandbox.restore(saved)
    assert restored.client("sts", REGION, **key).get_caller_identity()["Account"] == ACCOUNT
    assert restored.snapshot() != b""


def test_an_unsigned_client_is_a_stranger() -> None:
    sandbox = fresh()
    with pytest.raises(ClientError) as refused:
        sandbox.clients().anonymous("s3", "us-east-1").list_buckets()
    assert code_of(refused) == "AccessDenied"


def _root() -> Path:
    return Path(__file__).parents[3]


def test_a_world_can_be_saved_whichever_service_was_looked_at() -> None:
    """Each has its state made, as its first read does; those that cannot be saved are exactly those that are refused."""
    from moto.backend_index import backend_url_patterns
    from moto.backends import get_backend

    sandbox, unkept = fresh(), set()
    for package in sorted({package for package, _ in backend_url_patterns} - {"moto_api._internal"}):
        sandbox.reset()
        backends = get_backend(package)  # type: ignore[call-overload]  # moto lists its names as literals
        account = backends[ACCOUNT]
        for region in [REGION] if REGION in account.regions else list(account.regions)[:1]:
            _ = account[region]
        try:
            dump({})
        except NotKept:
            unkept.add(package)
    assert unkept == set(UNKEPT) - {"moto_api._internal"}


def test_private_keys_are_part_of_the_world() -> None:
    sandbox = fresh()
    key = sandbox.client("kms", ACCOUNT, REGION).create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    before = sandbox.client("kms", ACCOUNT, REGION).get_public_key(KeyId=key["KeyId"])["PublicKey"]
    again = Sandbox.restore(sandbox.snapshot())
    assert again.client("kms", ACCOUNT, REGION).get_public_key(KeyId=key["KeyId"])["PublicKey"] == before


def test_what_no_file_keeps_is_emptied_and_the_rest_of_the_world_goes_on() -> None:
    sandbox = fresh()
    user_with_key(sandbox)
    sandbox.client("acm", ACCOUNT, REGION).request_certificate(DomainName="example.com")
    with pytest.raises(NotKept, match="acm"):
        sandbox.snapshot()
    again = Sandbox.restore(sandbox.snapshot())
    assert [user["UserName"] for user in again.client("iam", ACCOUNT, REGION).list_users()["Users"]] == ["alice"]
    assert again.client("acm", ACCOUNT, REGION).list_certificates()["CertificateSummaryList"] == []


def test_an_account_has_the_regions_that_need_no_opting_in_and_the_one_that_answers() -> None:
    sandbox = Sandbox.fresh(7, NOW)
    names = {
        where: {one["RegionName"] for one in sandbox.client("ec2", "111122223333", where).describe_regions()["Regions"]}
        for where in ("eu-west-1", "ap-east-1")
    }
    assert {"us-east-1", "ap-southeast-2"} <= names["eu-west-1"]
    assert names["ap-east-1"] - names["eu-west-1"] == {"ap-east-1"}
