"""propose: fill the slots, ask the model and the playbook, and turn what they say into changes. Reads only."""

from dataclasses import replace
from datetime import timedelta

from langgraph.runtime import Runtime

from agent import playbook
from agent.case import build, evidence_ids
from agent.casefile import Looked
from agent.catalogue import ActionSpec, Reversal
from agent.evidence import Evidence
from agent.finding import Finding
from agent.masking import Masker
from agent.plan import Case, Change, Inapplicable, Plan, PlannedAction, Proposal, Slots
from agent.record import JsonObject, iso
from agent.slots import assign
from agent.target import Target
from graphs.closing import with_closing
from graphs.keeping import keep, noted
from graphs.made_before import made_before
from graphs.resting import told_by, whose
from graphs.service import Asked, Service
from graphs.state import Context, Investigated, Proposed
from graphs.taking_over import going_on
from tools.action import actions
from tools.aws import UNREADABLE, AwsError, Phase, Tally
from tools.targets import CALLS as VERIFY_CALLS
from tools.targets import Standing as TargetStanding
from tools.targets import verify

PLAYBOOK = "playbook"
STEP = "plan"
"""The name of what planning read, among the sources of the report and in the case file."""


def propose(state: Investigated, runtime: Runtime[Context], service: Service) -> Proposed:
    """The plan: what either of them would do, as changes on slots that AWS itself confirmed."""
    tally = Tally()
    looked: list[Looked] = []
    service = replace(service, looked=looked.append, seen={})
    evidence = Evidence(answers=state.evidence)
    slots = _slots(state.finding, evidence, service, tally)
    masker = Masker(nonce=state.run_id[-6:])
    case = build(state.finding, evidence, slots, masker)
    plan = planned(state.run_id, slots, case, service, tally)
    told = plan.playbook.model_copy(update={"rationale": masker.unmask(plan.playbook.rationale)})
    plan = plan.model_copy(update={"rationale": masker.unmask(plan.rationale), "playbook": told})
    plan = with_closing(plan, playbook.closing(case), state.run_id, state.finding, service, tally)
    kept = keep(service, state.run_id, STEP, looked)
    return Proposed(slots=slots, plan=plan, calls={"propose": tally.by_phase}, **noted(STEP, kept, len(looked)))


def _slots(finding: Finding, evidence: Evidence, service: Service, tally: Tally) -> Slots:
    """The slots, each re-read from AWS in the account that the finding says."""
    said: dict[str, TargetStanding] = {}
    for slot in assign(finding, evidence, {}).filled:
        aws = service.aws(finding.account, slot.target.region, Phase.READ, VERIFY_CALLS, tally)
        since = finding.first_seen if slot.origin == "finding" else None
        said[slot.target.key] = verify(aws, slot.target, since)
    slots = assign(finding, evidence, {key: standing == "verified" for key, standing in said.items()})
    unconfirmed = {key: standing for key, standing in said.items() if standing != "verified"}
    return slots.model_copy(update={"unconfirmed": unconfirmed})


def planned(run_id: str, slots: Slots, case: Case, service: Service, tally: Tally) -> Plan:
    """Ask both, and plan what either proposed; who proposed what is a fact for policy."""
    told = playbook.answer(case, service.catalogue)
    asked = service.model.ask(case)
    answer = asked.answer if isinstance(asked, Asked) else told
    tokens = asked if isinstance(asked, Asked) else None
    by_model = asked.answer.proposals if isinstance(asked, Asked) else []
    actions_, dropped = _changes(run_id, by_model, told.proposals, slots, service, tally)
    return Plan(
        disposition=answer.disposition,
        confidence=answer.confidence,
        rationale=answer.rationale,
        cites=evidence_ids(answer.cites, slots),
        answered_by=asked.answered_by if isinstance(asked, Asked) else PLAYBOOK,
        fallback_reason=None if isinstance(asked, Asked) else asked.reason,
        playbook=told,
        actions=actions_,
        dropped=dropped,
        input_tokens=tokens.input_tokens if tokens else 0,
        output_tokens=tokens.output_tokens if tokens else 0,
        cached_tokens=tokens.cached_tokens if tokens else 0,
    )


def _changes(
    run_id: str, by_model: list[Proposal], by_playbook: list[Proposal], slots: Slots, service: Service, tally: Tally
) -> tuple[list[PlannedAction], list[Inapplicable]]:
    wanted = {(p.action, p.slot): p for p in [*by_model, *by_playbook]}
    ordered = sorted(wanted.values(), key=lambda p: (_order(p, service), _target_key(p, slots)))
    made: list[PlannedAction] = []
    dropped: list[Inapplicable] = []
    for proposal in ordered:
        change = change_for(run_id, proposal, slots, service, tally)
        if isinstance(change, Inapplicable):
            dropped.append(change)
            continue
        made.append(
            PlannedAction(
                id=f"A{len(made) + 1}",
                slot=proposal.slot,
                change=change,
                proposed_by_model=proposal in by_model,
                proposed_by_playbook=proposal in by_playbook,
            )
        )
    return _worth_it(made, dropped, service)


