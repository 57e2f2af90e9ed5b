"""The status of a run and its reason, from what the state holds: the first that applies."""

from agent.plan import Disposition, Inapplicable, Plan, PlannedAction
from agent.receipt import Outcome, Receipt
from agent.report import IN_PLACE, NOT_DONE, Status
from agent.verdict import Mode, Ruling, Verdict
from graphs.closing import closes
from graphs.refused_before import refused_in
from graphs.refusing import reason_of
from graphs.state import Decision, State
from tools.aws import NO_ROLE

_REFUSED = "AccessDenied"
"""What STS answers for a role that is not there, or does not trust us."""
_STANDBY, _QUARANTINE = "autoscaling_enter_standby", "ec2_quarantine_interfaces"
_IN_SERVICE = {"lifecycle": "InService"}
_MAY_END = "its Auto Scaling group still counts on it: it may take it for unhealthy, and end it with its evidence"
_OTHERS = (Mode.APPROVE, Mode.AUTO)
_UNSURE = {Outcome.DONE, Outcome.UNSURE}
"""What may be in place although reading back did not show it."""


def status_of(state: State, mode: Mode) -> tuple[Status, str]:
    """How the run stands, and why, in one line."""
    if state.refusal is not None:
        return Status(state.refusal.status), reason_of(state.refusal)
    if state.plan is None or state.finding is None:
        return Status.FAILED, "the run ended before there was a plan"
    if no_way_in := _no_way_in(state, state.finding.account):
        return Status.FAILED, no_way_in
    if state.request is not None and state.request.digest not in state.decisions:
        return Status.AWAITING_APPROVAL, _asked(state)
    if state.receipts:
        return _acted(state, state.plan)
    if fault := _policy_fault(state):
        return Status.FAILED, fault
    return _untouched(state, state.plan, mode)


def _no_way_in(state: State, account: str) -> str:
    """Why nothing can be read in the account, and how to say who we are there; empty if it can."""
    notes = {fact.note for answered in state.evidence.values() for fact in answered.facts}
    if NO_ROLE in notes:
        return f"no role is configured for account {account}: set STANCH_ROLE_NAME to the one that we take on there"
    if f"AssumeRole:{_REFUSED}" in notes:
        return f"our role in account {account} cannot be taken on ({_REFUSED}): STANCH_ROLE_NAME names it, and it must trust us"
    return ""


def _asked(state: State) -> str:
    actions = [] if state.request is None else state.request.actions
    back = ", ".join(_name(action) for action in actions if action.again)
    anew = f"; asked anew, as this was in place before and is not any more: {back}" if back else ""
    return "policy asks a person about " + ", ".join(_name(action) for action in actions) + anew


def _name(action: PlannedAction) -> str:
    return f"{action.change.action} on {action.change.target.id}"


def _acted(state: State, plan: Plan) -> tuple[Status, str]:
    """Something was tried. Containment is said only of what was read back."""
    held = [r for r in state.receipts.values() if _holds(r)]
    unsure = [r for r in state.receipts.values() if r.outcome in _UNSURE and not _holds(r)]
    failed = [r for r in state.receipts.values() if r.outcome not in {*IN_PLACE, Outcome.UNSURE}]
    refused = [a for a in plan.actions if a.id not in state.receipts and _ruling(state, a) is Ruling.DENY]
    left = [_told(r) for r in [*failed, *unsure]] + [f"{_name(a)}: policy denies it" for a in refused]
    left += [f"{_name(a)}: approved, but no longer covered when its turn came" for a in _lapsed(state, plan)]
    left += [f"{_name(a)}: not approved{_by(state, a)}" for a in _declined(state, plan)]
    left += [f"{d.action}: not done, {d.detail or d.reason}" for d in plan.dropped if d.reason in NOT_DONE]
    left += [f"{name}: {_MAY_END}" for name in _may_be_ended(state, plan)]
    partly = any(r.outcome is Outcome.PARTIAL for r in failed)
    if left and (held or partly):
        return Status.PARTIALLY_CONTAINED, "; ".join(left)
    if held and closes(plan):
        return Status.NO_ACTION, f"closed as benign: {plan.rationale[:300]}"
    if held:
        return Status.CONTAINED, "; ".join(_told(r) for r in held)
    if unsure:
        return Status.UNVERIFIED, "; ".join(left)
    return Status.ESCALATED, "nothing was changed: " + "; ".join(left)


