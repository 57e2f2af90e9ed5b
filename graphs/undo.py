"""undo: take receipts back, the last first, through the same policy, ledger and read-back; a second small graph."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.catalogue import ActionSpec
from agent.event import Event
from agent.facts import Circumstances, facts_for_undo
from agent.finding import Finding
from agent.intake import parse
from agent.plan import Change, digest_of
from agent.receipt import Drifted, Outcome, Receipt, Verification
from agent.record import JsonObject, Record
from agent.report import Report, ReportedAction, Status
from agent.secret_text import differing
from agent.verdict import Approval, Ruling, Verdict
from graphs.after_undo import after_undo, may_be_undone, partly
from graphs.compose import summed
from graphs.holding import beating, holding
from graphs.keeping import with_reads
from graphs.people import canonical, known, people, subjects, unlisted
from graphs.service import Service
from graphs.standings import standings_of
from graphs.state import Context, Slice, merged
from graphs.tell import tell_undone
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally
from tools.ledger import Opened
from tools.targets import CALLS as VERIFY_CALLS
from tools.targets import verify as verify_target

STEP = "undo"
"""What was asked of AWS to take something back, and to see that it is, is kept under this name."""


class NothingToUndo(Record):
    """Why there is nothing to take back."""

    detail: str


class Undoing(Slice):
    """The undo graph's state: what to take back, by whose word, and what came of it."""

    run_id: str
    actions: list[ReportedAction]
    approval: Approval | None
    """The word of whoever asked. None: its time is over."""
    by: str
    taken: dict[str, str] = {}
    """Actions that another run went on with, and which: they are that one's to take back."""
    verdicts: Annotated[dict[str, Verdict], merged] = {}
    receipts: Annotated[dict[str, Receipt], merged] = {}


class UndoJudged(Slice):
    """What judging an undo makes."""

    verdicts: dict[str, Verdict]


class UndoActed(Slice):
    """What undoing makes."""

    receipts: dict[str, Receipt]


def undo_run(
    service: Service, run_id: str, action: str | None, by: str, *, expired: bool = False
) -> Report | NothingToUndo:
    """Undo one action of a run, or all that stand. The person's word is a signed approval, bound to exactly these receipts.

    `expired`: nobody says it; its time is over, and policy decides whether that is enough.
    """
    return leased(service, run_id, lambda report, lease: _undo(service, report, action, by, lease, expired=expired))


def leased(
    service: Service, run_id: str, work: Callable[[Report, Opened], Report | NothingToUndo]
) -> Report | NothingToUndo:
    """Work on a run that has ended while nobody else takes anything of it back; what comes of it is its report."""
    report, refused = undoable(service, run_id)
    if report is None:
        return NothingToUndo(detail=refused)
    with holding() as holder:
        lease = undo_lease(service, run_id, holder)
        if isinstance(lease, NothingToUndo):
            return lease
        with beating(lambda: service.ledger.heartbeat(lease.run_id, lease.fence, service.clock())):
            done = work(report, lease)
        ended = report if isinstance(done, NothingToUndo) else done
        service.ledger.close(lease.run_id, lease.fence, ended, service.clock())
    return done


def undoable(service: Service, run_id: str) -> tuple[Report | None, str]:
    """The report to undo by, or why not now."""
    row, report = service.ledger.run(run_id), service.ledger.report(run_id)
    if row is None:
        return None, f"no run {run_id[:40]!r}"
    if row.status is None:
        return None, f"{run_id} is being worked: let it end, or deliver its event again if its process died"
    if row.status is Status.AWAITING_APPROVAL:
        return None, f"{run_id} waits for an answer: approve or reject it first"
    return report, f"{run_id} has no report to undo by"


def undo_lease(service: Service, run_id: str, holder: str) -> Opened | NothingToUndo:
    """One undo of a run at a time; one that died is taken over."""
    body: JsonObject = {"undo": run_id}
    version = service.nonce()
    opened = service.ledger.open(f"undo:{run_id}", version, body, service.settings.mode, holder, service.clock())
    if isinstance(opened, Opened):
        return opened
    return NothingToUndo(detail=f"another process is undoing {run_id} now")