def _worth_it(
    made: list[PlannedAction], dropped: list[Inapplicable], service: Service
) -> tuple[list[PlannedAction], list[Inapplicable]]:
    """Without what only every run does anew, on targets where all else that was wanted is so already."""
    so = {one.target.key for one in dropped if _so_by_itself(one, service) and one.target is not None}
    open_ = {action.change.target.key for action in made if not _per_run(action, service)}
    idle = [action for action in made if action.change.target.key in so - open_]
    kept = [action for action in made if action not in idle]
    numbered = [action.model_copy(update={"id": f"A{number}"}) for number, action in enumerate(kept, start=1)]
    told = "every run does it anew, and this one has nothing else to do here"
    again = [
        Inapplicable(action=action.change.action, target=action.change.target, reason="already_so", detail=told)
        for action in idle
    ]
    return numbered, [*dropped, *again]


def _so_by_itself(one: Inapplicable, service: Service) -> bool:
    """Whether it is so already, and is more than what tells of a run: the tag of another one contains nothing."""
    spec = service.catalogue.get(one.action)
    return one.reason == "already_so" and not (spec is not None and spec.per_run)


def _per_run(action: PlannedAction, service: Service) -> bool:
    spec = service.catalogue.get(action.change.action)
    return spec is not None and spec.per_run


def _order(proposal: Proposal, service: Service) -> int:
    spec = service.catalogue.get(proposal.action)
    return spec.order if spec else 0


def _target_key(proposal: Proposal, slots: Slots) -> str:
    slot = slots.get(proposal.slot)
    return slot.target.key if slot else proposal.slot


def change_for(
    run_id: str,
    proposal: Proposal,
    slots: Slots,
    service: Service,
    tally: Tally,
    earlier: Change | None = None,
) -> Change | Inapplicable:
    """Resolve a slot and have the action plan its change, or say why there is none. `earlier` is the same, planned before."""
    spec = service.catalogue.get(proposal.action)
    slot = slots.get(proposal.slot)
    if spec is None or not spec.offered:
        return Inapplicable(action=proposal.action[:64], target=None, reason="not_in_catalogue")
    if slot is None:
        return Inapplicable(action=spec.id, target=None, reason="empty_slot", detail=proposal.slot[:8])
    if slot.target.kind is not spec.target:
        return Inapplicable(action=spec.id, target=slot.target, reason="wrong_kind", detail=f"needs {spec.target}")
    if not slot.verified:
        return _not_there(spec, slot.target, slots.unconfirmed.get(slot.target.key, ""))
    action = actions()[spec.id]
    aws = service.aws(slot.target.account, slot.target.region, Phase.PLAN, action.CALLS, tally)
    try:
        change = action.plan(aws, slot.target, _params(spec, slot.target, run_id, service, earlier), run_id)
    except AwsError as error:
        return Inapplicable(action=spec.id, target=slot.target, reason="read_failed", detail=str(error))
    except UNREADABLE as error:
        detail = f"AWS answered what we cannot read ({type(error).__name__})"
        return Inapplicable(action=spec.id, target=slot.target, reason="read_failed", detail=detail)
    if isinstance(change, Change) and spec.reversal is Reversal.EXACT:
        change = going_on(change, service.ledger)
    if isinstance(change, Change) and not change.needed and not spec.time_boxed:
        ours = whose(change, run_id, service.ledger)
        return Inapplicable(action=spec.id, target=slot.target, reason="already_so", by=ours)
    if isinstance(change, Change) and (others := told_by(change, spec, run_id, service.ledger)):
        return Inapplicable(action=spec.id, target=slot.target, reason="already_so", by=others)
    return change


def _not_there(spec: ActionSpec, target: Target, standing: str) -> Inapplicable:
    """What AWS itself does not know any more is nothing left undone; all else that it did not confirm is."""
    if standing == "gone":
        return Inapplicable(action=spec.id, target=target, reason="gone", detail="AWS does not know it any more")
    return Inapplicable(action=spec.id, target=target, reason="unverified_target", detail=standing)


def _params(spec: ActionSpec, target: Target, run_id: str, service: Service, earlier: Change | None) -> JsonObject:
    """What code chooses for an action: the end of one that ends by itself, and what an earlier run left to use. Planned again,
    it keeps what it had."""
    if earlier is not None:
        return earlier.params
    if spec.per_run:
        made: JsonObject = {"made": [*made_before(run_id, spec, target, service.ledger)]}
        return made if made["made"] else {}
    if not spec.time_boxed:
        return {}
    return {"expires_at": iso(service.clock() + timedelta(hours=service.settings.block_hours))}
