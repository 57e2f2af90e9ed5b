"""The graph as LangGraph's own server runs it: each node takes the run's lease by itself, and a fork of what is over only looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from agent.event import Event
from agent.finding import Finding, Reason, Refusal
from agent.intake import sent
from agent.record import JsonObject
from agent.verdict import Mode
from graphs.approve import approve
from graphs.compose import compose
from graphs.holding import beating
from graphs.intake import chosen, intake, screened
from graphs.leases import Lease, Leases, Line, OnlyLooks
from graphs.onlooker import Onlooker
from graphs.refusing import refused
from graphs.report import report
from graphs.response import NODES, Node, wire
from graphs.service import Service
from graphs.state import Arrived, Context, Decided, Slice, State, Taken, Told, Waiting
from graphs.studio_door import at_the_door, checked, unchecked
from graphs.studio_form import Chosen, Pasted
from graphs.studio_home import StudioHome
from tools.archive import Nowhere
from tools.ledger import Opened, run_id_for

Update = dict[str, Any]
Take = Callable[[Line, str, Service], Lease | OnlyLooks]


@dataclass(frozen=True)
class Seat:
    """What one node works with: everything with a lease, an onlooker's ledger without."""

    service: Service
    runtime: Runtime[Context]
    lease: Lease | None


class Studio:
    """The nodes over one home."""

    def __init__(self, home: StudioHome) -> None:
        self._home = home
        self._leases = Leases()

    def graph(self) -> StateGraph[State, Chosen, Pasted, State]:
        """The same nodes and edges as everywhere, not compiled: the server brings the checkpointer."""
        graph = StateGraph(State, context_schema=Chosen, input_schema=Pasted)
        own: dict[str, tuple[Callable[..., Any], type[Slice]]] = {
            "intake": (self._intake, Pasted),
            "approve": (self._approve, State),
            "report": (self._report, State),
        }
        for node, sees in NODES:
            run, slice_ = own.get(node.__name__, (self._seated(node, sees), sees))
            # the form's own slice takes whatever is pasted; every other is checked inside the node
            door = slice_ if slice_ is Pasted else unchecked(slice_)
            graph.add_node(node.__name__, run, input_schema=door)
        wire(graph, at_the_door)
        return graph

    def _seated(self, node: Node, sees: type[Slice]) -> Callable[[Any, Runtime[Chosen]], Slice]:
        def run(given: Any, runtime: Runtime[Chosen]) -> Slice:
            # what was sent to a task comes back from the server's checkpoint as plain data, and no schema is put to it
            state: Any = checked(sees, given)
            with self._seat(state.run_id, runtime, self._leases.take) as seat:
                return node(state, seat.runtime, seat.service)

        run.__name__ = node.__name__
        return run

    def _intake(self, state: Pasted, runtime: Runtime[Chosen]) -> Update:
        """Open the run of what was pasted. Whatever an earlier finding left in this thread is cleared."""
        event = Event(body=state.event, received_at=datetime.now(UTC), via="studio")
        misfit = (runtime.context or Chosen()).misfit or state.misfit
        position = 0 if state.misfit else state.position
        return {"position": position, **_cleared(event, self._taken(event, position, misfit, runtime))}

    def _taken(self, event: Event, position: int, misfit: Refusal | None, runtime: Runtime[Chosen]) -> Taken:
        run_id = run_id_for(f"{event.digest}#{position}", 0, sandbox=True)
        finding = misfit or chosen(event, position)
        if isinstance(finding, Refusal):
            return Taken(run_id=run_id, refusal=finding)
        self._home.add(event.body if isinstance(event.body, dict) else {})
        with self._home.inside() as service:
            refusal = screened(finding, event, position, service)
            if refusal is not None:
                return Taken(run_id=run_id, finding=finding, refusal=refusal)
            body: JsonObject = {"event": event.model_dump(mode="json"), "position": position}
            by = sent(event, position, service.settings.custom_action)
            version = finding.version if by is None else by.version_of(finding.version)
            opened = self._leases.open(_line(runtime), finding, version, body, _mode(runtime), service)
        if not isinstance(opened, Opened):
            return _duplicate(finding, opened.run_id, getattr(opened, "status", "being worked"))
        arrived = Arrived(event=event, position=position, run_id=opened.run_id)
        with self._seat(opened.run_id, runtime, self._leases.kept) as seat:
            return intake(arrived, seat.runtime, seat.service)

    def _approve(self, given: Any, runtime: Runtime[Chosen]) -> Decided:
        """Put the run down as waiting, and ask."""
        state = checked(State, given)
        waiting = checked(Waiting, {name: getattr(state, name) for name in Waiting.model_fields})

        def put_down(line: Line, _: str, service: Service) -> Lease | OnlyLooks:
            return self._leases.wait(line, waiting.request, lambda mode: compose(state, mode, service), service)

        with self._seat(state.run_id, runtime, put_down) as seat:
            return approve(waiting, seat.runtime, seat.service)

    def _report(self, given: Any, runtime: Runtime[Chosen]) -> Told:
        """Say it, and end the run. What never became a run has nothing to end."""
        state = checked(State, given)
        if state.finding is None and state.refusal is not None:
            at = state.event.received_at
            return Told(report=refused(state.event, state.position, state.refusal, _mode(runtime), True, at))
        take = self._leases.take if state.refusal is None else self._leases.kept
        with self._seat(state.run_id, runtime, take) as seat:
            told = report(state, seat.runtime, seat.service)
            if seat.lease is not None:
                self._leases.close(seat.lease, told.report, seat.service)
            return told

    @contextmanager
    def _seat(self, run_id: str, runtime: Runtime[Chosen], take: Take) -> Iterator[Seat]:
        """Everything for one node, the lease beating while it works; let go at once if the node fails."""
        line = _line(runtime)
        with self._home.inside() as service:
            lease = take(line, run_id, service)
            if isinstance(lease, OnlyLooks):
                looking = replace(service, ledger=Onlooker(self._home.ledger, lease.why), archive=Nowhere())
                yield Seat(looking, Runtime(context=Context(mode=_mode(runtime))), None)
                return
            context = Runtime(context=Context(mode=lease.mode, fence=lease.fence))
            try:
                with beating(lambda: service.ledger.heartbeat(run_id, lease.fence, service.clock())):
                    yield Seat(service, context, lease)
            except BaseException:
                self._leases.drop(line, run_id)
                raise


def _line(runtime: Runtime[Chosen]) -> Line:
    info = runtime.execution_info
    return Line(thread=(info and info.thread_id) or "", run=(info and info.run_id) or "")


def _mode(runtime: Runtime[Chosen]) -> Mode:
    """The mode that was chosen. What is none is the one that writes nothing."""
    typed = (runtime.context or Chosen()).mode
    return Mode(typed) if typed in list(Mode) else Mode.OBSERVE


def _duplicate(finding: Finding, run_id: str, stands: str) -> Taken:
    refusal = Refusal(reason=Reason.DUPLICATE, where="finding", detail=f"{run_id} is {stands}")
    return Taken(run_id=run_id, finding=finding, refusal=refusal)


def _cleared(event: Event, taken: Taken) -> Update:
    """Every slot anew: reducers would keep what an earlier finding of the same thread put there."""
    return {
        "event": event,
        "run_id": taken.run_id,
        "finding": taken.finding,
        "refusal": taken.refusal,
        "evidence": Overwrite(taken.evidence),
        "calls": Overwrite(taken.calls),
        **dict.fromkeys(("verdicts", "decisions", "receipts"), Overwrite({})),
        **dict.fromkeys(("slots", "plan", "request", "report")),
    }