def _undo(
    service: Service, report: Report, action: str | None, by: str, lease: Opened, *, expired: bool
) -> Report | NothingToUndo:
    run_id = report.run_id
    chosen = [a for a in report.actions if may_be_undone(a, service) and action in (None, a.planned.id)]
    shared = {a.planned.id: others for a in chosen if (others := _needed_by_others(service, run_id, a))}
    taken = _taken_over(service, run_id, chosen)
    shared = {name: others for name, others in shared.items() if name not in taken}
    chosen = [a for a in chosen if a.planned.id not in {*shared, *taken}]
    if shared and not chosen:
        runs = ", ".join(sorted({other for others in shared.values() for other in others}))
        return NothingToUndo(detail=f"still needed by {runs}: it stays until that ends")
    if taken and not chosen:
        runs = ", ".join(sorted(set(taken.values())))
        return NothingToUndo(detail=f"{runs} went on with what {run_id} left: undo that, and all of it goes")
    if not chosen:
        return NothingToUndo(detail=f"nothing of {action or 'this run'} stands: {run_id} is {report.status}")
    person = by if expired else approver(by, report, chosen, service)
    if isinstance(person, NothingToUndo):
        return person
    word = None if expired else word_of(service, run_id, chosen, person, "undo", "asked for the undo")
    state = Undoing(run_id=run_id, actions=chosen[::-1], approval=word, by=person, taken=taken)
    context = Context(mode=report.mode, fence=lease.fence)
    tally = Tally()
    looked: list[Looked] = []
    graph = build_undo(replace(service, looked=looked.append), tally).compile()
    done = Undoing.model_validate(graph.invoke(state, context=context))
    amended = with_reads(_amended(report, done, service), STEP, looked, service)
    return say_undone(amended, report, service, tally)


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


def build_undo(service: Service, tally: Tally) -> StateGraph[Undoing, Context, Undoing, Undoing]:
    """START -> judge -> undo -> END, over the receipts of one run. Its calls are counted in `tally`."""
    graph = StateGraph(Undoing, context_schema=Context)

    def judge_undo(state: Undoing, runtime: Runtime[Context]) -> UndoJudged:
        return UndoJudged(verdicts={a.planned.id: _ruled(a, state, runtime, service, tally) for a in state.actions})

    def undo(state: Undoing, runtime: Runtime[Context]) -> UndoActed:
        return UndoActed(receipts=_undone(state, service, tally))

    graph.add_node("judge", judge_undo, input_schema=Undoing)
    graph.add_node("undo", undo, input_schema=Undoing)
    graph.add_edge(START, "judge")
    graph.add_edge("judge", "undo")
    graph.add_edge("undo", END)
    return graph


def _needed_by_others(service: Service, run_id: str, action: ReportedAction) -> list[str]:
    """The other runs that need a time-boxed effect that this run put in place."""
    return [run for run in service.ledger.needed(action.planned.change, service.clock()) if run != run_id]


def _taken_over(service: Service, run_id: str, actions_: list[ReportedAction]) -> dict[str, str]:
    """Which other run went on with an effect that this one left, by action."""
    found = {a.planned.id: service.ledger.claimed(a.planned.change) for a in actions_}
    return {
        name: claim.run_id
        for name, claim in found.items()
        if claim is not None and claim.run_id != run_id and claim.sent and claim.state != "undone"
    }


def expiry(change: Change, spec: ActionSpec | None) -> datetime | None:
    """When a time-boxed change ends by itself; None if it does not."""
    until = change.params.get("expires_at")
    return datetime.fromisoformat(until) if spec is not None and spec.time_boxed and isinstance(until, str) else None


def _expired(change: Change, spec: ActionSpec, service: Service) -> bool:
    until = expiry(change, spec)
    return until is not None and until <= service.clock() and not service.ledger.needed(change, service.clock())


def approver(by: str, report: Report, chosen: list[ReportedAction], service: Service) -> str | NothingToUndo:
    """The person by their canonical name; or why they have no say in it."""
    person = canonical(by)
    if person is None or not known(person, service.registry):
        return NothingToUndo(detail=unlisted(by))
    if person in subjects(report.finding, [a.planned for a in chosen]):
        return NothingToUndo(detail=f"{person} is named in the finding and has no say in it")
    return person


def word_of(
    service: Service, run_id: str, chosen: list[ReportedAction], by: str, what: Literal["undo", "let_go"], reason: str
) -> Approval:
    """The person's word, bound to exactly these changes and what is done with them; signed and kept."""
    now = service.clock()
    digest = digest_of({what: run_id, "changes": [a.planned.change.model_dump(mode="json") for a in chosen]})
    blank = Approval(
        run_id=run_id, digest=digest, decision="approve", action_ids=[a.planned.id for a in chosen], by=by,
        role=", ".join(people(service.registry).get(by, [])), reason=reason, at=now,
        expires_at=now + timedelta(minutes=5), nonce=service.nonce(),
    )  # fmt: skip
    approval = blank.model_copy(update={"signature": service.sign(blank)})
    service.ledger.answer(approval)
    return approval


