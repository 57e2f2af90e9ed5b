"""undo: take receipts back, the last first, through the same policy, ledger and read-back; a second small graph."""

from dataclasses import replace
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.facts import Circumstances, facts_for_undo
from agent.receipt import Outcome, Receipt
from agent.report import Report, ReportedAction, Status
from agent.verdict import Approval, Ruling, Verdict
from graphs.after_undo import after_undo, may_be_undone, partly
from graphs.expiring import is_over
from graphs.keeping import with_reads
from graphs.persons_word import approver, word_of
from graphs.resting import rest_on, warning
from graphs.saying_undone import say_undone
from graphs.service import Service
from graphs.standings import standings_of
from graphs.state import Context, Slice, merged
from graphs.taking_back import take_back
from graphs.undo_lease import NothingToUndo, leased
from tools.aws import Phase, Tally
from tools.ledger import Opened
from tools.targets import CALLS as VERIFY_CALLS
from tools.targets import verify as verify_target

STEP = "undo"
"""What was asked of AWS to take something back, and to see that it is, is kept under this name."""


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
    amended = _warned(with_reads(_amended(report, done, service), STEP, looked, service), done, service)
    return say_undone(amended, report, service, tally)


def _warned(report: Report, done: Undoing, service: Service) -> Report:
    """The report with the runs that took as being in place what is not there any more."""
    back = [each.change for each in done.receipts.values() if each.outcome is Outcome.UNDONE]
    told = warning(rest_on(report, back, service))
    return report.model_copy(update={"reason": f"{report.reason}; {told}"}) if told else report


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
        expired=is_over(change, spec, service),
    )
    return service.policies.judge(action.planned.id, facts)


def _undone(state: Undoing, service: Service, tally: Tally) -> dict[str, Receipt]:
    """A receipt for each action whose undo is allowed. One that drifts stops alone; the others go on."""
    receipts = {}
    for action in state.actions:
        if state.verdicts[action.planned.id].ruling is Ruling.ALLOW:
            receipt = take_back(action, state.run_id, service, tally)
            row = service.ledger.run(state.run_id)
            service.ledger.record(receipt, row.fence if row else 0)
            if receipt.outcome is Outcome.UNDONE:
                service.ledger.undone(state.run_id, receipt, "undone")
                service.ledger.unneeded(state.run_id, receipt.change)
            receipts[action.planned.id] = receipt
    return receipts


def _amended(report: Report, done: Undoing, service: Service) -> Report:
    """The run's report with what was taken back; `undone` only if nothing of it stands any more."""
    amended, left = after_undo(report, done.receipts, done.verdicts, done.approval, service)
    if left:
        status, reason = partly(amended, left, done.receipts, done.verdicts, done.taken)
    else:
        status, reason = Status.UNDONE, f"taken back by {done.by}"
    return amended.model_copy(update={"status": status, "reason": reason})
