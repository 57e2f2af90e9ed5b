"""A Lambda process loads what it uses, and not what the packages it uses would load beside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_USED = {
    "httpx",
    "langchain_aws.chat_models.bedrock",
    "langchain_aws.retrievers",
    "langsmith.types.get_repo_response",
}
HANDLERS = ["lambda_events", "lambda_execute", "lambda_approvals", "lambda_clock"]


def loaded(handler: str, *, in_lambda: bool) -> set[str]:
    """The modules of a new process that has the handler, the graph and the model."""
    code = (
        f"import graphs.entrypoints.{handler}, graphs.runs, graphs.model, gc, json, sys\n"
        f"assert (gc.get_threshold()[0] > 10_000) is {in_lambda}\n"
        "assert graphs.model.ChatBedrockConverse.__module__ == 'langchain_aws.chat_models.bedrock_converse'\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "AWS_LAMBDA_RUNTIME_API"}
    given = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"} if in_lambda else {}
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        env={**environment, **given, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(ended.stdout))


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_loads_no_client_that_it_never_speaks_through(handler: str) -> None:
    assert sorted(NOT_USED & loaded(handler, in_lambda=True)) == []


def test_elsewhere_the_packages_are_whole() -> None:
    assert loaded("lambda_events", in_lambda=False) >= NOT_USED