def _ruled(
    action: ReportedAction, state: Undoing, runtime: Runtime[Context], service: Service, tally: Tally
) -> Verdict:
    change = action.planned.change
    spec = service.catalogue.get(change.action)
    if spec is None:
        raise LookupError(change.action)
    aws = service.aws(change.target.account, change.target.region, Phase.READ, VERIFY_CALLS, tally)
    facts = facts_for_undo(
        spec,
        change,
        action.planned.id,
        standings=standings_of(change.target, service.registry),
        circumstances=Circumstances(
            mode=runtime.context.mode, sandbox=service.settings.sandbox, now=service.clock(), undone_before=False
        ),
        target_verified=verify_target(aws, change.target) == "verified",
        approvals=[state.approval] if state.approval is not None and service.signed(state.approval) else [],
        expired=_expired(change, spec, service),
    )
    return service.policies.judge(action.planned.id, facts)


def _undone(state: Undoing, service: Service, tally: Tally) -> dict[str, Receipt]:
    """A receipt for each action whose undo is allowed. One that drifts stops alone; the others go on."""
    receipts = {}
    for action in state.actions:
        if state.verdicts[action.planned.id].ruling is Ruling.ALLOW:
            receipt = _take_back(action, state.run_id, service, tally)
            row = service.ledger.run(state.run_id)
            service.ledger.record(receipt, row.fence if row else 0)
            if receipt.outcome is Outcome.UNDONE:
                service.ledger.undone(state.run_id, receipt, "undone")
                service.ledger.unneeded(state.run_id, receipt.change)
            receipts[action.planned.id] = receipt
    return receipts


def _take_back(action: ReportedAction, run_id: str, service: Service, tally: Tally) -> Receipt:
    change = action.planned.change
    earlier = len(tally.writes)
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.UNDO, module.CALLS, tally)
    receipt = Receipt(
        run_id=run_id, action_id=action.planned.id, change=change, outcome=Outcome.FAILED, at=service.clock(),
        undo_of=action.planned.id,
    )  # fmt: skip
    try:
        done = module.undo(aws, change)
    except (AwsError, *UNREADABLE) as error:
        return receipt.model_copy(update={"detail": str(error), "calls": tally.writes[earlier:]})
    if isinstance(done, Drifted):
        found = differing(done.found, change.after)
        return receipt.model_copy(update={"outcome": Outcome.DRIFTED, "detail": done.what, "found": found})
    back = read_back(change, run_id, service, tally)
    outcome = Outcome.UNDONE if back.holds and done.outcome != "partial" else Outcome.FAILED
    return receipt.model_copy(
        update={"outcome": outcome, "detail": done.detail, "calls": tally.writes[earlier:], "verification": back}
    )


def read_back(change: Change, run_id: str, service: Service, tally: Tally) -> Verification:
    """Plan the same change again: what it would start from is what is there now."""
    module = actions()[change.action]
    aws = service.aws(change.target.account, change.target.region, Phase.PLAN, module.CALLS, tally)
    now = service.clock()
    try:
        again = module.plan(aws, change.target, change.params, run_id)
    except (AwsError, *UNREADABLE) as error:
        return Verification(how="unverified", detail=f"could not read back: {error}", at=now)
    if isinstance(again, Change) and _as_before(again, change):
        return Verification(how="by_configuration", detail="reads as it was before", at=now)
    return Verification(how="unverified", detail="does not read as it was before", at=now)


def _as_before(again: Change, change: Change) -> bool:
    """Whether all that the change wrote reads as it was, as far as it is still there; what it did not write is others'."""
    untouched = [name for name, value in change.before.items() if value == change.after.get(name)]
    there = {name: value for name, value in again.before.items() if name not in untouched}
    return bool(again.before) and all(name in change.before and change.before[name] == there[name] for name in there)


def _amended(report: Report, done: Undoing, service: Service) -> Report:
    """The run's report with what was taken back; `undone` only if nothing of it stands any more."""
    amended, left = after_undo(report, done.receipts, done.verdicts, done.approval, service)
    if left:
        status, reason = partly(amended, left, done.receipts, done.verdicts, done.taken)
    else:
        status, reason = Status.UNDONE, f"taken back by {done.by}"
    return amended.model_copy(update={"status": status, "reason": reason})


def _counted(amended: Report, report: Report, tally: Tally, service: Service) -> Report:
    """The amended report with the calls of the undo beside the run's own, and the time of now."""
    calls = summed({"run": report.calls, "undo": tally.by_phase})
    return amended.model_copy(update={"calls": calls, "ended_at": service.clock()})
