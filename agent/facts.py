"""The facts that policy sees of one action, computed from records alone; never a word of model prose."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal, TypedDict

from agent.addresses import Network, is_reserved, network
from agent.catalogue import ActionSpec
from agent.evidence import Evidence, Standing
from agent.finding import Finding
from agent.plan import Change, Confidence, Disposition, Plan, PlannedAction, Slots
from agent.record import Moment, Record
from agent.slots import slot_of
from agent.target import Target, TargetKind
from agent.verdict import Approval, Facts, Known, Mode

_UNTAGGED = {TargetKind.ADDRESS, TargetKind.OTHER}
"""Kinds that have no tags to ask about: an address, and our own entry in Security Hub."""
_ENVIRONMENTS = ("prod", "staging", "dev", "sandbox")
CLOCK_SKEW = timedelta(minutes=5)
"""How far the clock of who took an approval may be ahead of the clock of who counts it: they are seldom the same process."""


class Standings(Record):
    """What the registry says of one target. Made by whoever can read it; what it does not know is unknown."""

    environment: Literal["prod", "staging", "dev", "sandbox", "unknown"] = "unknown"
    account_role: Literal["workload", "management", "log_archive", "tooling", "unknown"] = "unknown"
    protected: Known = Known.UNKNOWN
    break_glass: Known = Known.UNKNOWN
    own_part: bool = False
    known_automation: Known = Known.UNKNOWN
    audit_store: Known = Known.UNKNOWN
    """Yes if the registry lists the bucket as one."""
    intended_public: Known = Known.UNKNOWN
    """Yes if the registry lists the bucket as public on purpose."""
    never_block: bool = True
    """Whether the address overlaps a network that the registry trusts or never blocks."""


class Circumstances(Record):
    """What holds for a whole run when its facts are computed."""

    mode: Mode
    sandbox: bool
    now: Moment
    undone_before: bool
    """A person took back what an earlier run of the same incident did, and nobody has approved it again since."""


def facts_for(
    spec: ActionSpec,
    action: PlannedAction,
    *,
    plan: Plan,
    finding: Finding,
    evidence: Evidence,
    slots: Slots,
    standings: Standings,
    circumstances: Circumstances,
    approvals: Sequence[Approval] = (),
    wanted: Collection[str] = (),
    refused_before: Known = Known.UNKNOWN,
    predecessor_failed: bool = False,
) -> Facts:
    """The facts of one planned action. Call it again at execution with what is true then.

    `wanted` names the sources that this finding needs: one that did not answer counts as failed. `approvals` are those
    whose signature, digest and nonce were checked; here they are held against the action, the time and each other.
    """
    target = action.change.target
    if target.account == finding.account:
        standings = _placed(standings, evidence)
    slot = slot_of(slots, target)
    answers = [*evidence.answers.values()]
    standing = {answer.standing for answer in answers} | {fact.standing.value for fact in evidence.facts()}
    disposition, confidence = _cautious(plan)
    return Facts(
        **_about(spec, action.change, standings, circumstances),
        **_approved(action.id, approvals, circumstances.now),
        severity=finding.severity,
        confidence=confidence.rank,
        disposition=disposition.value,
        model_proposed=action.proposed_by_model,
        playbook_proposed=action.proposed_by_playbook,
        sample=finding.lifecycle.sample,
        target_verified=slot is not None and slot.verified,
        target_in_slots=slot is not None,
        overflow=bool(slots.overflow),
        evidence_failed="failed" in standing or not set(wanted) <= set(evidence.answers),
        evidence_not_yet="not_yet" in standing,
        protecting_tag=_protecting_tag(evidence, target),
        audit_store=_audit_store(evidence, target, standings),
        intended_public=_intended_public(evidence, target, standings),
        outside_readers=_outside_readers(evidence, target),
        shared_host=_shared_host(evidence, target),
        address_own=_address(evidence, target, "address.own"),
        address_proxied=_address(evidence, target, "address.proxied"),
        refused_before=refused_before,
        predecessor_failed=predecessor_failed,
        expired=False,
    )


def facts_for_undo(
    spec: ActionSpec,
    change: Change,
    action_id: str,
    *,
    standings: Standings,
    circumstances: Circumstances,
    target_verified: bool,
    protecting_tag: bool = False,
    severity: int = 0,
    approvals: Sequence[Approval] = (),
    expired: bool = False,
) -> Facts:
    """The facts of taking one action back: its own receipt says what it is about, and no model has a part in it."""
    bucket = change.target.kind is TargetKind.BUCKET
    return Facts(
        **_about(spec, change, standings, circumstances),
        **_approved(action_id, approvals, circumstances.now),
        direction="undo",
        severity=severity,
        confidence=0,
        disposition=Disposition.UNCERTAIN.value,
        model_proposed=False,
        playbook_proposed=False,
        sample=False,
        target_verified=target_verified,
        target_in_slots=True,
        overflow=False,
        evidence_failed=False,
        evidence_not_yet=False,
        protecting_tag=protecting_tag,
        audit_store=standings.audit_store if bucket else Known.NO,
        intended_public=standings.intended_public if bucket else Known.NO,
        outside_readers=Known.NO,
        shared_host=Known.NO,
        address_own=Known.NO,
        address_proxied=Known.NO,
        refused_before=Known.NO,
        predecessor_failed=False,
        expired=expired,
    )


def _placed(standings: Standings, evidence: Evidence) -> Standings:
    """Where the registry names no environment, the organisation's word. A management account is one, whoever says otherwise."""
    environment, management = (evidence.find(f"organization.{name}") for name in ("environment", "management"))
    update: dict[str, object] = {}
    if environment is not None and environment.value in _ENVIRONMENTS and standings.environment == "unknown":
        update["environment"] = environment.value
    if management is not None and management.value is True:
        update["account_role"] = "management"
    return Standings.model_validate(standings.model_dump() | update) if update else standings


