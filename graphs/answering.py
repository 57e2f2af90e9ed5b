"""Answering a request from a command line or a page: checked, signed, kept, and only then does the run go on."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from agent.need import in_words
from agent.record import Record
from agent.report import Report, Status
from agent.verdict import Approval, Request, plan_digest
from graphs.abandoned import why_unfinished
from graphs.people import canonical, known, people, subjects
from graphs.quorum import NOBODY, complete
from graphs.refused_before import kept
from graphs.service import Service
from graphs.unmeetable import nobody
from tools.ledger import RunRow
from tools.registry import Registry

if TYPE_CHECKING:
    from graphs.runs import Runs  # the graph library is loaded where a run goes on, not where an answer is kept


class NotTaken(Record):
    """Why an answer changed nothing."""

    reason: Literal[
        "no_such_run",
        "not_waiting",
        "too_late",
        "busy",
        "wider_than_asked",
        "nothing_named",
        "used",
        "unknown_person",
        "named_in_finding",
    ]
    detail: str


class MoreNeeded(Record):
    """The answer is kept; the run goes on when the quorum is full."""

    run_id: str
    by: list[str]
    """Who answered so far, each once."""
    detail: str

    @property
    def words(self) -> str:
        """`kept; 1 so far (jonas), needs 2 people`."""
        return f"kept; {len(self.by)} so far ({', '.join(self.by)}), needs {self.detail}"


class Kept(Record):
    """The answer is kept, and the run has all that it needs to go on."""

    run_id: str


def answer(
    runs: "Runs",
    run_id: str,
    decision: Literal["approve", "reject"],
    by: str,
    only: list[str] | None,
    reason: str,
    digest: str | None = None,
) -> Report | MoreNeeded | NotTaken:
    """Answer the request that the run waits on, and go on with the run; `only` may drop actions, never add one.

    `digest`: of the request that the person saw; another one is not answered.
    """
    given = keep(runs.service, run_id, decision, by, only, reason, digest)
    if isinstance(given, NotTaken) and given.reason == "too_late":
        runs.pick_up(run_id)  # its time is over: that is what it ends with, whoever comes
    if not isinstance(given, Kept):
        return given
    report = runs.pick_up(run_id)
    return (
        report if isinstance(report, Report) else NotTaken(reason="busy", detail="another process works this run now")
    )


def keep(
    service: Service,
    run_id: str,
    decision: Literal["approve", "reject"],
    by: str,
    only: list[str] | None,
    reason: str,
    digest: str | None = None,
) -> Kept | MoreNeeded | NotTaken:
    """Check, sign and keep an answer. `digest`: of the request that the person saw; another one is not answered."""
    request = _waiting_on(service, run_id)
    if isinstance(request, NotTaken):
        return request
    if digest is not None and digest != request.digest:
        return NotTaken(reason="not_waiting", detail="it asks for something else by now: look at it again")
    asked = [action.id for action in request.actions]
    ids = asked if only is None else only
    if not set(ids) <= set(asked):
        extra = ", ".join(sorted(set(ids) - set(asked)))
        return NotTaken(reason="wider_than_asked", detail=f"not among the asked actions: {extra}")
    if not ids and decision == "approve":
        return NotTaken(reason="nothing_named", detail="an approval must name at least one action")
    person = canonical(by)
    if person is None or not known(person, service.registry):
        return NotTaken(reason="unknown_person", detail=f"{by[:64]!r} is nobody who may answer")
    report = service.ledger.report(run_id)
    finding = None if report is None else report.finding
    if person in subjects(finding, request.actions):
        return NotTaken(reason="named_in_finding", detail=f"{person} is named in the finding and has no say in it")
    if late := too_late(request, service.clock(), service.settings.sandbox):
        return NotTaken(reason="too_late", detail=late)
    approval = sign(service, request, decision, person, ids, reason)
    no = kept(approval, request, "" if finding is None else finding.key)
    if not service.ledger.answer(approval, no):
        return NotTaken(reason="used", detail="this answer was given before")
    answers = service.ledger.answers(run_id, request.digest)
    if decision == "approve" and not complete(request, answers, service.registry):
        barred = subjects(finding, request.actions)
        return MoreNeeded(
            run_id=run_id, by=sorted({a.by for a in answers}), detail=_needs(request, barred, service.registry)
        )
    return Kept(run_id=run_id)


def _waiting_on(service: Service, run_id: str) -> Request | NotTaken:
    row = service.ledger.run(run_id)
    if row is None:
        return NotTaken(reason="no_such_run", detail=f"no run {run_id[:40]!r}")
    request = service.ledger.request(run_id)
    if request is None or row.status not in (Status.AWAITING_APPROVAL, None):
        return NotTaken(reason="not_waiting", detail=f"{run_id} {_stands(row, service)}")
    if plan_digest(run_id, request.actions) != request.digest:
        return NotTaken(
            reason="not_waiting", detail="the request in the ledger is not the one that was made: it was changed"
        )
    return request


def _stands(row: RunRow, service: Service) -> str:
    """How a run stands that waits for nobody; of one whose answer did not come in time, also the way on."""
    sandbox = service.settings.sandbox
    if row.status is None:
        return why_unfinished(service.ledger, row.run_id, service.clock(), sandbox=sandbox)
    report = service.ledger.report(row.run_id) if row.status is Status.EXPIRED else None
    why = f": {report.reason}" if report is not None else ""
    again = f". {_anew(sandbox)}" if report is not None and report.reason == NOBODY else ""
    return f"is {row.status}, not waiting{why}{again}"


def too_late(request: Request | None, now: datetime, sandbox: bool) -> str:
    """Why nobody can answer the request any more, and the way on, for people; empty if they can."""
    if request is None or now < request.expires_at:
        return ""
    at = f"{request.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"the time to answer was over at {at}, and nothing is done. {_anew(sandbox)}"


def _anew(sandbox: bool) -> str:
    here = " --sandbox" if sandbox else ""
    return f"To have it looked at and asked anew: stanch run EVENT.json --again{here}"


def sign(
    service: Service, request: Request, decision: Literal["approve", "reject"], by: str, ids: list[str], reason: str
) -> Approval:
    """The signed answer of one person to one request."""
    blank = Approval(
        run_id=request.run_id, digest=request.digest, decision=decision, action_ids=ids, by=by, reason=reason[:300],
        at=service.clock(), expires_at=request.expires_at, nonce=service.nonce(),
        role=", ".join(people(service.registry).get(by, [])),
    )  # fmt: skip
    return blank.model_copy(update={"signature": service.sign(blank)})


def _needs(request: Request, barred: set[str], registry: Registry) -> str:
    why_not = nobody(request.needs, barred, registry)
    return in_words(request.needs, "person", "people") + (f"; {why_not}" if why_not else "")
