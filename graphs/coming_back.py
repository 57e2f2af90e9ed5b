"""What a plan found so already, read again at the answer: what is not so any more comes back into the plan."""

from agent.plan import Change, Inapplicable, Plan, PlannedAction, Proposal, Slot
from agent.target import Target
from graphs.order import IN_PLACE_BEFORE
from graphs.propose import change_for
from graphs.resting import still_stands
from graphs.service import Service
from graphs.state import Planned
from tools.aws import Tally


def read_again(plan: Plan, state: Planned, service: Service, tally: Tally) -> Plan:
    """The plan with what somebody took back meanwhile. What every run does anew comes only with something else to do there."""
    plan = _again(plan, [one for one in plan.dropped if not _per_run(one.action, service)], state, service, tally)
    open_ = {action.change.target for action in plan.actions if not _per_run(action.change.action, service)}
    return _again(
        plan,
        [one for one in plan.dropped if _per_run(one.action, service) and one.target in open_],
        state,
        service,
        tally,
    )


def _again(plan: Plan, looked_at: list[Inapplicable], state: Planned, service: Service, tally: Tally) -> Plan:
    actions, dropped = [*plan.actions], []
    for one in plan.dropped:
        if one.reason not in IN_PLACE_BEFORE or one not in looked_at:
            dropped.append(one)
            continue
        slot = _slot(one.target, state)
        if slot is None:
            dropped.append(_without_slot(one, service))
            continue
        found = change_for(state.run_id, Proposal(action=one.action, slot=slot.name), state.slots, service, tally)
        if isinstance(found, Inapplicable):
            dropped.append(one if found.reason == "already_so" and one.reason == "contained" else found)
        else:
            actions.append(_planned(found, one, slot, state, actions, service))
    actions.sort(key=lambda action: spec.order if (spec := service.catalogue.get(action.change.action)) else 0)
    return plan.model_copy(update={"actions": actions, "dropped": dropped})


def _planned(
    change: Change, one: Inapplicable, slot: Slot, state: Planned, actions: list[PlannedAction], service: Service
) -> PlannedAction:
    """The action, under a number that none had. Whether both wanted it is not known any more: so a person is asked."""
    wanted = Proposal(action=change.action, slot=slot.name) in state.plan.playbook.proposals
    by_playbook = wanted or any(each.proposed_by_playbook for each in _earlier(one, service))
    number = max((int(action.id.removeprefix("A")) for action in actions), default=0) + 1
    return PlannedAction(
        id=f"A{number}",
        slot=slot.name,
        change=change,
        proposed_by_model=not by_playbook,
        proposed_by_playbook=by_playbook,
        again=True,
    )


def _earlier(one: Inapplicable, service: Service) -> list[PlannedAction]:
    """The same as the runs planned it that had done it."""
    reports = [report for run in one.by if (report := service.ledger.report(run)) is not None]
    planned = [action.planned for report in reports for action in report.actions]
    return [each for each in planned if (each.change.action, each.change.target) == (one.action, one.target)]


def _without_slot(one: Inapplicable, service: Service) -> Inapplicable:
    """What no slot is about cannot be planned anew: taken back, it is left undone, which a person is to know."""
    if not one.by or still_stands(one, service):
        return one
    detail = f"{' and '.join(one.by)} had done it, and it does not stand any more"
    return one.model_copy(update={"reason": "unverified_target", "detail": detail, "by": []})


def _slot(target: Target | None, state: Planned) -> Slot | None:
    return next((slot for slot in state.slots.filled if slot.target == target), None)


def _per_run(action: str, service: Service) -> bool:
    spec = service.catalogue.get(action)
    return spec is not None and spec.per_run
