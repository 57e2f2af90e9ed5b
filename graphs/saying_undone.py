"""Say what was taken back: in the run's report, and to Security Hub."""

from typing import Any

from agent.event import Event
from agent.finding import Finding
from agent.intake import parse
from agent.report import Report
from graphs.compose import summed
from graphs.service import Service
from graphs.state import Context
from graphs.tell import tell_undone
from tools.aws import Tally


def say_undone(amended: Report, report: Report, service: Service, tally: Tally) -> Report:
    """Keep the amended report, and tell Security Hub."""
    amended = _counted(amended, report, tally, service)
    service.ledger.amend(amended, service.clock())
    finding = finding_of(service, report.run_id)
    if finding is None:
        return amended
    row = service.ledger.run(report.run_id)
    told = tell_undone(amended, finding, Context(mode=report.mode, fence=row.fence if row else 0), service, tally)
    amended = _counted(amended.model_copy(update={"told": told}), report, tally, service)
    service.ledger.amend(amended, service.clock())
    return amended


def finding_of(service: Service, run_id: str) -> Finding | None:
    """The run's finding, from the event that the ledger kept."""
    body: Any = service.ledger.body(run_id)
    found = parse(Event.model_validate(body["event"])).findings[body["position"]]
    return found if isinstance(found, Finding) else None


def _counted(amended: Report, report: Report, tally: Tally, service: Service) -> Report:
    """The amended report with the calls of the undo beside the run's own, and the time of now."""
    calls = summed({"run": report.calls, "undo": tally.by_phase})
    return amended.model_copy(update={"calls": calls, "ended_at": service.clock()})
