"""LangGraph Studio's own way in: a real `stanch studio` on loopback, driven through the SDK as Studio's page drives it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client

from agent.event import Event
from agent.finding import Finding, Situation
from agent.intake import parse
from graphs.state import State
from tools.sandbox.engine import Sandbox
from tools.sandbox.store import WorldStore

ROOT = Path(__file__).parents[2]
GRAPH = "stanch"
COMMAND = [sys.executable, "-c", "from graphs.entrypoints.cli import main; main()", "studio"]
YES, NO = {"type": "approve"}, {"type": "reject", "message": "not now"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Studio:
    """A server in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = home / "server.log"
        self.client = get_sync_client(url=self.url, api_key=None)
        self.threads, self.runs = self.client.threads, self.client.runs

    def start(self) -> None:
        environment = {**os.environ, "STANCH_HOME": str(self.home), "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*COMMAND, "--port", str(self.port)], env=environment, stdout=log, stderr=log, cwd=self.home
            )
        until = time.monotonic() + 90
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            assert time.monotonic() < until, self.log.read_text(encoding="utf-8")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ok").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def thread(self) -> str:
        return self.threads.create()["thread_id"]

    def run(self, thread: str, **step: Any) -> Any:
        """Run a thread to its end or its question; its state then."""
        self.runs.wait(thread, GRAPH, raise_error=False, **step)
        return self.threads.get_state(thread)

    def paste(self, event: Any, mode: str | None = None) -> tuple[str, Any]:
        thread = self.thread()
        return thread, self.run(thread, input={"event": event}, context={"mode": mode} if mode else None)

    def answer(self, thread: str, *choices: dict) -> Any:
        return self.run(thread, command={"resume": {"decisions": list(choices)}})

    def past(self, thread: str, node: str) -> Any:
        """The latest checkpoint from which that node comes next."""
        history = self.threads.get_history(thread, limit=50)
        return next(state["checkpoint"] for state in history if set(state["next"]) == {node})

    def world(self) -> Sandbox:
        """The embedded AWS as the server left it after its last write."""
        copy = Path(shutil.copy(self.home / "studio" / "world.bin", self.home))
        with WorldStore(copy) as store:
            world = store.load()
        assert world is not None
        return world

    def writes(self) -> int:
        return self.world()._writes


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = Studio(tmp_path_factory.mktemp("studio"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def schemas(studio: Studio) -> Any:
    [assistant] = studio.client.assistants.search()
    return studio.client.assistants.get_schemas(assistant["assistant_id"])


def public(bucket: str) -> Any:
    """An event that says a bucket is public, with an id of its own."""
    text = (ROOT / "tests/data/events/macie_policy.json").read_text(encoding="utf-8")
    body = json.loads(text.replace("example-ledger-exports", bucket))
    body["detail"]["id"] = f"finding-about-{bucket}"
    return body


def said(state: Any) -> tuple[str, str]:
    report = state["values"]["report"]
    return report["status"], report["reason"]


def test_the_form_demands_an_event_alone_and_says_what_each_field_is(schemas):
    form = schemas["input_schema"]
    assert (form["title"], form["required"], set(form["properties"])) == ("Finding", ["event"], {"event", "position"})
    assert form["description"]
    for field in form["properties"].values():
        assert field["title"]
        assert field["description"]
        assert field["examples"]


def test_the_form_has_an_example_event_for_each_situation(schemas):
    examples = schemas["input_schema"]["properties"]["event"]["examples"]
    found = [parse(Event(body=body, received_at="2026-11-24T12:00:00Z", via="studio")).findings for body in examples]
    assert [len(findings) for findings in found] == [1] * len(Situation)
    assert {findings[0].situation for findings in found if isinstance(findings[0], Finding)} == set(Situation)


def test_the_mode_is_chosen_from_a_list_and_asks_first_unless_told_otherwise(schemas):
    context = schemas["context_schema"]
    mode = context["properties"]["mode"]
    assert (mode["default"], context["$defs"]["Mode"]["enum"]) == ("approve", ["observe", "approve", "auto"])
    assert all(f"{name}:" in mode["description"] for name in context["$defs"]["Mode"]["enum"])


def test_every_slot_of_the_state_is_shown(schemas):
    assert set(State.model_fields) <= set(schemas["state_schema"]["properties"])


def test_a_finding_fans_out_to_its_sources_then_asks_is_answered_and_contained_with_one_write(studio):
    thread = studio.thread()
    steps = studio.runs.stream(thread, GRAPH, input={"event": public("example-one")}, stream_mode=["updates", "tasks"])
    seen = [(part.event, part.data) for part in steps]
    sources = [
        task["input"]["source"]
        for kind, task in seen
        if kind == "tasks" and "input" in task and task["name"] == "investigate"
    ]
    assert {"cloudtrail_lookup", "macie", "s3_state", "vpc_flow_logs"} <= set(sources)
    assert len(sources) == len(set(sources))
    before = studio.writes()

    state = studio.threads.get_state(thread)
    [question] = state["interrupts"]
    card = question["value"]
    assert studio.threads.get(thread)["status"] == "interrupted"
    assert [action["name"] for action in card["action_requests"]] == ["s3_block_public_access"]
    assert card["review_configs"][0]["allowed_decisions"] == ["approve", "reject"]
    assert question["response_schema"]["properties"]["decisions"]["description"]
    assert set(state["values"]["evidence"]) == {"intake", "plan", *sources}

    assert said(studio.answer(thread, YES)) == ("contained", "s3_block_public_access on example-one: observed")
    assert studio.writes() == before + 1
    block = studio.world().client("s3", "111122223333", "eu-west-1").get_public_access_block(Bucket="example-one")
    assert all(block["PublicAccessBlockConfiguration"].values())


@pytest.fixture(scope="module")
def contained(studio: Studio) -> str:
    thread, _ = studio.paste(public("example-two"))
    assert said(studio.answer(thread, YES))[0] == "contained"
    return thread


def test_the_history_shows_each_step_and_what_came_next(studio, contained):
    history = studio.threads.get_history(contained, limit=50)
    next_ = [sorted(set(state["next"])) for state in reversed(history)]
    assert next_ == [
        ["__start__"], ["intake"], ["investigate"], ["propose"], ["judge"], ["approve"], ["judge"], ["execute"], ["verify"],
        ["report"], [],
    ]  # fmt: skip
    earlier = next(state for state in history if state["next"] == ["judge"])
    assert "report" not in earlier["values"] or earlier["values"]["report"] is None


@pytest.mark.parametrize(
    ("node", "status"),
    [
        ("execute", "contained"), ("verify", "contained"), ("report", "contained"), ("investigate", "no_action"),
        ("propose", "no_action"), ("intake", "skipped"),
    ],
)  # fmt: skip
def test_run_again_from_a_checkpoint_nothing_is_written(studio, contained, node, status):
    before = studio.writes()
    forked = studio.run(contained, input=None, checkpoint=studio.past(contained, node))
    assert said(forked)[0] == status
    assert studio.writes() == before


def test_forked_at_its_question_and_approved_once_more_nothing_is_left_to_do(studio, contained):
    before = studio.writes()
    studio.threads.update_state(contained, None, checkpoint=studio.past(contained, "approve"))
    forked = studio.run(contained, input=None)
    assert forked["next"] == ["approve"]
    assert said(studio.answer(contained, YES)) == ("no_action", "already as it should be: s3_block_public_access")
    assert studio.writes() == before


def test_a_copy_of_the_thread_and_a_second_delivery_write_nothing(studio, contained):
    before = studio.writes()
    copy = studio.threads.copy(contained)["thread_id"]
    assert said(studio.run(copy, input=None, checkpoint=studio.past(copy, "execute")))[0] == "contained"
    _, again = studio.paste(public("example-two"))
    assert (said(again)[0], "is contained" in said(again)[1]) == ("skipped", True)
    assert studio.writes() == before


def test_a_rejected_question_writes_nothing_and_its_fork_cannot_either(studio):
    thread, _ = studio.paste(public("example-three"))
    before = studio.writes()
    assert said(studio.answer(thread, NO)) == ("rejected", "rejected by studio: not now")
    studio.threads.update_state(thread, None, checkpoint=studio.past(thread, "approve"))
    studio.run(thread, input=None)
    status, reason = said(studio.answer(thread, YES))
    assert (status, "the run is over (rejected)" in reason) == ("escalated", True)
    assert studio.writes() == before


def test_an_answer_outside_the_schema_is_refused_and_the_question_stays(studio):
    thread, _ = studio.paste(public("example-four"))
    before = studio.writes()
    again = studio.answer(thread, {"type": "do it"})
    assert "decisions.0.type" in again["interrupts"][0]["value"]["not_understood"]
    assert studio.writes() == before
    assert said(studio.answer(thread, NO, NO))[0] == "rejected", "more answers than questions approve nothing"


def test_rejecting_one_of_two_drops_it_and_runs_the_other(studio, schemas):
    event = schemas["input_schema"]["properties"]["event"]["examples"][0]
    thread, state = studio.paste(event)
    names = [action["name"] for action in state["interrupts"][0]["value"]["action_requests"]]
    assert names == ["iam_deny_user", "iam_deactivate_key"]
    before = studio.writes()
    status, reason = said(studio.answer(thread, NO, YES))
    assert (status, "iam_deny_user on build-bot: not approved" in reason) == ("partially_contained", True)
    assert studio.writes() == before + 1


def test_observe_writes_nothing_and_says_what_it_would_have_done(studio):
    _, state = studio.paste(public("example-five"), "observe")
    assert said(state)[0] == "proposed"


def test_what_is_no_finding_is_refused_with_its_reason(studio):
    _, state = studio.paste({"hello": "world"})
    assert said(state) == ("refused", state["values"]["report"]["reason"])
    assert state["values"]["report"]["reason"].startswith("unsupported:")


def test_only_the_page_of_studio_may_read_the_api_from_a_browser(studio):
    origins = ["https://smith.langchain.com", "https://eu.smith.langchain.com", "https://example.com", "null"]
    allowed = [
        httpx.get(f"{studio.url}/info", headers={"Origin": o}).headers.get("access-control-allow-origin")
        for o in origins
    ]
    assert allowed == [*origins[:2], None, None]


def test_a_second_server_on_the_port_or_in_the_home_says_what_to_do(studio):
    def tried(*arguments: str) -> tuple[int, str]:
        environment = {**os.environ, "STANCH_HOME": str(studio.home), "PYTHONPATH": str(ROOT)}
        ended = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, timeout=60)  # noqa: S603 - our own command
        return ended.returncode, ended.stderr.strip()

    assert tried("--port", str(studio.port)) == (
        1,
        f"port {studio.port} is taken on this machine: choose another with --port",
    )
    code, why = tried("--port", str(free_port()))
    assert (code, why.startswith("another Studio server works in")) == (1, True)


def test_the_command_names_the_page_and_the_api(studio):
    log = studio.log.read_text(encoding="utf-8")
    assert f"https://smith.langchain.com/studio/?baseUrl={studio.url}" in log
    assert f"API        {studio.url}" in log


def test_the_walk_of_the_guide_ends_with_nothing_left_to_do(studio):
    command = [sys.executable, str(ROOT / "docs" / "studio_tour.py"), studio.url]
    walked = subprocess.run(command, capture_output=True, text=True, timeout=120)  # noqa: S603 - our own script
    assert walked.returncode == 0, walked.stderr
    contained = "contained: s3_block_public_access on example-ledger-exports"
    said = [line.strip() for line in walked.stdout.splitlines() if line.startswith(("  contained", "  no_action"))]
    assert said == [
        f"{contained}: observed",
        f"{contained}: already",
        "no_action: already as it should be: s3_block_public_access",
    ]
    assert "called to execute: {'s3:GetPublicAccessBlock': 1}" in walked.stdout


def test_a_question_outlives_the_server(studio):
    thread, state = studio.paste(public("example-six"))
    before = studio.writes()
    studio.stop()
    studio.start()
    [question] = studio.threads.get_state(thread)["interrupts"]
    assert question["id"] == state["interrupts"][0]["id"]
    assert said(studio.answer(thread, YES))[0] == "contained"
    assert studio.writes() == before + 1
