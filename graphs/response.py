"""The graph: START -> intake -> investigate* -> propose -> judge -> execute -> approve? -> judge -> execute -> verify -> report -> END."""

from collections.abc import Callable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from agent.verdict import Ruling
from graphs.approve import approve
from graphs.execute import execute
from graphs.intake import intake
from graphs.investigate import investigate
from graphs.judge import judge
from graphs.order import newly_asked, runnable
from graphs.propose import propose
from graphs.report import report
from graphs.service import Service
from graphs.state import Arrived, Asking, Context, Investigated, Planned, Slice, State, Waiting
from graphs.verify import verify
from tools.source import sources

Node = Callable[[Any, Runtime[Context], Service], Slice]
Route = Callable[[Any], Any]

NODES: list[tuple[Node, type[Slice]]] = [
    (intake, Arrived), (investigate, Asking), (propose, Investigated), (judge, Planned), (execute, Planned),
    (approve, Waiting), (verify, Planned), (report, State),
]  # fmt: skip
"""Each node, and the slice of the state that it sees."""


def build(service: Service) -> StateGraph[State, Context, Arrived, State]:
    """The graph, not compiled: the caller brings the checkpointer."""
    graph = StateGraph(State, context_schema=Context, input_schema=Arrived)
    for node, sees in NODES:
        graph.add_node(node.__name__, _bound(node, service), input_schema=sees)
    wire(graph)
    return graph


def wire(graph: StateGraph[State, Any, Any, State], door: Callable[[Route], Route] = lambda route: route) -> None:
    """Join the nodes: the same way whoever runs them. `door`: what each router stands behind."""
    graph.add_edge(START, "intake")
    graph.add_conditional_edges("intake", door(to_sources), ["investigate", "propose", "report"])
    graph.add_edge("investigate", "propose")
    graph.add_edge("propose", "judge")
    graph.add_conditional_edges("judge", door(after_judge), ["execute", "approve", "verify"])
    graph.add_conditional_edges("execute", door(after_execute), ["judge", "approve", "verify"])
    graph.add_edge("approve", "judge")
    graph.add_edge("verify", "report")
    graph.add_edge("report", END)


def _bound(node: Node, service: Service) -> Any:
    """The node with its service, the lease asserted before it starts. Of its slice the state takes what the node set."""

    def run(state: Any, runtime: Runtime[Context]) -> dict[str, Any]:
        if runtime.context.fence:
            service.ledger.heartbeat(state.run_id, runtime.context.fence, service.clock())
        made = node(state, runtime, service)
        return {slot: getattr(made, slot) for slot in made.model_fields_set}

    run.__name__ = node.__name__
    return run


def to_sources(state: State) -> list[Send] | str:
    """One task for each source that has something to say; straight to the report when refused."""
    if state.refusal is not None or state.finding is None:
        return "report"
    wanted = [name for name, source in sources().items() if source.wanted(state.finding)]
    return [
        Send("investigate", Asking(run_id=state.run_id, finding=state.finding, source=name)) for name in wanted
    ] or "propose"


def after_judge(state: Planned) -> str:
    """Do what is allowed, then ask, then verify."""
    return "execute" if runnable(state) else _ask_or_verify(state)


def after_execute(state: Planned) -> str:
    """Judge again if what was allowed asks now; else ask if a request is open; otherwise verify."""
    return "judge" if newly_asked(state) else _ask_or_verify(state)


def _ask_or_verify(state: Planned) -> str:
    open_request = state.request is not None and state.request.digest not in state.decisions
    return "approve" if open_request and _still_asks(state) else "verify"


def _still_asks(state: Planned) -> bool:
    return any(
        verdict.ruling is Ruling.ASK and action_id not in state.receipts
        for action_id, verdict in state.verdicts.items()
    )
