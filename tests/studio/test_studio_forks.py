"""Forks, copies and re-runs of a thread (law 8): whatever one does to the history in Studio, nothing is written twice."""

import json
import re
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command

from agent.verdict import Mode
from graphs.bootstrap import HomeUnusable
from graphs.checkpoints import _ours
from graphs.response import NODES
from graphs.sandbox_home import WORLD
from graphs.studio import Studio
from graphs.studio_door import MisfitState
from graphs.studio_home import StudioHome
from graphs.undo import undo_run
from tools.sandbox.engine import Sandbox

EVENTS = Path(__file__).parents[1] / "data" / "events"
YES, NO = {"type": "approve"}, {"type": "reject", "message": "not now"}
BLOCKED = "s3_block_public_access on example-ledger-exports"


class Killed(BaseException):
    """The server ends here."""


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


class Server:
    """What LangGraph's server does with the graph: threads, each worked by one run at a time, and their history."""

    def __init__(self, saver: InMemorySaver) -> None:
        self.home = StudioHome()
        self.graph = Studio(self.home).graph().compile(checkpointer=saver)

    def run(self, thread: str, step: Any, mode: str | None = None, at: Any = None) -> Any:
        """Run a thread from its end, or from a checkpoint of its past; what it has come to."""
        config = {"configurable": {"thread_id": thread}} if at is None else at
        config = {**config, "run_id": uuid.uuid4()}
        self.graph.invoke(step, config, context=None if mode is None else {"mode": mode}, durability="sync")
        return self.graph.get_state({"configurable": {"thread_id": thread}})

    def paste(self, thread: str, name: str, mode: str | None = None) -> Any:
        return self.run(thread, {"event": event(name)}, mode)

    def answer(self, thread: str, *choices: dict, at: Any = None, mode: str | None = None) -> Any:
        return self.run(thread, Command(resume={"decisions": list(choices)}), mode, at)

    def before(self, thread: str, node: str) -> Any:
        """The latest checkpoint of the thread from which that node comes next."""
        history = self.graph.get_state_history({"configurable": {"thread_id": thread}})
        return next(past.config for past in history if past.next == (node,))

    def ask_again(self, thread: str) -> None:
        """Fork the thread at its question: the same state once more, and nobody has answered."""
        self.graph.update_state(self.before(thread, "approve"), {}, as_node="execute")
        assert self.run(thread, None).next == ("approve",)

    def copy(self, thread: str, to: str) -> None:
        """Copy a waiting thread, as the server's own copy does: the same state at the same place."""
        config = {"configurable": {"thread_id": to}}
        values = self.graph.get_state({"configurable": {"thread_id": thread}}).values
        self.graph.update_state(config, values, as_node="execute")


@pytest.fixture
def saver() -> InMemorySaver:
    """As the server's own in this: what was sent to a task comes back from a checkpoint as plain data."""
    records = [name for name in _ours() if name[0] != "graphs.state"]
    return InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=records))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saver: InMemorySaver) -> Any:
    monkeypatch.setenv("STANCH_HOME", str(tmp_path))
    made = Server(saver)
    yield made
    made.home.close()


def writes() -> int:
    """How many writes the world has taken, over all its processes."""
    assert Sandbox._current is not None
    return Sandbox._current._writes


def said(state: Any) -> tuple[str, str]:
    report = state.values["report"]
    return str(report.status), report.reason


@pytest.fixture
def contained(server: Server) -> Server:
    """A thread `one` that asked, was approved, and contained its bucket with one write."""
    server.paste("one", "macie_policy")
    before = writes()
    assert said(server.answer("one", YES)) == ("contained", f"{BLOCKED}: observed")
    assert writes() == before + 1
    return server


@pytest.mark.parametrize(("place", "how"), [("execute", "already"), ("verify", "observed"), ("report", "observed")])
def test_a_fork_of_a_contained_run_finds_it_contained_and_writes_nothing(contained, place, how):
    before = writes()
    forked = contained.run("one", None, at=contained.before("one", place))
    assert said(forked) == ("contained", f"{BLOCKED}: {how}")
    assert forked.values["receipts"]["A1"].verification.holds, "it was read back"
    assert writes() == before


@pytest.mark.parametrize("mode", [None, *Mode])
def test_a_run_that_is_over_can_be_run_again_from_each_of_its_steps_in_any_mode_and_nothing_is_written(contained, mode):
    before = writes()
    history = list(contained.graph.get_state_history({"configurable": {"thread_id": "one"}}))
    steps = [past for past in history if past.next]
    assert {node for past in steps for node in past.next} == {"__start__", *(node.__name__ for node, _ in NODES)}
    for past in steps:
        again = contained.run("one", None, mode, at=past.config)
        assert again.next == ("approve",) or said(again)[0] in {
            "contained", "no_action", "proposed", "escalated", "skipped",
        }, past.next  # fmt: skip
        assert writes() == before, past.next


