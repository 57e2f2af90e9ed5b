"""The real clients reach S3 Control of a served sandbox, though the SDK puts the account in front of the host."""

import os
from datetime import UTC, datetime

import pytest

from tools.loopback import without_account_host
from tools.sandbox.engine import Sandbox
from tools.sandbox.serving import serving
from tools.session import RealClients

ACCOUNT, REGION = "111122223333", "eu-west-1"
FLAGS = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def test_the_account_s_block_is_read_and_written_over_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox.fresh(3, datetime(2026, 11, 20, 12, tzinfo=UTC))
    with serving(sandbox, ACCOUNT, REGION) as endpoint:
        keys = endpoint.credentials
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint.url, "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret, "AWS_SESSION_TOKEN": keys.token or "",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        control = RealClients(None, "stanch").client("s3control", ACCOUNT, REGION)
        control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=FLAGS)
        read = control.get_public_access_block(AccountId=ACCOUNT)
    assert read["PublicAccessBlockConfiguration"] == FLAGS


def test_elsewhere_the_account_stays_in_front_of_the_host() -> None:
    import boto3

    client = boto3.client(
        "s3control", REGION, endpoint_url="https://control.vpce-1.s3.eu-west-1.vpce.amazonaws.com",
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip
    sent: list[str] = []

    def stop(request: object, **_: object) -> None:
        sent.append(request.url)  # type: ignore[attr-defined]  # a prepared request has one
        raise InterruptedError

    without_account_host(client).meta.events.register("before-send.s3-control", stop)
    with pytest.raises(InterruptedError):
        client.get_public_access_block(AccountId=ACCOUNT)
    assert sent[0].startswith(f"https://{ACCOUNT}.control.vpce-1")
