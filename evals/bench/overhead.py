"""What the graph costs by itself: ours with its nodes answering from memory, beside one of as many empty nodes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict
from unittest.mock import patch

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from agent.event import Event
from agent.record import JsonObject
from evals.bench.figures import Figure, Goal, ms, ratio, timed
from evals.bench.scene import Scene, scene
from graphs import response
from graphs.checkpoints import serializer
from graphs.state import Arrived, Context, Slice
from tools.ledger import Opened

WARM = 2
CASE = "key-used-to-destroy-contained"


@dataclass
class _Memory:
    """What each node made in a real run, by its name and, for evidence, its source."""

    made: dict[str, list[Slice]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    anew: dict[str, Slice] = field(default_factory=dict)

    def key(self, name: str, state: Any) -> str:
        return f"{name} {getattr(state, 'source', '')}"

    def renew(self) -> None:
        """Make every slice again, as its node does in a run: nothing that is known of the last run's records counts."""
        self.anew = {
            key: type(made[0]).model_validate(made[0].model_dump(exclude_unset=True)) for key, made in self.made.items()
        }


def overhead(rounds: int) -> tuple[list[Figure], list[Goal]]:
    """Milliseconds of both graphs, in turns, and their ratio."""
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        at = scene(CASE, Path(folder))
        memory = _Memory()
        with patch.object(response, "NODES", [(_learning(node, memory), sees) for node, sees in response.NODES]):
            _run(at, 0)
        steps = [name for made in memory.made for name in [made.split()[0]]]
        sources = steps.count("investigate")
        alone = [name for name in steps if name != "investigate"]
        empty = _empty(alone, sources)
        ours: list[float] = []
        theirs: list[float] = []
        with patch.object(response, "NODES", [(_recalling(node, memory), sees) for node, sees in response.NODES]):
            for number in range(1, rounds * 3 + WARM + 1):
                memory.renew()
                ours.append(_run(at, number))
                theirs.append(empty(number))
    note = f"{len(alone)} nodes one after the other, {sources} beside each other"
    own, bare = (
        timed("graph: ours, its nodes answering from memory", ours[WARM:], note),
        timed("graph: empty", theirs[WARM:], note),
    )
    real = Figure(
        name="graph: its nodes, really working",
        value=ms(sum(memory.seconds)),
        unit="ms",
        note="once, against the embedded AWS",
    )
    return [own, bare, real], [ratio("graph beside an empty one with as many nodes", own, bare, 1.5, note)]


def _run(at: Scene, number: int) -> float:
    """One whole run by the graph alone, with the lease that every node asserts; the seconds of it."""
    graph = response.build(at.service).compile(checkpointer=InMemorySaver(serde=serializer()))
    event = Event(body=at.event, received_at=at.service.clock(), via="eval")
    body: JsonObject = {"event": event.model_dump(mode="json"), "position": 0}
    opened = at.service.ledger.open(f"bench-{number}", "1", body, "auto", "bench", at.service.clock())
    assert isinstance(opened, Opened)  # noqa: S101 - a ledger of our own
    config: Any = {"configurable": {"thread_id": f"{number}"}, "max_concurrency": 8}
    context = Context(mode=at.service.settings.mode, fence=opened.fence)
    arrived = Arrived(event=event, position=0, run_id=opened.run_id)
    began = time.perf_counter()
    graph.invoke(arrived, config, context=context, durability="sync")
    return time.perf_counter() - began


def _learning(node: response.Node, memory: _Memory) -> response.Node:
    def learn(state: Any, runtime: Any, service: Any) -> Slice:
        began = time.perf_counter()
        made = node(state, runtime, service)
        memory.seconds.append(time.perf_counter() - began)
        memory.made.setdefault(memory.key(node.__name__, state), []).append(made)
        return made

    learn.__name__ = node.__name__
    return learn


def _recalling(node: response.Node, memory: _Memory) -> response.Node:
    def recall(state: Any, runtime: Any, service: Any) -> Slice:
        return memory.anew[memory.key(node.__name__, state)]

    recall.__name__ = node.__name__
    return recall


class _Steps(TypedDict):
    step: str


def _empty(alone: list[str], sources: int) -> Callable[[int], float]:
    """A graph of the same shape whose nodes do nothing and whose state is a word."""
    graph = StateGraph(_Steps)
    for name in alone:
        graph.add_node(name, _nothing(name))
    graph.add_node("investigate", lambda state: None)
    graph.add_edge(START, alone[0])
    graph.add_conditional_edges(alone[0], lambda state: [Send("investigate", {"step": ""})] * sources, ["investigate"])
    for one, other in zip(["investigate", *alone[1:]], [*alone[1:], END], strict=True):
        graph.add_edge(one, other)
    compiled: Any = graph.compile(checkpointer=InMemorySaver())

    def run(number: int) -> float:
        config = {"configurable": {"thread_id": f"{number}"}, "max_concurrency": 8}
        began = time.perf_counter()
        compiled.invoke({"step": ""}, config, durability="sync")
        return time.perf_counter() - began

    return run


def _nothing(name: str) -> Any:
    return lambda state: {"step": name}
