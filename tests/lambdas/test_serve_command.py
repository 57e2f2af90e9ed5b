"""`stanch sandbox serve`: the world of the home, for any AWS client, saved however the command ends."""

import signal
from pathlib import Path

import boto3

from tests.lambdas.deployment import sandbox
from tests.lambdas.runtime import ROOT
from tools.registry import Registry

EVENT = str(ROOT / "tests" / "data" / "events" / "guardduty_credential_abuse.json")


def users(variables: dict[str, str], *, also: str = "") -> list[str]:
    """The names of the served account's users, after one more was made."""
    iam = boto3.client(
        "iam", "us-east-1", endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"], aws_session_token=variables["AWS_SESSION_TOKEN"],
    )  # fmt: skip
    if also:
        iam.create_user(UserName=also)
    return sorted(user["UserName"] for user in iam.list_users()["Users"])


def test_the_world_outlives_the_command_whether_it_is_ended_or_interrupted(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--event", EVENT) as variables:
        assert users(variables, also="first") == ["build-bot", "first"]
    with sandbox(tmp_path, ended_by=signal.SIGINT) as again:
        assert users(again, also="second") == ["build-bot", "first", "second"]
        registry = Registry.load(Path(again["STANCH_REGISTRY"]))
    assert list(registry.accounts) == ["111122223333"]
    assert (tmp_path / "serve.log").read_text(encoding="utf-8") == ""
