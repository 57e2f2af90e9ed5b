"""Cold starts: from the start of a Lambda process to its first answer, one handler after the other in every round."""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from pydantic import JsonValue

from evals import models
from evals.bench.figures import Figure, Goal, ratio, timed
from evals.bench.runtime_api import RuntimeApi, runtime_api
from evals.loading import load
from graphs.configuration import SANDBOX_MODEL
from graphs.embedded import ANSWERED_BY, answerer
from tools.action import catalogue
from tools.sandbox import answering, serving
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.services.bedrock import ModelAnswer, set_answerer
from tools.sandbox.serving import Endpoint
from tools.sandbox.world import World

STANCH = "graphs.entrypoints.lambda_events"
CASE = Path(__file__).parent.parent / "cases" / "key-used-to-destroy-contained"
REFUSED: JsonValue = {"source": "aws.health", "detail-type": "nothing that we read", "detail": {}}
_ANYTHING: ModelAnswer = {"text": "I cannot say.", "answered_by": ANSWERED_BY}
"""What the plain handler is answered, which asks about no case."""
_REGISTRY = "accounts: {'111122223333': {role: workload, environment: dev, regions: [eu-west-1, us-east-1]}}\n"
_WAIT = 120
"""Seconds after which a handler that has not answered is given up."""


class Subject(NamedTuple):
    """One handler with the event that it is given."""

    name: str
    module: str
    event: JsonValue
    expects: str
    """What stands in its answer if it did what it is measured for."""


class Started(NamedTuple):
    """One cold start."""

    seconds: float
    megabytes: float


def cold_starts(rounds: int) -> tuple[list[Figure], list[Goal]]:
    """Median seconds of each, interleaved, and the promises."""
    (item,) = load([CASE])
    here = importlib.util.find_spec("graphs.entrypoints.lambda_events") is not None
    plain: JsonValue = {"question": "What is this?"}
    subjects = [
        Subject("empty", "evals.bench.handlers.empty", {}, "empty"),
        Subject("boto3 only", "evals.bench.handlers.boto3_only", {}, "s3"),
        Subject("plain langgraph and langchain-aws", "evals.bench.handlers.plain", plain, "report"),
    ]
    if here:
        subjects += [
            Subject("Stanch, a refusal", STANCH, REFUSED, "refused"),
            Subject("Stanch, a full run", STANCH, item.event, ANSWERED_BY),
        ]
    with _bedrock() as (endpoint, busy), tempfile.TemporaryDirectory(prefix="stanch-models-") as described:
        models.write(Path(described))
        made = _interleaved(subjects, rounds, endpoint, busy, {STANCH: {"AWS_DATA_PATH": described}})
    return _summed(made, here)


def _interleaved(
    subjects: list[Subject], rounds: int, endpoint: Endpoint, busy: list[float], packaged: dict[str, dict[str, str]]
) -> dict[str, list[Started | str]]:
    """One uncounted round, which also compiles what is not compiled yet, and then the counted ones.

    `packaged` is what a module's own package brings beside the environment of all.
    """
    made: dict[str, list[Started | str]] = {subject.name: [] for subject in subjects}
    spent: list[float] = []
    for number in range(rounds + 1):
        for subject in subjects:
            busy.clear()
            started = _start(subject, endpoint, packaged.get(subject.module, {}))
            if number:
                made[subject.name].append(started)
                spent += [sum(busy)] if subject.expects == ANSWERED_BY else []
    made["the embedded AWS in a full run"] = [Started(seconds, 0.0) for seconds in spent]
    return made


def _start(subject: Subject, endpoint: Endpoint, packaged: dict[str, str] | None = None) -> Started | str:
    """Start one process and wait for its answer; or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as home, runtime_api() as api:
        environment = _environment(Path(home), api, endpoint) | (packaged or {})
        api.events.put(json.dumps(subject.event).encode())
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "awslambdaric", f"{subject.module}.handler"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            answer = api.answers.get(timeout=_WAIT)
            memory = _peak(process.pid)
        except queue.Empty:
            return f"no answer within {_WAIT} s"
        finally:
            process.kill()
            process.wait()
    if not answer.ok or subject.expects.encode() not in answer.body:
        return f"answered something else: {answer.body[:120]!r}"
    return Started(answer.at - began, memory)


def _environment(home: Path, api: RuntimeApi, endpoint: Endpoint) -> dict[str, str]:
    """As Lambda gives it, with the embedded AWS as the endpoint of every service."""
    registry = home / "registry.yaml"
    registry.write_text(_REGISTRY, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret,
        "AWS_SESSION_TOKEN": endpoint.credentials.token or "",
        "STANCH_HOME": str(home),
        "STANCH_REGISTRY": str(registry),
        "STANCH_MODEL": SANDBOX_MODEL,
        "STANCH_SINCE": "ever",
        "LANGGRAPH_STRICT_MSGPACK": "true",
    }


@contextmanager
def _bedrock() -> Iterator[tuple[Endpoint, list[float]]]:
    """The case's world, served; and how long it worked at each request."""
    (item,) = load([CASE])
    world = World.load(CASE / "world.yaml")
    sandbox = Sandbox.fresh(0, world.now, ticking=False)
    seed(sandbox, world, item.event if isinstance(item.event, dict) else None)
    judges = answerer(catalogue())
    set_answerer(lambda asked: judges(asked) if "<case>" in str(asked["messages"]) else _ANYTHING)
    busy: list[float] = []
    with (
        patch.object(serving, "answer", _timed(answering.answer, busy)),
        serving.serving(sandbox, world.account) as endpoint,
    ):
        yield endpoint, busy


def _timed(answer: Callable[..., Any], busy: list[float]) -> Callable[..., Any]:
    """The same, with the seconds of each call noted."""

    def noting(*given: Any) -> Any:
        began = time.perf_counter()
        try:
            return answer(*given)
        finally:
            busy.append(time.perf_counter() - began)

    return noting


def _peak(pid: int) -> float:
    """The most memory that a process has had resident, in megabytes."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    line = next((each for each in status.read_text().splitlines() if each.startswith("VmHWM:")), "VmHWM: 0")
    return round(int(line.split()[1]) / 1024, 1)


def _summed(made: dict[str, list[Started | str]], here: bool) -> tuple[list[Figure], list[Goal]]:
    figures = {name: _figure(f"cold start: {name}", tries) for name, tries in made.items()}
    absent = Figure(name="", value=None, unit="ms", note="" if here else f"{STANCH} is not there")
    boto3 = figures["boto3 only"]
    refusal, full = (figures.get(f"Stanch, {what}", absent) for what in ("a refusal", "a full run"))
    plain = figures["plain langgraph and langchain-aws"]
    goals = [
        ratio("cold refusal beside boto3 alone", refusal, boto3, 1.15),
        ratio(
            "cold full run beside a plain graph with a model",
            full,
            plain,
            0.75,
            "with every answer of the embedded AWS, and the second that a log query is waited for",
        ),
    ]
    return list(figures.values()), goals


def _figure(name: str, tries: list[Started | str]) -> Figure:
    failed = [one for one in tries if isinstance(one, str)]
    good = [one for one in tries if isinstance(one, Started)]
    peak = max((one.megabytes for one in good), default=0.0)
    note = failed[0] if failed else f"{peak:.0f} MB at most" if peak else ""
    return (
        timed(name, [one.seconds for one in good], note)
        if not failed
        else Figure(name=name, value=None, unit="ms", note=note)
    )
