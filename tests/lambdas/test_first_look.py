"""What is refused or skipped ends before the graph, the model library or an AWS client is loaded."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.event import Event
from agent.finding import Finding, Reason
from agent.intake import parse
from graphs.configuration import Configuration
from graphs.entrypoints.lambda_events import road
from graphs.entrypoints.screened import _screen
from tests.lambdas import scene
from tests.lambdas.runtime import ROOT, plain_environment
from tools.registry import Registry

EVENTS = ROOT / "tests" / "data" / "events"
HEAVY = ("langgraph", "langchain_core", "langchain_aws", "boto3", "botocore", "cedarpy", "rich", "typer")
SCRIPT = f"""
import json, sys
from graphs.entrypoints.lambda_events import handler
answer = handler(json.load(sys.stdin), None)
print(json.dumps([answer, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def looked(event: Any, home: Path) -> tuple[Any, list[str]]:
    """What a new process answers to an event, and which of the heavy libraries it loaded for that."""
    (home / "registry.yaml").write_text("accounts: {'111122223333': {role: workload, environment: dev}}")
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SCRIPT], input=json.dumps(event), capture_output=True, text=True, timeout=60, check=True,
        env=plain_environment() | {"STANCH_HOME": str(home), "STANCH_REGISTRY": str(home / "registry.yaml")}, cwd=ROOT,
    )  # fmt: skip
    answer, loaded = json.loads(ran.stdout)
    return answer, loaded


def sample() -> Any:
    return json.loads((EVENTS / "guardduty_sample.json").read_text(encoding="utf-8"))


def elsewhere() -> Any:
    return json.loads(json.dumps(scene.event(1)).replace("111122223333", "444455556666"))


REFUSALS = {
    "malformed": ({"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"type": 5}}, "malformed"),
    "no finding": ({"finding": {"a": 1}}, "unsupported"),
    "a sample": (sample(), "sample"),
    "of an account that is not served": (elsewhere(), "account_not_served"),
    "nested too deeply": ({"finding": json.loads("[" * 80 + "]" * 80)}, "malformed"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_loads_nothing_heavy(name: str, tmp_path: Path) -> None:
    event, reason = REFUSALS[name]
    answer, loaded = looked(event, tmp_path)
    assert ([report["reason"].partition(":")[0] for report in answer], loaded) == ([reason], [])


def test_a_batch_of_refusals_loads_nothing_heavy_and_is_forgotten(tmp_path: Path) -> None:
    answer, loaded = looked(scene.sqs(sample(), elsewhere()), tmp_path)
    assert (scene.left(answer), loaded) == ([], [])


@pytest.mark.parametrize(
    ("wrapped", "came"),
    [
        (lambda event: event, "eventbridge"),
        (lambda event: {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(event)}}]}, "eventbridge"),
        (lambda event: {"finding": event}, "direct"),
        (lambda event: event["detail"], "direct"),
    ],
    ids=["by a rule", "by a topic", "by hand", "a bare finding"],
)
def test_only_what_somebody_hands_to_the_function_themselves_came_by_hand(wrapped: Any, came: str) -> None:
    assert road(wrapped(sample())) == came


@pytest.mark.parametrize(
    ("comment", "refused"), [("[stanch] Closed as benign. [/stanch]", None), ("Checked, Ben.", Reason.RESOLVED)]
)
def test_whose_a_comment_without_a_name_is_only_the_ledger_says_so_that_it_refuses_nothing(
    comment: str, refused: Reason | None
) -> None:
    body = json.loads((EVENTS / "guardduty_credential_abuse_ocsf.json").read_text(encoding="utf-8"))
    body["detail"]["findings"][0] |= {"comment": comment, "status_id": 4, "status": "Resolved"}
    (finding,) = parse(Event(body=body, received_at=datetime.now(UTC), via="direct")).findings
    assert isinstance(finding, Finding)
    registry = Registry.model_validate({"accounts": {"111122223333": {"role": "workload", "environment": "dev"}}})
    why = _screen(finding, Configuration(), registry, None, sent=False)
    assert (why and why.reason) == refused
