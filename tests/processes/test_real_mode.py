"""The command line on an AWS that is not its own sandbox: one that another process serves, and one that nobody serves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.spawning import EVENTS, HERE, stanch
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import secret_for, seed
from tools.sandbox.serving import serving
from tools.sandbox.world import World

EVENT = EVENTS / "guardduty_credential_abuse_asff.json"
SERVED, OWN = "111122223333", "444455556666"
RUNNER = "AKIAIOSFODNN7EXAMPLR"
"""The key of a user who may not take on any role."""


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """The standard variables for an AWS of which our own account is another than the finding's."""
    sandbox = Sandbox.fresh(7, (world := World.load(HERE / "world_key.yaml")).now)
    seed(sandbox, world)
    iam = f"iam: {{users: [{{name: runner, keys: [{{id: {RUNNER}}}]}}]}}"
    seed(sandbox, World.parse(f"now: {world.now.isoformat()}\naccount: {OWN}\n{iam}"))
    with serving(sandbox, OWN) as served:
        yield {
            "AWS_ENDPOINT_URL": served.url,
            "AWS_ACCESS_KEY_ID": served.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": served.credentials.secret,
            "AWS_SESSION_TOKEN": served.credentials.token or "",
            "AWS_REGION": "eu-west-1",
        }


def registry(folder: Path) -> dict[str, str]:
    path = folder / "registry.yaml"
    path.write_text(
        f"accounts: {{'{SERVED}': {{role: workload, environment: dev}}, '{OWN}': {{role: tooling, environment: dev}}}}\n",
        encoding="utf-8",
    )
    return {"STANCH_REGISTRY": str(path)}


def test_an_account_without_a_role_fails_the_run_and_the_report_says_which_and_what_to_set(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    ended = stanch(tmp_path, "run", str(EVENT), "--mode", "auto", "--json", env=aws | registry(tmp_path))
    assert (ended.code, ended.report["status"]) == (1, "failed")
    assert ended.report["reason"].startswith(f"no role is configured for account {SERVED}: set STANCH_ROLE_NAME")
    assert ended.report["run_id"].startswith("run-")


def test_a_role_that_cannot_be_taken_on_fails_the_run_and_is_tried_again_when_the_event_comes_again(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    as_runner = {"AWS_ACCESS_KEY_ID": RUNNER, "AWS_SECRET_ACCESS_KEY": secret_for(RUNNER), "AWS_SESSION_TOKEN": ""}
    env = aws | registry(tmp_path) | as_runner | {"STANCH_ROLE_NAME": "stanch"}
    first, second = (stanch(tmp_path, "run", str(EVENT), "--mode", "auto", "--json", env=env) for _ in range(2))
    assert (first.code, second.code) == (1, 1)
    assert f"our role in account {SERVED} cannot be taken on" in first.report["reason"]
    assert first.report["run_id"] != second.report["run_id"]


def test_an_account_that_the_registry_does_not_list_is_refused_and_the_line_says_where_to_list_it(
    tmp_path: Path, aws: dict[str, str]
) -> None:
    ended = stanch(tmp_path, "run", str(EVENT), "--mode", "auto", env=aws)
    assert ended.code == 2
    assert f"account {SERVED} is not in the registry: list it under `accounts` there (STANCH_REGISTRY" in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [("accounts: {x: {role: king}}", "accounts.x.role"), ("{", "not YAML"), ("- 1", "valid dictionary")],
)
def test_a_registry_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "registry.yaml").write_text(text, encoding="utf-8")
    ended = stanch(tmp_path, "run", str(EVENT), env={"STANCH_REGISTRY": str(tmp_path / "registry.yaml")})
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert ended.err.startswith(f"STANCH_REGISTRY: {tmp_path / 'registry.yaml'}: ")
    assert said in ended.err


def test_an_endpoint_that_nobody_serves_is_not_called_missing_credentials(tmp_path: Path, aws: dict[str, str]) -> None:
    ended = stanch(tmp_path, "run", str(EVENT), env=aws | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert ended.err.startswith("AWS does not answer: Could not connect to the endpoint URL")
