"""judge: compute the facts of each action, ask policy, and make the request when a person must answer."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

from langgraph.runtime import Runtime

from agent.casefile import Looked
from agent.evidence import Answered
from agent.plan import Change, Inapplicable, Plan, PlannedAction, Proposal
from agent.queue import Queue, queue_of
from agent.verdict import Mode, Need, Request, Ruling, Verdict, plan_digest
from graphs.closing import closes
from graphs.closing_again import closed_again
from graphs.coming_back import read_again
from graphs.keeping import keep, noted
from graphs.order import came_back, newly_asked
from graphs.propose import change_for
from graphs.refused_before import Said, refused_in, said_before
from graphs.ruling import rule
from graphs.service import Service
from graphs.state import Context, Judged, Planned
from tools.aws import Tally

STEP = "plan-again"
"""What was read to plan again is kept under this name, with how many answers and receipts there were by then."""
MAX_REQUESTS = 3
"""How often one run asks again because the world drifted while somebody was asked."""


def judge(state: Planned, runtime: Runtime[Context], service: Service) -> Judged:
    """A verdict for each open action. After an answer the asked changes are planned again: drift makes a new request."""
    tally = Tally()
    looked: list[Looked] = []
    plan, again = _replanned(state, replace(service, looked=looked.append), tally)
    step = f"{STEP}-{len(state.decisions)}-{len(state.receipts)}"
    kept = keep(service, state.run_id, step, looked)
    fresh = state.model_copy(update={"plan": plan, "evidence": {**state.evidence, **again}})
    verdicts = _ruled(fresh, runtime.context.mode, service)
    request = _request(fresh, verdicts, service)
    if request is not None and request != state.request and request.digest in state.decisions:
        # The world drifted back to what was approved before: that approval is looked at once more.
        verdicts = _ruled(fresh.model_copy(update={"request": request}), runtime.context.mode, service)
    read = again | noted(step, kept, len(looked)).get("evidence", {})
    return Judged(
        plan=plan,
        verdicts=verdicts,
        request=request,
        calls={f"judge:{len(state.decisions)}:{len(state.receipts)}": tally.by_phase},
        **({"evidence": read} if read else {}),
    )


def _ruled(state: Planned, mode: Mode, service: Service) -> dict[str, Verdict]:
    # what a person refused in this run stays as it was judged when they were asked: it is not asked again, nor done
    settled = {*state.receipts, *refused_in(state.decisions)}
    open_ = [action for action in state.plan.actions if action.id not in settled]
    before = said_before(state, service) if open_ else Said()
    # what came back first: an approval that was given in the belief that it was in place counts no more if it asks
    back = {action.id: rule(action, state, mode, service, before) for action in open_ if action.again}
    now = state.model_copy(update={"verdicts": {**state.verdicts, **back}}) if back else state
    return {action.id: back.get(action.id) or rule(action, now, mode, service, before) for action in open_}


def _replanned(state: Planned, service: Service, tally: Tally) -> tuple[Plan, dict[str, Answered]]:
    """The plan with every asked change read anew; the same object when nobody was asked yet, or the answer was no.

    For a closing evidence is read anew as well, and comes with it.
    """
    if state.request is None or not _answered(state, state.request):
        return state.plan, {}
    if closes(state.plan) and not state.receipts:
        return closed_again(state, service, tally)
    return _changes_again(state, state.request, service, tally), {}


def _changes_again(state: Planned, request: Request, service: Service, tally: Tally) -> Plan:
    asked = {action.id for action in request.actions}
    actions: list[PlannedAction] = []
    dropped = list(state.plan.dropped)
    for action in state.plan.actions:
        if action.id not in asked or action.id in state.receipts:
            actions.append(action)
            continue
        change = _again(action, state, service, tally)
        if isinstance(change, Inapplicable):
            dropped.append(change)
        else:
            actions.append(action.model_copy(update={"change": change}))
    plan = state.plan.model_copy(update={"actions": actions, "dropped": dropped})
    return read_again(plan, state, service, tally)


def _again(action: PlannedAction, state: Planned, service: Service, tally: Tally) -> Change | Inapplicable:
    proposal = Proposal(action=action.change.action, slot=action.slot)
    return change_for(state.run_id, proposal, state.slots, service, tally, action.change)


def _request(state: Planned, verdicts: dict[str, Verdict], service: Service) -> Request | None:
    """What to ask, or the earlier request if it was answered and nothing drifted."""
    asked = [action for action in state.plan.actions if _asks(action.id, verdicts)]
    if not asked:
        return state.request
    before = state.request
    if before is not None and before.digest in state.decisions:
        if not _answered(state, before):
            return before
        same = plan_digest(state.run_id, before.actions) == plan_digest(state.run_id, _now(before, state.plan))
        now = state.model_copy(update={"verdicts": {**state.verdicts, **verdicts}})
        stable = same and not newly_asked(now) and not came_back(now)
        if stable or len(state.decisions) >= MAX_REQUESTS:
            return before
    at = service.clock()
    return Request(
        run_id=state.run_id,
        digest=plan_digest(state.run_id, asked),
        actions=asked,
        needs=_needs([verdicts[action.id].needs for action in asked]),
        needs_of={action.id: verdicts[action.id].needs for action in asked},
        created_at=at,
        expires_at=at + _time(state, service),
    )


def _time(state: Planned, service: Service) -> timedelta:
    """How long the request waits for an answer: longer where people are told of it later, with others on a card."""
    if service.tell_card is not None and queue_of(state.finding) is Queue.POSTURE:
        return timedelta(hours=service.settings.posture_hours)
    return timedelta(minutes=service.settings.approval_minutes)


def _answered(state: Planned, request: Request) -> bool:
    """Whether somebody approved; after a no, or no answer in time, nobody is asked again."""
    decision = state.decisions.get(request.digest)
    return decision is not None and decision.kind == "answered"


def _asks(action_id: str, verdicts: dict[str, Verdict]) -> bool:
    verdict = verdicts.get(action_id)
    return verdict is not None and verdict.ruling is Ruling.ASK


def _now(before: Request, plan: Plan) -> list[PlannedAction]:
    """The actions of an earlier request as the plan has them now."""
    ids = {action.id for action in before.actions}
    return [action for action in plan.actions if action.id in ids]


def _needs(needs: list[list[Need]]) -> list[Need]:
    """What satisfies every action at once: one choice from each, joined, the smallest first."""
    joined = {
        (max(need.count for need in choice), tuple(sorted({role for need in choice for role in need.roles})))
        for choice in product(*needs)
    }
    return [
        Need(count=count, roles=list(roles)) for count, roles in sorted(joined, key=lambda n: (n[0], len(n[1]), n[1]))
    ]