class _About(TypedDict):
    action: str
    target_kind: str
    target_key: str
    mode: Mode
    sandbox: bool
    now: Moment
    reversal: str
    disruption: int
    environment: Literal["prod", "staging", "dev", "sandbox", "unknown"]
    account_role: Literal["workload", "management", "log_archive", "tooling", "unknown"]
    protected: Known
    break_glass: Known
    own_part: bool
    known_automation: Known
    address_version: Literal[0, 4, 6]
    prefix_length: int
    address_reserved: bool
    never_block: bool
    undone_before: bool


class _Approved(TypedDict):
    approvers: list[str]
    approver_roles: list[str]


def _about(spec: ActionSpec, change: Change, standings: Standings, circumstances: Circumstances) -> _About:
    block = _network(change.target)
    return {
        "action": spec.id,
        "target_kind": change.target.kind.value,
        "target_key": change.target.key,
        "mode": circumstances.mode,
        "sandbox": circumstances.sandbox,
        "now": circumstances.now,
        "reversal": spec.reversal.value,
        "disruption": spec.disruption.value,
        "environment": standings.environment,
        "account_role": standings.account_role,
        "protected": standings.protected,
        "break_glass": standings.break_glass,
        "own_part": standings.own_part,
        "known_automation": standings.known_automation,
        "address_version": (4 if block.version == 4 else 6) if block else 0,
        "prefix_length": block.prefixlen if block else 0,
        "address_reserved": block is not None and is_reserved(block),
        "never_block": block is not None and standings.never_block,
        "undone_before": circumstances.undone_before,
    }


def _approved(action_id: str, approvals: Sequence[Approval], now: Moment) -> _Approved:
    """Distinct people who approve this action and whose approval has not expired. Who also rejects it does not count."""
    given = [each for each in approvals if action_id in each.action_ids]
    valid = [each for each in given if each.at <= now + CLOCK_SKEW and now < each.expires_at]
    refusing = {each.by for each in valid if each.decision == "reject"}
    counted = [each for each in valid if each.by not in refusing]
    return {
        "approvers": sorted({each.by for each in counted}),
        "approver_roles": sorted({role for each in counted for role in each.role.split(", ") if role}),
    }


def _cautious(plan: Plan) -> tuple[Disposition, Confidence]:
    """The answer can lower what the playbook says of the same case, and never raise it."""
    confidence = min(plan.confidence, plan.playbook.confidence, key=lambda each: each.rank)
    agreed = plan.disposition is plan.playbook.disposition
    return plan.disposition if agreed else Disposition.UNCERTAIN, confidence


