"""Runs: deliver an event, and take each run as far as it goes. What every way in shares."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command, StateSnapshot

from agent.event import Event
from agent.finding import Finding, Reason, Refusal
from agent.intake import parse, sent
from agent.queue import Queue, queue_of
from agent.record import JsonObject
from agent.report import FindingSummary, Report, Status
from agent.target import case_of
from agent.verdict import Approval, Mode, Request
from graphs.approve import Reply
from graphs.came import Came, HandedOver, Sent
from graphs.compose import compose
from graphs.endings import tell_end
from graphs.holding import beating, holding
from graphs.incidents import NEW_VERSION, is_activity, related, replaced, voided
from graphs.intake import chosen, screened
from graphs.own_update import comes_back
from graphs.quorum import complete, heard
from graphs.refusing import refused
from graphs.response import build
from graphs.resuming import CheckpointLost, checkpoint_of, failed, left_at
from graphs.service import Service
from graphs.state import Arrived, Context, State
from graphs.verify import verified
from tools.ledger import Busy, Duplicate, Kin, Opened, RunRow, TooLarge, next_after, run_id_for

Step = Arrived | Command[Any] | Literal["go on"]

WRITING = ("execute", "verify", "report")
"""The nodes that may write, or read back what was written. A refusal's report tells nobody, and is made anywhere."""

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
        findings = parse(event).findings
        came = [(item, self._one(event, position, item)) for position, item in enumerate(findings)]
        reports = [one if isinstance(one, Report) else self._elsewhere(event, item, one) for item, one in came]
        return reports if len(reports) == 1 else [self._latest(report) for report in reports]

    def _latest(self, report: Report) -> Report:
        """The report of a waiting run as it is now: a later finding of the same event may have taken its card over."""
        if report.status is not Status.AWAITING_APPROVAL:
            return report
        return self.service.ledger.report(report.run_id) or report

    def arrive(self, event: Event) -> list[Came]:
        """What came of each finding of the event."""
        return [self._one(event, position, item) for position, item in enumerate(parse(event).findings)]

    def _one(self, event: Event, position: int, item: Finding | Refusal) -> Came:
        service = self.service
        if isinstance(item, Refusal):
            settings = service.settings
            return refused(event, position, item, settings.mode, settings.sandbox, service.clock())
        refusal = screened(item, event, position, service)
        if refusal is not None and refusal.reason is Reason.ECHO and not comes_back(item, service):
            refusal = screened(item, event, position, service, heeds_note=False)
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
            if isinstance(opened, Duplicate):
                return self._duplicate(event, item, opened.run_id, str(opened.status))
            return self.go(opened) if isinstance(opened, Opened) else opened

    def _only_observes(self, opened: Opened) -> bool:
        """A run that another process began in observe mode, while this one may do more: it ends, and a new one begins."""
        row = self.service.ledger.run(opened.run_id)
        return row is not None and row.mode == Mode.OBSERVE != self.service.settings.mode

    def _open(self, event: Event, position: int, finding: Finding, holder: str) -> Opened | Duplicate | Busy:
        body: JsonObject = {"event": event.model_dump(mode="json"), "position": position}
        service = self.service
        mode, case = service.settings.mode, case_of(finding.targets)
        by = sent(event, position, service.settings.custom_action)
        version = finding.version if by is None else by.version_of(finding.version)
        return service.ledger.open(finding.key, version, body, mode, holder, service.clock(), case)

    def _moved_on(
        self, event: Event, position: int, finding: Finding, found: Duplicate, holder: str
    ) -> Opened | Duplicate | Busy:
        """A run that waits although it need not: its time is over, its answer was kept by a process that died, or its
        finding has changed, and what it asks is void."""
        ledger, clock = self.service.ledger, self.service.clock
        settled = self._settled(found.request, found.answers, finding)
        if found.status is not Status.AWAITING_APPROVAL:
            return found
        if settled is None and not (found.newer and self._is_activity(found.run_id, finding)):
            return found
        taken = ledger.reopen(found.run_id, holder, clock())
        if not isinstance(taken, Opened):
            return found if taken is None else taken
        report = self.go(taken) if settled is not None else self._void(taken, NEW_VERSION)
        again = self._open(event, position, finding, holder)
        if isinstance(again, Duplicate) and isinstance(report, Report):
            return again.model_copy(update={"status": report.status})
        return again

    def _is_activity(self, run_id: str, finding: Finding) -> bool:
        asked = self._input(run_id)
        return is_activity(chosen(asked.event, asked.position), finding)

    def pick_up(self, run_id: str) -> Came | None:
        """Go on with a run that waits, was handed over, or whose process died. An ended one says its report. None: no such run."""
        ledger, clock = self.service.ledger, self.service.clock
        row = ledger.run(run_id)
        if row is None or row.status not in (None, Status.AWAITING_APPROVAL):
            return None if row is None else ledger.report(run_id)
        with holding() as holder:
            opened = ledger.reopen(run_id, holder, clock())
            return self.go(opened) if isinstance(opened, Opened) else opened

    def state(self, run_id: str) -> State | None:
        """What the run's last checkpoint holds. Raises ValidationError for one that no longer fits."""
        values = self._graph.get_state({"configurable": {"thread_id": run_id}}).values
        return State.model_validate(values) if values else None

    def may_go_on(self, run_id: str) -> bool:
        """Whether a waiting run has what it waits for, or its time is over."""
        ledger = self.service.ledger
        request, report = ledger.request(run_id), ledger.report(run_id)
        answers = ledger.answers(run_id, request.digest) if request else []
        return self._settled(request, answers, None if report is None else report.finding) is not None

    def look_again(self, run_id: str) -> Came | None:
        """Work an ended run's delivery once more, as the incident's next generation. None: somebody did so already."""
        ledger, clock = self.service.ledger, self.service.clock
        body = ledger.body(run_id) or {}
        looks = body.get("looks")
        later: JsonObject = {**body, "looks": looks + 1 if isinstance(looks, int) else 1}
        with holding() as holder:
            report = ledger.report(run_id)
            targets = report.finding.targets if report is not None and report.finding is not None else []
            opened = ledger.renew(run_id, later, holder, clock(), case_of(targets))
            return None if opened is None else self.go(opened)

    def _skipped(self, event: Event, position: int, finding: Finding, refusal: Refusal) -> Report:
        run_id = run_id_for(f"{event.digest}#{position}", 0, sandbox=self.service.settings.sandbox)
        state = State(event=event, position=position, run_id=run_id, finding=finding, refusal=refusal)
        return compose(state, self.service.settings.mode, self.service)

    def _unkept(self, event: Event, position: int, finding: Finding, error: TooLarge) -> Report:
        refusal = Refusal(reason=Reason.MALFORMED, where="event", detail=str(error))
        return self._skipped(event, position, finding, refusal)

    def _duplicate(self, event: Event, item: Finding | Refusal, run_id: str, stands: str) -> Report:
        refusal = Refusal(reason=Reason.DUPLICATE, where="finding", detail=f"{run_id} is {stands}")
        finding = item if isinstance(item, Finding) else None
        state = State(event=event, run_id=run_id, finding=finding, refusal=refusal)
        return compose(state, self.service.settings.mode, self.service)

    def _elsewhere(self, event: Event, item: Finding | Refusal, came: HandedOver | Sent | Busy) -> Report:
        stands = f"being worked by {came.holder}" if isinstance(came, Busy) else "handed over to make its writes"
        return self._duplicate(event, item, came.run_id, stands)

    def go(self, opened: Opened) -> Report | HandedOver:
        """Start, or go on from the last checkpoint, until the run ends or waits; keep its report and let the lease go.

        Where the settings say so it stops before its first write, and the ledger says that it was handed over.
        """
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
            if self._at_boundary(snapshot):
                ledger.hand_over(opened.run_id, opened.fence, clock(), checkpoint_of(snapshot))
                return HandedOver(run_id=opened.run_id)
            return self._finish(opened, snapshot, mode, row)
        except (CheckpointLost, TooLarge) as error:
            return self._failed(opened, config, str(error), mode)

    def _worked(self, opened: Opened, config: RunnableConfig, context: Context) -> StateSnapshot:
        """Invoke the graph until it has a report, or waits and cannot go on. Raises RuntimeError if it stands still."""
        expected = self.service.ledger.waits_at(opened.run_id) if opened.resumed else ""
        snapshot = left_at(opened.run_id, expected, lambda: self._graph.get_state(config), self._pause)
        while (step := self._next(opened.run_id, snapshot)) is not None:
            before = snapshot.config
            self._invoke(None if step == "go on" else step, config, context, self._stops(snapshot))
            snapshot = self._graph.get_state(config)
            if snapshot.config == before and step == "go on":
                raise RuntimeError(f"{opened.run_id} does not go on from its checkpoint")
        return snapshot

    def _invoke(
        self, given: Arrived | Command[Any] | None, config: RunnableConfig, context: Context, stops: list[str]
    ) -> None:
        """One stretch: to the end, to a wait or a stop, or to the end of a phase."""
        if self._by_phase:
            stops = [*{*stops, *PHASES}]
        self._graph.invoke(
            given, config, context=context, durability="exit" if self._by_phase else "sync", interrupt_before=stops
        )

    def _stops(self, snapshot: StateSnapshot) -> list[str]:
        """Before which nodes the graph stops. Until there is a plan, a report can only be a refusal's."""
        if not self.service.settings.hand_over:
            return []
        return [node for node in WRITING if node != "report" or snapshot.values.get("plan") is not None]

    def _at_boundary(self, snapshot: StateSnapshot) -> bool:
        return (
            bool(snapshot.values) and not snapshot.interrupts and not {*snapshot.next}.isdisjoint(self._stops(snapshot))
        )

    def _next(self, run_id: str, snapshot: StateSnapshot) -> Step | None:
        """What to invoke the graph with; None when it has its report, is handed over, or waits and cannot go on yet.

        A graph whose last task was stored and whose checkpoint was not names nothing as next, and has not ended.
        """
        if not snapshot.values:
            return self._input(run_id)
        if self._at_boundary(snapshot):
            return None
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
        return self._settled(request, answers, state.finding)

    def _settled(
        self, request: Request | None, answers: list[Approval], finding: Finding | FindingSummary | None
    ) -> Reply | None:
        """The answers that count, once somebody rejected, the quorum is full, or the time is over; None while it waits."""
        if request is None:
            return None
        if self.service.clock() >= request.expires_at:
            return Reply(expired=True)
        counted = heard(answers, request, finding, self.service)
        rejected = any(answer.decision == "reject" for answer in counted)
        if rejected or (counted and complete(request, counted, self.service.registry)):
            return Reply(nonces=[answer.nonce for answer in counted])
        return None

    def _void(self, taken: Opened, why: str, by: str = "") -> Report | HandedOver:
        """End a run that waits, unless it has what it waits for by now: then it goes on. What it did is read back first."""
        ledger, run_id = self.service.ledger, taken.run_id
        row, before = ledger.run(run_id), ledger.report(run_id)
        waits = before is not None and before.status is Status.AWAITING_APPROVAL
        state = self.state(run_id) if waits and not self.may_go_on(run_id) else None
        if row is None or state is None:
            return self.go(taken)
        with beating(lambda: ledger.heartbeat(run_id, taken.fence, self.service.clock())):
            state = verified(state, taken.fence, self.service)
        report = voided(state, why, by or next_after(row), Mode(row.mode), self.service)
        ledger.close(run_id, taken.fence, report, self.service.clock())
        return report

    def _replace(self, request: Request, came: datetime, kin: list[Kin]) -> None:
        """A finding that came while others of its case waited for an answer to the same: it asks, as it has looked last."""
        for run_id in replaced(request, came, kin, self.service):
            with holding() as holder:
                taken = self.service.ledger.reopen(run_id, holder, self.service.clock())
                if isinstance(taken, Opened):
                    self._void(taken, "a further finding of its case asks the same", request.run_id)

    def _finish(self, opened: Opened, snapshot: StateSnapshot, mode: Mode, row: RunRow | None) -> Report:
        service, state = self.service, State.model_validate(snapshot.values)
        report = state.report or compose(state, mode, service)
        kin = related(row, state.finding.targets if state.finding else [], service) if row else []
        report = report.model_copy(update={"related": [each.run_id for each in kin]})
        if state.report is None and state.request is not None:
            if service.ledger.request(opened.run_id) != state.request:
                self._notify(state.request, report)
            service.ledger.ask(state.request, service.clock(), checkpoint_of(snapshot))
        service.ledger.close(opened.run_id, opened.fence, report, service.clock())
        tell_end(service, report)
        if report.status is Status.AWAITING_APPROVAL and state.request is not None:
            self._replace(state.request, state.event.received_at, kin)
        return report

    def _notify(self, request: Request, report: Report) -> None:
        """Of a threat people are told at once; what is posture comes with others on a card, when there is room."""
        if self.service.tell_card is None or report.finding is None or queue_of(report.finding) is Queue.THREAT:
            self.service.notify(request, report)

    def _failed(self, opened: Opened, config: RunnableConfig, why: str, mode: Mode) -> Report:
        service = self.service
        values = self._graph.get_state(config).values or dict(self._input(opened.run_id))
        receipts = service.ledger.receipts(opened.run_id)
        report = failed(State.model_validate(values), receipts, why, mode, service)
        service.ledger.close(opened.run_id, opened.fence, report, service.clock())
        tell_end(service, report)
        return report