def test_a_question_that_was_answered_may_be_answered_again_and_nothing_is_left_to_do(contained):
    before = writes()
    contained.ask_again("one")
    assert said(contained.answer("one", YES)) == ("no_action", "already as it should be: s3_block_public_access")
    assert writes() == before


def test_a_fork_tells_nobody_that_the_run_ended_otherwise(contained):
    run_id = contained.graph.get_state({"configurable": {"thread_id": "one"}}).values["run_id"]
    contained.ask_again("one")
    assert said(contained.answer("one", NO))[0] == "rejected"
    with contained.home.inside() as service:
        assert str(service.ledger.report(run_id).status) == "contained"
        assert [str(row.status) for row in service.ledger.runs()] == ["contained"]
        answers = service.ledger.answers(run_id, service.ledger.request(run_id).digest)
    assert [answer.decision for answer in answers] == ["approve"]


def test_a_fork_of_a_run_that_was_undone_since_is_refused_its_write(contained):
    with contained.home.inside() as service:
        run_id = service.ledger.runs()[0].run_id
        assert str(undo_run(service, run_id, None, "rosa").status) == "undone"
    before = writes()
    status, reason = said(contained.run("one", None, at=contained.before("one", "execute")))
    assert (status, reason) == (
        "escalated",
        f"nothing was changed: {BLOCKED}: failed: only looking: the run is over (undone)",
    )
    assert writes() == before


def test_a_rejected_run_is_over_whatever_its_fork_answers(server):
    server.paste("one", "macie_policy")
    before = writes()
    assert said(server.answer("one", NO)) == ("rejected", "rejected by studio: not now")
    server.ask_again("one")
    status, reason = said(server.answer("one", YES))
    assert (status, "the run is over (rejected)" in reason) == ("escalated", True)
    assert writes() == before


def test_the_same_event_in_another_thread_or_again_in_this_one_is_a_duplicate(contained):
    before = writes()
    for thread in ("one", "two"):
        status, reason = said(contained.paste(thread, "macie_policy"))
        assert (status, "is contained" in reason) == ("skipped", True)
    assert said(contained.run("one", None, at=contained.before("one", "intake")))[0] == "skipped"
    assert writes() == before


def test_the_same_event_while_its_run_waits_leaves_the_question_where_it_is(server):
    server.paste("one", "macie_policy")
    status, reason = said(server.paste("two", "macie_policy"))
    assert (status, "is awaiting_approval" in reason) == ("skipped", True)
    assert said(server.answer("one", YES))[0] == "contained"


def test_of_two_copies_that_are_approved_at_once_one_writes(server):
    server.paste("one", "macie_policy")
    before = writes()
    for number in range(4):
        server.copy("one", f"copy-{number}")
        server.run(f"copy-{number}", None)
    ended: list[Any] = []
    threads = [
        threading.Thread(target=lambda name=f"copy-{number}": ended.append(said(server.answer(name, YES))))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4
    assert "contained" in {status for status, _ in ended}
    assert writes() == before + 1


def test_a_fork_of_a_waiting_run_asks_anew_and_either_answer_writes_once(server):
    server.paste("one", "macie_policy")
    before = writes()
    asked = server.graph.get_state({"configurable": {"thread_id": "one"}}).config
    assert server.run("one", None, at=server.before("one", "propose")).next == ("approve",)
    assert said(server.answer("one", YES))[0] == "contained"
    server.answer("one", YES, at=asked)
    assert writes() == before + 1


def test_a_server_that_ends_right_after_the_write_is_followed_by_one_that_does_not_repeat_it(server, saver):
    server.paste("one", "macie_policy")
    before = writes()

    def dies(call: Any) -> None:
        if call.name == "s3:PutPublicAccessBlock":
            raise Killed

    Sandbox._current.faults.after.append(dies)
    with pytest.raises(Killed):
        server.answer("one", YES)
    server.home.close()
    second = Server(saver)
    assert said(second.run("one", None)) == ("contained", f"{BLOCKED}: observed")
    assert writes() == before + 1
    second.home.close()


def test_another_finding_in_the_same_thread_starts_from_nothing(contained):
    state = contained.paste("one", "guardduty_credential_abuse")
    assert state.next == ("approve",)
    assert state.values["receipts"] == {}
    assert state.values["decisions"] == {}
    assert {action.change.target.id for action in state.values["request"].actions} == {
        "build-bot", "AKIAIOSFODNN7EXAMPL1",
    }  # fmt: skip
    before = writes()
    status, reason = said(contained.answer("one", NO, YES))
    assert (status, "iam_deny_user on build-bot: not approved" in reason) == ("partially_contained", True)
    assert writes() == before + 1


def test_the_mode_is_the_one_that_the_run_was_opened_in_and_a_look_back_may_take_another(server):
    state = server.paste("one", "macie_policy", "observe")
    before = writes()
    assert said(state)[0] == "proposed"
    forked = server.run("one", None, "approve", at=server.before("one", "judge"))
    assert forked.next == ("approve",)
    assert said(server.answer("one", YES, mode="approve"))[0] == "escalated"
    assert writes() == before


def test_a_run_that_waits_keeps_its_mode_when_the_answer_comes_in_another(server):
    server.paste("one", "macie_policy", "approve")
    state = server.answer("one", YES, mode="observe")
    assert (said(state)[0], str(state.values["report"].mode)) == ("contained", "approve")


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"hello": "world"}, "refused", "unsupported"),
        (event("guardduty_sample"), "skipped", "sample"),
        ({**event("macie_policy"), "detail": {}}, "refused", "malformed"),
    ],
)
def test_what_is_not_worked_says_why_and_opens_no_run(server, body, status, why):
    state = server.run("one", {"event": body})
    assert (said(state)[0], said(state)[1].split(":")[0]) == (status, why)
    world = server.home.ledger.parent / WORLD
    assert world.exists() == (status == "skipped"), "a world is made for a finding only"