def _standing(evidence: Evidence, name: str, kind: TargetKind, target_id: str, account: str) -> Standing | bool | None:
    """The fact's boolean value if it is known, else how it stands; None if nobody asked. The worst counts, if several say.

    What is known to be something other than yes or no was not answered: it counts as failed.
    """
    said: list[Standing | bool] = []
    for fact in evidence.facts():
        about = fact.about
        if fact.name == name and about and (about.kind, about.id, about.account) == (kind, target_id, account):
            known = fact.value if isinstance(fact.value, bool) else Standing.FAILED
            said.append(known if fact.standing is Standing.KNOWN else fact.standing)
    order: list[Standing | bool] = [True, Standing.FAILED, Standing.NOT_YET, Standing.ABSENT, False]
    return next((each for each in order if each in said), None)


def _of(evidence: Evidence, name: str, target: Target) -> Standing | bool | None:
    return _standing(evidence, name, target.kind, target.id, target.account)


def _protecting_tag(evidence: Evidence, target: Target) -> bool:
    """Whether a tag asks to be left alone. A tag that could not be read asks too. A key is as protected as its user."""
    if target.kind in _UNTAGGED:
        return False
    if target.kind is TargetKind.ACCESS_KEY:
        if target.owner is None:
            return True
        said = _standing(evidence, "user.protecting_tag", TargetKind.USER, target.owner, target.account)
    else:
        said = _of(evidence, f"{target.kind.value}.protecting_tag", target)
    return said not in (False, Standing.ABSENT)


def _audit_store(evidence: Evidence, target: Target, standings: Standings) -> Known:
    if target.kind is not TargetKind.BUCKET:
        return Known.NO
    said = _of(evidence, "bucket.audit_store", target)
    if standings.audit_store is Known.YES or said is True:
        return Known.YES
    return Known.NO if said in (False, Standing.ABSENT) else Known.UNKNOWN


def _intended_public(evidence: Evidence, target: Target, standings: Standings) -> Known:
    if target.kind is not TargetKind.BUCKET:
        return Known.NO
    said = [_of(evidence, name, target) for name in ("bucket.website", "bucket.cloudfront")]
    front = _of(evidence, "bucket.distribution_breaks", target)  # nobody asks again of a run that began without it
    if standings.intended_public is Known.YES or True in (*said, front):
        return Known.YES
    settled = front in (None, False, Standing.ABSENT) and all(each in (False, Standing.ABSENT) for each in said)
    return Known.NO if settled else Known.UNKNOWN


_OUTSIDE = (
    "bucket.cross_account_readers", "bucket.external_principals", "bucket.access_point_readers",
    "bucket.reading_accounts",
)  # fmt: skip
"""Counts of other accounts, or of principals of them, that may read a bucket or do."""


def _network(target: Target) -> Network | None:
    """What an address target covers, an IPv4 one in IPv6's clothes as what it is."""
    return network(target.id) if target.kind is TargetKind.ADDRESS else None


def _known(said: Standing | bool | None) -> Known:
    """Absent is unknown here: where there are no logs, nobody has seen that an address is no proxy."""
    if said is True:
        return Known.YES
    return Known.NO if said is False else Known.UNKNOWN


def _outside_readers(evidence: Evidence, target: Target) -> Known:
    if target.kind is not TargetKind.BUCKET:
        return Known.NO
    found = [fact for fact in evidence.facts() if fact.name == "bucket.cross_account_readers" and fact.about == target]
    seen = [fact for fact in evidence.facts() if fact.name in _OUTSIDE and fact.about == target]
    if any(fact.standing is Standing.KNOWN and fact.value != 0 for fact in seen):
        return Known.YES
    settled = found and all(fact.standing is Standing.KNOWN for fact in found)
    return Known.NO if settled else Known.UNKNOWN


def _shared_host(evidence: Evidence, target: Target) -> Known:
    """Yes if it is any of them; no only if every question was answered with no."""
    if target.kind is not TargetKind.INSTANCE:
        return Known.NO
    names = ("instance.node", "instance.forwards", "instance.dns_server", "instance.managed")
    said = {_known(_of(evidence, name, target)) for name in names}
    return Known.YES if Known.YES in said else Known.UNKNOWN if Known.UNKNOWN in said else Known.NO


def _address(evidence: Evidence, target: Target, name: str) -> Known:
    return _known(_of(evidence, name, target)) if target.kind is TargetKind.ADDRESS else Known.NO
