"""Building the case: all that a model or the playbook may know of a finding, masked and in one order."""

import re

from agent.evidence import Evidence, Fact, Standing
from agent.finding import Finding
from agent.masking import Masker, visible
from agent.plan import Case, CaseFact, CaseTarget, CaseText, Slot, Slots
from agent.slots import slot_of

EXCERPTS = 12
"""Excerpts of logs that a case shows, each capped as masking caps a text."""

_TYPE = re.compile(
    r"(?!.*(\d{8}|AKIA|ASIA))"
    r"(?:[A-Z][A-Za-z]{2,30}:[A-Za-z0-9]{2,30}/[A-Za-z0-9&]{2,60}(?:[.!:][A-Za-z0-9]{1,60}){0,4}"
    r"|CloudTrail:[A-Z][A-Za-z]{2,60}|CloudWatch:Alarm|Shield:DDoSDetected"
    r"|[A-Z][A-Za-z0-9]{1,20}\.\d{1,3}|AWS_[A-Z]{1,20}(?:_[A-Z]{1,20}){0,5})",
    re.ASCII,
)
"""Types as GuardDuty and Macie, Security Hub's controls and Health name them. Any other may be somebody's prose."""
_WORD = re.compile(r"[A-Z]{1,20}(_[A-Z]{1,20}){0,4}|[a-z]{1,20}(_[a-z]{1,20}){0,4}")


def build(finding: Finding, evidence: Evidence, slots: Slots, masker: Masker) -> Case:
    """The case of a finding. Other slots for the same targets change the slot names in it, and nothing else."""
    account = masker.account(finding.account)
    _name_all(finding, evidence, slots, masker)
    return Case(
        finding_type=finding.type if _TYPE.fullmatch(finding.type) else masker.text(finding.type),
        situation=finding.situation.value,
        severity=finding.severity,
        origin=finding.origin.value,
        account=account,
        targets=[_target(slot, masker) for slot in slots.filled],
        overflow=len(slots.overflow),
        facts=[_fact(fact, slots, masker) for fact in _in_order(evidence)],
        texts=_texts(finding, evidence, masker),
    )


def evidence_ids(cites: list[str], slots: Slots) -> list[str]:
    """What an answer cites, as ids of evidence: `key.active@T01` becomes `key.active@` and the key of the target."""
    named = [cite.partition("@") for cite in cites]
    found = [(name, slots.get(slot) if slot else None) for name, _, slot in named]
    return [name if slot is None else f"{name}@{slot.target.key}" for name, slot in found]


def cite(fact: CaseFact) -> str:
    """What an answer writes to cite this fact."""
    return fact.name if fact.slot is None else f"{fact.name}@{fact.slot}"


def _name_all(finding: Finding, evidence: Evidence, slots: Slots, masker: Masker) -> None:
    """Number every name before any text is read, the finding's own first; the slots' order does not matter."""
    abouts = [fact.about for fact in evidence.facts() if fact.about is not None]
    held = [slot.target for slot in slots.filled]
    others = sorted([*held, *slots.overflow, *finding.remote_addresses, *abouts], key=lambda target: target.key)
    own = {target.key for target in finding.targets}
    for target in sorted(others, key=lambda target: target.key not in own):
        masker.target(target)
        masker.owner(target)


def _target(slot: Slot, masker: Masker) -> CaseTarget:
    return CaseTarget(
        slot=slot.name,
        kind=slot.target.kind,
        name=masker.target(slot.target),
        owner=masker.owner(slot.target),
        verified=slot.verified,
        origin=slot.origin,
        temporary=slot.target.temporary,
    )


def _in_order(evidence: Evidence) -> list[Fact]:
    """Facts by name and then by what they are about: an order that no slot has a part in."""
    return sorted(evidence.facts(), key=lambda fact: (fact.name, fact.about.key if fact.about else "", fact.source))


def _fact(fact: Fact, slots: Slots, masker: Masker) -> CaseFact:
    slot = slot_of(slots, fact.about) if fact.about else None
    return CaseFact(
        name=fact.name,
        slot=slot.name if slot else None,
        standing=fact.standing.value,
        value=_value(fact, masker) if fact.standing is Standing.KNOWN else None,
        about=masker.target(fact.about) if fact.about and slot is None else None,
    )


def _value(fact: Fact, masker: Masker) -> bool | int | str | None:
    """Words that code chose stay as they are, whatever a user or a bucket is called; any other string is masked."""
    if isinstance(fact.value, str) and not _WORD.fullmatch(fact.value):
        return masker.text(fact.value)
    return fact.value


def _texts(finding: Finding, evidence: Evidence, masker: Masker) -> list[CaseText]:
    written = [("title", finding.title), ("description", finding.description)]
    excerpts = [excerpt for _, answer in sorted(evidence.answers.items()) for excerpt in answer.excerpts]
    written += [(f"{excerpt.source}: {excerpt.label}", excerpt.text) for excerpt in excerpts[:EXCERPTS]]
    return [CaseText(label=visible(label)[:120], text=masker.text(text.text)) for label, text in written if text.text]