def _may_be_ended(state: State, plan: Plan) -> list[str]:
    """Instances that are cut off, wholly or in part, and that their Auto Scaling group had in service all along, as far as is
    known: one that drifted has left that state, and of one that could not be read nobody knows."""
    tried = [a for a in plan.actions if a.change.action == _STANDBY]
    receipts = {a.change.target: state.receipts.get(a.id) for a in tried}
    staying = {t for t, r in receipts.items() if r is None or not (_holds(r) or r.outcome is Outcome.DRIFTED)}
    staying |= {d.target for d in plan.dropped if d.action == _STANDBY and d.target and d.found == _IN_SERVICE}
    cut = {Outcome.PARTIAL, *_UNSURE}
    return [
        a.change.target.id
        for a in plan.actions
        if a.change.action == _QUARANTINE
        and a.change.target in staying
        and (r := state.receipts.get(a.id)) is not None
        and r.outcome in cut
    ]


def _holds(receipt: Receipt) -> bool:
    return receipt.outcome in IN_PLACE and receipt.verification is not None and receipt.verification.holds


def _told(receipt: Receipt) -> str:
    name = f"{receipt.change.action} on {receipt.change.target.id}"
    if receipt.outcome is Outcome.DONE and receipt.verification is not None:
        unsure = "" if receipt.verification.holds else f": {receipt.verification.detail}"
        return f"{name}: {receipt.verification.how.replace('_', ' ')}{unsure}"
    if receipt.outcome is Outcome.UNSURE:
        return f"{name}: it may have taken effect: {receipt.detail}"
    return f"{name}: {receipt.outcome}{': ' + receipt.detail if receipt.detail else ''}"


def _lapsed(state: State, plan: Plan) -> list[PlannedAction]:
    """Actions that were approved and yet did not run: the approval ended, or the world drifted, on the way."""
    decision = None if state.request is None else state.decisions.get(state.request.digest)
    if decision is None or decision.kind != "answered":
        return []
    approved = {name for approval in decision.approvals for name in approval.action_ids}
    open_ = [a for a in plan.actions if a.id not in state.receipts and _ruling(state, a) is Ruling.ASK]
    return [action for action in open_ if action.id in approved]


def _declined(state: State, plan: Plan) -> list[PlannedAction]:
    """Actions that were asked and that nobody approved."""
    lapsed = _lapsed(state, plan)
    open_ = [a for a in plan.actions if a.id not in state.receipts and _ruling(state, a) is Ruling.ASK]
    return [action for action in open_ if action not in lapsed]


def _by(state: State, action: PlannedAction) -> str:
    """Who refused it and why, if anybody did."""
    no = refused_in(state.decisions).get(action.id)
    return "" if no is None else f" by {no.by}: {no.reason or 'no reason given'}"


def _ruling(state: State, action: PlannedAction) -> Ruling | None:
    verdict = state.verdicts.get(action.id)
    return None if verdict is None else verdict.ruling


