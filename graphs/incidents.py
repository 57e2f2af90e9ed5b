"""Runs about one principal or resource are one case: each knows the others, and of several that ask the same one card is left."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agent.finding import Finding, Refusal
from agent.queue import Queue, queue_of
from agent.report import Report, Status
from agent.target import Target, case_of
from agent.verdict import Mode, Request
from graphs.compose import compose
from graphs.service import Service
from graphs.state import Decision, State
from tools.ledger import Kin, RunRow

NEW_VERSION = "its finding changed while it waited"


def is_activity(before: Finding | Refusal, now: Finding) -> bool:
    """Whether a later version says anything new. A check that is merely repeated gets a new moment and nothing else."""
    if queue_of(now) is Queue.THREAT or isinstance(before, Refusal):
        return True
    same = {name: getattr(now, name) for name in ("version", "first_seen", "last_seen", "lifecycle")}
    return before.model_copy(update=same) != now


def related(run: RunRow, targets: Sequence[Target], service: Service) -> list[Kin]:
    """The runs of the same case that were opened before this one and within its window, the oldest first."""
    window, case = timedelta(minutes=service.settings.case_minutes), case_of(targets)
    if not case or not window:
        return []
    kin = service.ledger.kin(case, run.opened_at - window)
    ids = [each.run_id for each in kin]
    return kin[: ids.index(run.run_id)] if run.run_id in ids else []


def replaced(request: Request, came: datetime, kin: Sequence[Kin], service: Service) -> list[str]:
    """The runs that waited when this finding came, for an answer to nothing but what its request asks too, of the same people."""
    return [each.run_id for each in kin if _holds(request, came, each.run_id, service)]


def _holds(request: Request, came: datetime, other: str, service: Service) -> bool:
    row = service.ledger.run(other)
    asked = service.ledger.request(other) if row is not None and row.status is Status.AWAITING_APPROVAL else None
    if asked is None or asked.needs != request.needs or asked.created_at >= came:
        return False
    return {action.change.key for action in asked.actions} <= {action.change.key for action in request.actions}


def voided(state: State, why: str, by: str, mode: Mode, service: Service) -> Report:
    """The report of a run that waits no longer: what it asked is void, and another run asks anew."""
    request = state.request
    decision = {} if request is None else {request.digest: Decision(kind="expired", reason=why, digest=request.digest)}
    report = compose(state.model_copy(update={"decisions": {**state.decisions, **decision}}), mode, service)
    said = f"what it asked is void: {why}; {by} looks at it anew"
    reason = said if report.reason == why else f"{said}. Until then: {report.reason}"
    return report.model_copy(update={"reason": reason, "waits_for": ""})
