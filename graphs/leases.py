"""Leases of runs that a server takes from node to node, where nothing of ours stands around the whole run to hold one."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from agent.finding import Finding
from agent.record import JsonObject, Record
from agent.report import Report, Status
from agent.target import case_of
from agent.verdict import Mode, Request
from graphs.holding import holding
from graphs.service import Service
from tools.ledger import Busy, Duplicate, LostLease, Opened


class Line(Record):
    """One go of the server along a thread: a resume, a fork and a copy each have a line of their own."""

    thread: str
    run: str


class OnlyLooks(Record):
    """Why a line of work may look at a run and not go on with it."""

    why: str


@dataclass(frozen=True)
class Lease:
    """The right of one line to work a run."""

    line: Line
    fence: int
    mode: Mode
    """The run's own, chosen when it was opened."""
    held: ExitStack


class Leases:
    """The leases that this process holds, by run. One that falls silent is taken over like any other."""

    def __init__(self) -> None:
        self._by_run: dict[str, Lease] = {}
        self._onlookers: dict[str, tuple[Line, str, OnlyLooks]] = {}
        """By thread: a line that once could only look at a run goes on so, as it may have kept nothing of what it did."""
        self._lock = threading.RLock()

    def open(
        self, line: Line, finding: Finding, version: str, body: JsonObject, mode: Mode, service: Service
    ) -> Opened | Duplicate | Busy:
        """Lease the run of the finding's incident, for the line on which it arrived."""
        with self._lock, ExitStack() as held:
            self._end_of(line.thread)
            holder = held.enter_context(holding())
            case = case_of(finding.targets)
            opened = service.ledger.open(finding.key, version, body, mode, holder, service.clock(), case)
            if isinstance(opened, Opened):
                self._keep(line, opened, service, held)
            return opened

    def take(self, line: Line, run_id: str, service: Service) -> Lease | OnlyLooks:
        """The line's lease of the run. A run that is over, or that somebody else works, may be looked at."""
        with self._lock:
            before = self._onlookers.get(line.thread)
            if before is not None and before[:2] == (line, run_id):
                return before[2]
            lease = self._kept(line, run_id, service) or self._taken(line, run_id, service)
            if isinstance(lease, OnlyLooks):
                self._onlookers[line.thread] = (line, run_id, lease)
            return lease

    def wait(self, line: Line, request: Request, said: Callable[[Mode], Report], service: Service) -> Lease | OnlyLooks:
        """Put the run down as waiting for an answer, in one go: no lease outlasts the wait."""
        with self._lock:
            lease = self.take(line, request.run_id, service)
            if isinstance(lease, Lease):
                service.ledger.ask(request, service.clock())
                self.close(lease, said(lease.mode), service)
            return lease

    def kept(self, line: Line, run_id: str, service: Service) -> Lease | OnlyLooks:
        """The lease if the line has it already; none is taken for it."""
        with self._lock:
            return self._kept(line, run_id, service) or OnlyLooks(why="another run works this finding")

    def close(self, lease: Lease, report: Report, service: Service) -> None:
        """Keep the report, which may be that of a run that waits, and let the lease go. Raises LostLease."""
        with self._lock:
            self._drop(report.run_id)
            service.ledger.close(report.run_id, lease.fence, report, service.clock())

    def drop(self, line: Line, run_id: str) -> None:
        """Let go of a lease whose line ended before its run did: whoever comes next takes the run over."""
        with self._lock:
            lease = self._by_run.get(run_id)
            if lease is not None and lease.line == line:
                self._drop(run_id)

    def _kept(self, line: Line, run_id: str, service: Service) -> Lease | None:
        lease = self._by_run.get(run_id)
        if lease is None or lease.line != line:
            return None
        try:
            service.ledger.heartbeat(run_id, lease.fence, service.clock())
        except LostLease:
            self._drop(run_id)
            return None
        return lease

    def _taken(self, line: Line, run_id: str, service: Service) -> Lease | OnlyLooks:
        row = service.ledger.run(run_id)
        if row is None:
            return OnlyLooks(why="there is no such run here")
        if row.status not in (None, Status.AWAITING_APPROVAL):
            return OnlyLooks(why=f"the run is over ({row.status})")
        return self._reopened(line, run_id, service)

    def _reopened(self, line: Line, run_id: str, service: Service) -> Lease | OnlyLooks:
        self._end_of(line.thread)
        with ExitStack() as held:
            opened = service.ledger.reopen(run_id, held.enter_context(holding()), service.clock())
            if isinstance(opened, Opened):
                return self._keep(line, opened, service, held)
        return OnlyLooks(why="another thread works the run now")

    def _keep(self, line: Line, opened: Opened, service: Service, held: ExitStack) -> Lease:
        self._drop(opened.run_id)
        row = service.ledger.run(opened.run_id)
        mode = service.settings.mode if row is None else Mode(row.mode)
        lease = Lease(line=line, fence=opened.fence, mode=mode, held=held.pop_all())
        self._by_run[opened.run_id] = lease
        return lease

    def _end_of(self, thread: str) -> None:
        """A server works one line of a thread at a time: what an earlier one still holds, it holds no more."""
        for run_id in [run_id for run_id, lease in self._by_run.items() if lease.line.thread == thread]:
            self._drop(run_id)

    def _drop(self, run_id: str) -> None:
        lease = self._by_run.pop(run_id, None)
        if lease is not None:
            lease.held.close()