def _untouched(state: State, plan: Plan, mode: Mode) -> tuple[Status, str]:
    """Nothing was tried: a person said no, nobody answered, policy denied, or there is nothing to do."""
    decision = None if state.request is None else state.decisions.get(state.request.digest)
    if decision is not None and (answered := _after(decision, plan)):
        return answered
    verdicts = [state.verdicts[a.id] for a in plan.actions if a.id in state.verdicts]
    if verdicts and mode is Mode.OBSERVE and any(_would_do(v) for v in verdicts):
        return Status.PROPOSED, "observe mode writes nothing; " + "; ".join(_would(verdicts, mode) for mode in _OTHERS)
    denying = ", ".join(sorted({p for v in verdicts for p in v.policies} or {"no policy permits"}))
    if verdicts and closes(plan):
        return Status.NO_ACTION, f"{plan.rationale[:300]} It stays open: policy denies closing it: {denying}"
    if verdicts:
        return Status.DENIED, f"policy denies: {denying}"
    if _agreed(plan) is Disposition.BENIGN:
        return Status.NO_ACTION, plan.rationale[:300] or "judged benign"
    wanted, ours = _wanted(plan), [d for d in plan.dropped if d.reason == "contained"]
    already = [_so(d) for d in wanted if d.reason == "already_so"]
    if already and len(already) == len(wanted):
        return Status.NO_ACTION, "already as it should be: " + ", ".join(already)
    if ours and plan.playbook.disposition is Disposition.BENIGN:
        return Status.NO_ACTION, "; ".join(_so(d) for d in ours)
    if _contained_before(plan):
        return Status.NO_ACTION, "; ".join([*map(_so, ours), plan.rationale[:300] or "contained already"])
    dropped = "; ".join(f"{d.action}: {d.reason}{f' ({d.detail})' if d.detail else ''}" for d in wanted)
    return Status.ESCALATED, dropped or plan.rationale[:300] or "no action serves this finding yet"


def _wanted(plan: Plan) -> list[Inapplicable]:
    """What somebody wanted of this run, and is not planned."""
    return [one for one in plan.dropped if one.reason != "contained"]


def _so(dropped: Inapplicable) -> str:
    """What is so already; by an effect of ours, whose it is and what rests on that."""
    detail = f": {dropped.detail}" if dropped.detail else ""
    return f"{dropped.action}, contained by {' and '.join(dropped.by)}{detail}" if dropped.by else dropped.action


def _policy_fault(state: State) -> str:
    """Why policy could not decide, which denies: our fault, to be mended and worked again. Empty if it could, or nobody wants it."""
    decision = None if state.request is None else state.decisions.get(state.request.digest)
    if decision is not None and decision.kind != "answered":
        return ""
    errors = sorted({error for verdict in state.verdicts.values() for error in verdict.errors})
    return f"policy could not decide, so nothing is permitted: {'; '.join(errors)[:600]}" if errors else ""


def _after(decision: Decision, plan: Plan) -> tuple[Status, str] | None:
    """What a person's answer, or none in time, made of it. None: they said yes, and nothing is left of what they were asked."""
    if decision.kind == "expired":
        return Status.EXPIRED, decision.reason
    if decision.kind == "rejected":
        return Status.REJECTED, _rejected(decision)
    if doubt := [one.detail for one in plan.dropped if one.reason == "not_benign"]:
        return Status.ESCALATED, f"approved, and not closed: {doubt[0]}"
    if plan.actions:
        names = ", ".join(_name(action) for action in plan.actions)
        return Status.ESCALATED, f"no valid approval covers what would be done now: {names}"
    return None


def _agreed(plan: Plan) -> Disposition | None:
    """What both say. A model alone cannot talk a finding away: where they differ, a person looks."""
    return plan.disposition if plan.disposition is plan.playbook.disposition else None


def _contained_before(plan: Plan) -> bool:
    """Model and playbook call it true, and neither proposes anything: somebody has contained it in another way."""
    return _agreed(plan) is Disposition.TRUE_POSITIVE and not plan.playbook.proposals and not _wanted(plan)


def _rejected(decision: Decision) -> str:
    """Who said no, and why if they said so."""
    said = [f"{a.by}: {a.reason or 'no reason given'}" for a in decision.approvals if a.decision == "reject"]
    return f"rejected by {'; '.join(said)}" if said else decision.reason


def _would_do(verdict: Verdict) -> bool:
    return any(ruling is not Ruling.DENY for ruling in verdict.otherwise.values())


def _would(verdicts: list[Verdict], mode: Mode) -> str:
    """What another mode would have done with each action: `auto mode would run A1, ask about A2`."""
    words = {Ruling.ALLOW: "run", Ruling.ASK: "ask about", Ruling.DENY: "deny"}
    named = {ruling: [v.action_id for v in verdicts if v.otherwise.get(mode) is ruling] for ruling in words}
    told = ", ".join(f"{words[ruling]} {' and '.join(ids)}" for ruling, ids in named.items() if ids)
    return f"{mode} mode would {told}"
