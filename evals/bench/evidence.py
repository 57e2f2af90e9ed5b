"""How near the evidence comes to its longest chain of calls, when every call to AWS takes a tenth of a second."""

import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agent.event import Event
from agent.finding import Finding, Origin, Situation, Traffic, Untrusted
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Mode
from evals.bench.figures import Figure, Goal, at_most, ms, ratio, timed
from evals.port import Options
from evals.worker import ExamWorker
from graphs.investigate import investigate
from graphs.response import to_sources
from graphs.service import Service
from graphs.state import Asking, Context, Seen, State
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import SandboxCall
from tools.sandbox.seed import seed
from tools.sandbox.world import World

LATENCY = 0.1
SOURCES = 8
"""Fewer would prove little."""


def evidence(rounds: int) -> tuple[list[Figure], list[Goal]]:
    """The wall time of all sources together, and of the longest chain of one."""
    world = World.load(Path(__file__).parent / "world.yaml")
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        sandbox = Sandbox.fresh(0, world.now)
        seed(sandbox, world)
        service = ExamWorker().service(sandbox, world.registry, Options(mode=Mode.OBSERVE), Path(folder))
        state = State(
            event=Event(body={}, received_at=world.now, via="eval"), run_id="run-bench", finding=_finding(world)
        )
        graph = _graph(service)
        _gathered(graph, state, service)
        sandbox.faults.before.append(_slow)
        made = [_gathered(graph, state, service) for _ in range(max(1, min(rounds, 5)))]
    found = made[0][1]
    chains = {name: sum(sum(calls.values()) for calls in by.values()) for name, by in found.calls.items()}
    longest = max(chains, key=lambda name: chains[name])
    asking = sum(1 for calls in chains.values() if calls)
    wall = timed(
        "evidence: all sources",
        [seconds for seconds, _ in made],
        f"{asking} sources that call AWS, {sum(chains.values())} calls",
    )
    chain = Figure(
        name="evidence: the longest chain",
        value=ms(chains[longest] * LATENCY),
        unit="ms",
        note=f"{longest.partition(':')[2]}: {chains[longest]} calls of {LATENCY * 1000:.0f} ms",
    )
    alone = Figure(name="evidence: one call after the other", value=ms(sum(chains.values()) * LATENCY), unit="ms")
    many = Figure(name="evidence: sources that call AWS", value=float(asking), unit="sources")
    goals = [ratio("evidence beside its longest chain", wall, chain, 1.3)]
    goals.append(
        at_most("sources short of eight", many.model_copy(update={"value": float(max(0, SOURCES - asking))}), 0)
    )
    return [wall, chain, alone, many], goals


def _slow(call: SandboxCall) -> None:
    time.sleep(LATENCY)


def _gathered(graph: Any, state: State, service: Service) -> tuple[float, State]:
    config = {"max_concurrency": service.settings.max_concurrency}
    began = time.perf_counter()
    found = graph.invoke(state, config, context=Context(mode=Mode.OBSERVE))
    return time.perf_counter() - began, State.model_validate(found)


def _graph(service: Service) -> Any:
    """The graph's own fan-out, and nothing before or after it."""

    def run(state: Asking, runtime: Runtime[Context]) -> Seen:
        return investigate(state, runtime, service)

    graph = StateGraph(State, context_schema=Context)
    graph.add_node("investigate", run, input_schema=Asking)
    graph.add_conditional_edges(START, to_sources, ["investigate", END])
    graph.add_edge("investigate", END)
    return graph.compile()


def _finding(world: World) -> Finding:
    """A finding about everything that a source can be asked about."""
    here = {"account": world.account, "region": world.region}
    address = Target(kind=TargetKind.ADDRESS, id="198.51.100.140", **here)
    return Finding(
        key="arn:aws:guardduty:eu-west-1:111122223333:detector/0/finding/bench",
        version="1",
        origin=Origin.GUARDDUTY,
        type="UnauthorizedAccess:EC2/MaliciousIPCaller.Custom",
        situation=Situation.INBOUND_ATTACK,
        severity=80,
        title=Untrusted(text="Everything at once"),
        description=Untrusted(text=""),
        first_seen=world.now - timedelta(hours=3),
        last_seen=world.now - timedelta(minutes=40),
        targets=[
            Target(
                kind=TargetKind.ACCESS_KEY,
                id="AKIABENCHBERTHEXAMPL",
                account=world.account,
                region=GLOBAL,
                owner="berth-sync",
            ),
            Target(kind=TargetKind.BUCKET, id="berth-exports", **here),
            Target(kind=TargetKind.INSTANCE, id="i-020848727c750ce0e", **here),
            Target(kind=TargetKind.ROLE, id="berth-web", account=world.account, region=GLOBAL),
            address,
        ],
        remote_addresses=[address],
        traffic=Traffic(direction="inbound", local_port=443, protocol="TCP", web=True),
        **here,
    )
