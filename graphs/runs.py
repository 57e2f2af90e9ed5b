"""Runs: deliver an event, and take each run as far as it goes. What every way in shares."""

import time
from collections.abc import Callable
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command, StateSnapshot

from agent.event import Event
from agent.finding import Finding, Reason, Refusal
from agent.intake import parse
from agent.record import JsonObject
from agent.report import Report, Status
from agent.target import Target
from agent.verdict import Approval, Mode, Request
from graphs.approve import Reply
from graphs.compose import compose
from graphs.holding import beating, holding
from graphs.intake import screened
from graphs.quorum import complete, heard
from graphs.refusing import refused
from graphs.response import build
from graphs.resuming import CheckpointLost, checkpoint_of, failed, left_at
from graphs.service import Service
from graphs.state import Arrived, Context, State
from tools.ledger import Busy, Duplicate, Opened, TooLarge, run_id_for

Step = Arrived | Command[Any] | Literal["go on"]

PHASES = ["execute", "verify"]
"""Before what a run is stored that is stored by phase: what was found and planned, and what was done. A phase can be repeated."""


class Runs:
    """The graph with its checkpointer and ledger, for one process.

    `by_phase`: store a checkpoint at the end of each phase instead of after each step, where a checkpoint costs.
    `pause` waits, in seconds, for a checkpoint that is not seen yet.
    """

    def __init__(
        self,
        service: Service,
        checkpointer: BaseCheckpointSaver[Any],
        *,
        by_phase: bool = False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.service = service
        self._by_phase = by_phase
        self._pause = pause
        self._graph = build(service).compile(checkpointer=checkpointer)

    def deliver(self, event: Event) -> list[Report]:
        """One report for each finding of the event, or for the refusal of the whole."""
        return [self._one(event, position, item) for position, item in enumerate(parse(event).findings)]

    def _one(self, event: Event, position: int, item: Finding | Refusal) -> Report:
        service = self.service
        if isinstance(item, Refusal):
            settings = service.settings
            return refused(event, position, item, settings.mode, settings.sandbox, service.clock())
        refusal = screened(item, service)
        if refusal is not None:
            return self._skipped(event, position, item, refusal)
        with holding() as holder:
            try:
                opened = self._open(event, position, item, holder)
            except TooLarge as error:
                return self._unkept(event, position, item, error)
            if isinstance(opened, Duplicate):
                opened = self._moved_on(event, position, item, opened, holder)
            if isinstance(opened, Opened) and opened.resumed and self._only_observes(opened):
                self.go(opened)
                opened = self._open(event, position, item, holder)
            return self.go(opened) if isinstance(opened, Opened) else self._duplicate(event, item, opened)

    def _only_observes(self, opened: Opened) -> bool:
        """A run that another process began in observe mode, while this one may do more: it ends, and a new one begins."""
        row = self.service.ledger.run(opened.run_id)
        return row is not None and row.mode == Mode.OBSERVE != self.service.settings.mode

    def _open(self, event: Event, position: int, finding: Finding, holder: str) -> Opened | Duplicate | Busy:
        body: JsonObject = {"event": event.model_dump(mode="json"), "position": position}
        service = self.service
        return service.ledger.open(finding.key, finding.version, body, service.settings.mode, holder, service.clock())

    def _moved_on(
        self, event: Event, position: int, finding: Finding, found: Duplicate, holder: str
    ) -> Opened | Duplicate | Busy:
        """A run that waits although it need not: its time is over, or its answer was kept by a process that died."""
        ledger, clock = self.service.ledger, self.service.clock
        settled = self._settled(found.request, found.answers, finding.targets)
        if found.status is not Status.AWAITING_APPROVAL or settled is None:
            return found
        taken = ledger.reopen(found.run_id, holder, clock())
        if not isinstance(taken, Opened):
            return found if taken is None else taken
        report = self.go(taken)
        again = self._open(event, position, finding, holder)
        return again.model_copy(update={"status": report.status}) if isinstance(again, Duplicate) else again

    def pick_up(self, run_id: str) -> Report | None:
        """Go on with a run that waits or whose process died. None: another process works it, or there is none."""
        with holding() as holder:
            opened = self.service.ledger.reopen(run_id, holder, self.service.clock())
            return self.go(opened) if isinstance(opened, Opened) else None

    def _skipped(self, event: Event, position: int, finding: Finding, refusal: Refusal) -> Report:
        run_id = run_id_for(f"{event.digest}#{position}", 0, sandbox=self.service.settings.sandbox)
        state = State(event=event, position=position, run_id=run_id, finding=finding, refusal=refusal)
        return compose(state, self.service.settings.mode, self.service)

    def _unkept(self, event: Event, position: int, finding: Finding, error: TooLarge) -> Report:
        refusal = Refusal(reason=Reason.MALFORMED, where="event", detail=str(error))
        return self._skipped(event, position, finding, refusal)

    def _duplicate(self, event: Event, finding: Finding, found: Duplicate | Busy) -> Report:
        stands = found.status if isinstance(found, Duplicate) else f"being worked by {found.holder}"
        refusal = Refusal(reason=Reason.DUPLICATE, where="finding", detail=f"{found.run_id} is {stands}")
        state = State(event=event, run_id=found.run_id, finding=finding, refusal=refusal)
        return compose(state, self.service.settings.mode, self.service)

    def go(self, opened: Opened) -> Report:
        """Start, or go on from the last checkpoint, until the run ends or waits; keep its report and let the lease go."""
        config: RunnableConfig = {
            "configurable": {"thread_id": opened.run_id, "fence": opened.fence},
            "max_concurrency": self.service.settings.max_concurrency,
        }
        ledger, clock = self.service.ledger, self.service.clock
        row = ledger.run(opened.run_id)
        mode = self.service.settings.mode if row is None else Mode(row.mode)
        context = Context(mode=mode, fence=opened.fence)
        try:
            with beating(lambda: ledger.heartbeat(opened.run_id, opened.fence, clock())):
                snapshot = self._worked(opened, config, context)
            return self._finish(opened, snapshot, mode)
        except (CheckpointLost, TooLarge) as error:
            return self._failed(opened, config, str(error), mode)

    def _worked(self, opened: Opened, config: RunnableConfig, context: Context) -> StateSnapshot:
        """Invoke the graph until it has a report, or waits and cannot go on. Raises RuntimeError if it stands still."""
        expected = self.service.ledger.waits_at(opened.run_id) if opened.resumed else ""
        snapshot = left_at(opened.run_id, expected, lambda: self._graph.get_state(config), self._pause)
        while (step := self._next(opened.run_id, snapshot)) is not None:
            before = snapshot.config
            self._invoke(None if step == "go on" else step, config, context)
            snapshot = self._graph.get_state(config)
            if snapshot.config == before and step == "go on":
                raise RuntimeError(f"{opened.run_id} does not go on from its checkpoint")
        return snapshot

    def _invoke(self, given: Arrived | Command[Any] | None, config: RunnableConfig, context: Context) -> None:
        """One stretch: to the end or a wait, or to the end of a phase."""
        if self._by_phase:
            self._graph.invoke(given, config, context=context, durability="exit", interrupt_before=PHASES)
        else:
            self._graph.invoke(given, config, context=context, durability="sync")

    def _next(self, run_id: str, snapshot: StateSnapshot) -> Step | None:
        """What to invoke the graph with; None when it has its report, or waits and cannot go on yet.

        A graph whose last task was stored and whose checkpoint was not names nothing as next, and has not ended.
        """
        if not snapshot.values:
            return self._input(run_id)
        if snapshot.interrupts:
            reply = self._reply(State.model_validate(snapshot.values))
            return None if reply is None else Command(resume=reply.model_dump(mode="json"))
        return None if snapshot.values.get("report") is not None else "go on"

    def _input(self, run_id: str) -> Arrived:
        body: Any = self.service.ledger.body(run_id)
        return Arrived(event=Event.model_validate(body["event"]), position=body["position"], run_id=run_id)

    def _reply(self, state: State) -> Reply | None:
        """What the ledger's answers to the open request come to."""
        request = state.request
        answers = self.service.ledger.answers(request.run_id, request.digest) if request else []
        return self._settled(request, answers, state.finding.targets if state.finding else [])

    def _settled(self, request: Request | None, answers: list[Approval], targets: list[Target]) -> Reply | None:
        """The answers that count, once somebody rejected, the quorum is full, or the time is over; None while it waits."""
        if request is None:
            return None
        if self.service.clock() >= request.expires_at:
            return Reply(expired=True)
        counted = heard(answers, request, targets, self.service)
        rejected = any(answer.decision == "reject" for answer in counted)
        if rejected or (counted and complete(request, counted, self.service.registry)):
            return Reply(nonces=[answer.nonce for answer in counted])
        return None

    def _finish(self, opened: Opened, snapshot: StateSnapshot, mode: Mode) -> Report:
        service, state = self.service, State.model_validate(snapshot.values)
        report = state.report or compose(state, mode, service)
        if state.report is None and state.request is not None:
            service.ledger.ask(state.request, service.clock(), checkpoint_of(snapshot))
        service.ledger.close(opened.run_id, opened.fence, report, service.clock())
        return report

    def _failed(self, opened: Opened, config: RunnableConfig, why: str, mode: Mode) -> Report:
        service = self.service
        values = self._graph.get_state(config).values or dict(self._input(opened.run_id))
        receipts = service.ledger.receipts(opened.run_id)
        report = failed(State.model_validate(values), receipts, why, mode, service)
        service.ledger.close(opened.run_id, opened.fence, report, service.clock())
        return report
