"""`stanch sandbox serve`: the world of the home, for any AWS client, saved however the command ends."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.lambdas.deployment import CLI, sandbox
from tests.lambdas.runtime import ROOT, plain_environment
from tools.registry import Registry
from tools.sandbox.store import WorldStore

GREETING = [{"role": "user", "content": [{"text": "Hello"}]}]
EVENT = str(ROOT / "tests" / "data" / "events" / "guardduty_credential_abuse.json")


def client(variables: dict[str, str], service: str) -> Any:
    return boto3.client(
        service, "us-east-1", endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"], aws_session_token=variables["AWS_SESSION_TOKEN"],
    )  # fmt: skip


def users(variables: dict[str, str], *, also: str = "") -> list[str]:
    """The names of the served account's users, after one more was made."""
    iam = client(variables, "iam")
    if also:
        iam.create_user(UserName=also)
    return sorted(user["UserName"] for user in iam.list_users()["Users"])


def test_the_world_outlives_the_command_whether_it_is_ended_or_interrupted(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--event", EVENT) as variables:
        assert users(variables, also="first") == ["build-bot", "first"]
        assert variables["AWS_DEFAULT_REGION"] == "eu-west-1", "the finding's, so the world's"
        with pytest.raises(ClientError) as refused:
            client(variables, "bedrock-runtime").converse(modelId="any", messages=GREETING)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    with sandbox(tmp_path, ended_by=signal.SIGINT) as again:
        assert again["AWS_DEFAULT_REGION"] == "eu-west-1"
        assert users(again, also="second") == ["build-bot", "first", "second"]
        registry = Registry.load(Path(again["STANCH_REGISTRY"]))
    assert list(registry.accounts) == ["111122223333"]
    assert (tmp_path / "serve.log").read_text(encoding="utf-8") == ""


def test_a_service_that_cannot_be_kept_is_refused_and_every_write_after_it_is_saved(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--event", EVENT) as variables:
        for ask in (client(variables, "lambda").list_functions, client(variables, "ssm").describe_parameters):
            with pytest.raises(ClientError) as refused:
                ask()
            assert refused.value.response["Error"]["Code"] == "NotImplemented"
        with pytest.raises(ClientError, match="cannot keep what was made in acm"):
            client(variables, "acm").request_certificate(DomainName="example.com")
        users(variables, also="later")
    with sandbox(tmp_path) as again:
        assert users(again) == ["build-bot", "later"]
    assert (tmp_path / "serve.log").read_text(encoding="utf-8") == ""


def test_a_shell_evaluates_what_the_command_in_the_background_prints_and_goes_on(tmp_path: Path) -> None:
    serve = shlex.join([sys.executable, "-c", CLI, "sandbox", "serve", "--event", EVENT])
    script = f'lines="$({serve} &)"; eval "$lines"; echo "$lines"; env'
    with (tmp_path / "serve.log").open("wb") as log:
        ran = subprocess.run(  # noqa: S603 - our own script
            ["/bin/sh", "-c", script], env=plain_environment() | {"STANCH_HOME": str(tmp_path / "aws")}, cwd=ROOT,
            stdout=subprocess.PIPE, stderr=log, text=True, timeout=60, check=True,
        )  # fmt: skip
    server = re.search(r"^# ends with ctrl-C, or: kill (\d+)$", ran.stdout, re.MULTILINE)
    assert server is not None, ran.stdout
    try:
        variables = dict(line.split("=", 1) for line in ran.stdout.splitlines() if re.match(r"(AWS|STANCH)_\w+=", line))
        assert users(variables) == ["build-bot"]
    finally:
        os.kill(int(server[1]), signal.SIGTERM)
    with WorldStore(tmp_path / "aws" / "sandbox" / "world.bin", wait_seconds=30):
        pass
    assert (tmp_path / "serve.log").read_text(encoding="utf-8") == ""