@pytest.mark.parametrize(
    ("given", "context", "why"),
    [
        ({}, {"mode": "yolo"}, "malformed: There are observe, approve, auto. (mode)"),
        ({}, {"mode": ["auto"]}, "malformed: There are observe, approve, auto. (mode)"),
        ({}, {"mod": "auto", "dry\n": 1}, "malformed: It has one field, mode, and no dry\\u{a}, mod. (context)"),
        ({"position": -1}, None, "malformed: It is a whole number, counted from 0. (position)"),
        ({"position": "second"}, None, "malformed: It is a whole number, counted from 0. (position)"),
        ({"event": "{}"}, None, "malformed: It is one object, as AWS delivers it. (event)"),
        ({"event": None}, None, "malformed: It is one object, as AWS delivers it. (event)"),
    ],
)
def test_what_does_not_fit_the_form_is_refused_in_words(server, given, context, why):
    config = {"configurable": {"thread_id": "one"}, "run_id": uuid.uuid4()}
    server.graph.invoke({"event": event("macie_policy"), **given}, config, context=context)
    assert said(server.graph.get_state(config)) == ("refused", why)


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ({"plan": None}, "plan: Input should be a valid dictionary"),
        ({"finding": "x"}, "finding: Input should be"),
        ({"receipts": {"A1": {}}}, "receipts.A1.run_id: Field required"),
    ],
)
def test_a_state_that_does_not_fit_is_said_and_its_thread_goes_on(server, typed, what):
    """The thread can be shown, put right from an earlier checkpoint, and given another finding."""
    server.paste("one", "macie_policy")
    good = server.before("one", "judge")
    config = {"configurable": {"thread_id": "one"}}
    with pytest.raises(MisfitState, match="The state of this thread does not fit"):
        server.graph.update_state(config, typed)  # as if `execute` had made it: its router sees it at once
    server.graph.update_state(good, typed, as_node="propose")
    assert server.graph.get_state(config).next == ("judge",)
    with pytest.raises(MisfitState, match=re.escape(what)):
        server.run("one", None)
    assert server.run("one", None, at=good).next == ("approve",)
    assert said(server.run("one", {"event": {"a": 1}}))[0] == "refused"


def test_a_slot_that_is_merged_takes_an_object_only(server):
    server.paste("one", "macie_policy")
    with pytest.raises(ValueError, match="are objects"):
        server.graph.update_state({"configurable": {"thread_id": "one"}}, {"evidence": "x"}, as_node="propose")
    assert said(server.answer("one", YES))[0] == "contained"


def test_no_event_at_all_is_refused_in_words(server):
    assert said(server.run("one", {"position": 0}))[1].startswith("unsupported: the event: ")


def test_an_answer_outside_the_schema_asks_again_and_says_what_does_not_fit(server):
    server.paste("one", "macie_policy")
    before = writes()
    state = server.answer("one", {"type": "do it"})
    [question] = state.interrupts
    assert question.value["not_understood"] == "decisions.0.type: Input should be 'approve' or 'reject'"
    assert writes() == before
    assert said(server.answer("one", YES))[0] == "contained"
    assert writes() == before + 1


def test_a_further_finding_of_one_event_takes_a_thread_of_its_own(server):
    body = event("securityhub_custom_action")
    first = server.run("one", {"event": body})
    second = server.run("two", {"event": body, "position": 1})
    beyond = server.run("three", {"event": body, "position": 2})
    assert [state.values["finding"].type for state in (first, second)] == ["S3.8", "S3.5"]
    assert said(beyond) == ("refused", "malformed: The event has no such finding. (findings[2])")


def test_a_home_that_is_not_whole_says_what_to_do(server, saver):
    server.paste("one", "macie_policy")
    server.home.close()
    (server.home.ledger.parent / WORLD).unlink()
    with pytest.raises(LookupError, match="paste the finding into a new thread"):
        Server(saver).answer("one", YES)
    with pytest.raises(HomeUnusable, match="stanch studio --fresh"):
        Server(saver).paste("two", "macie_policy")
