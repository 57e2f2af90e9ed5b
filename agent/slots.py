"""The slot table: the only names that a model may use for a target, filled by code and in order."""

from collections.abc import Mapping, Sequence
from typing import Literal

from agent.evidence import Evidence
from agent.finding import Finding
from agent.plan import SLOT_NAMES, Slot, Slots
from agent.target import Target

Origin = Literal["finding", "evidence"]


def assign(
    finding: Finding, evidence: Evidence, verified: Mapping[str, bool], order: Sequence[int] | None = None
) -> Slots:
    """Fill `T01`..`T16` with the finding's targets and then those that evidence discovered; the rest is overflow.

    `verified` says by `Target.key` whether a live read found it; what it does not name is unverified. `order` is a
    permutation of the filled positions: the same targets under other names. Raises ValueError if it is none.
    """
    targets = _candidates(finding, evidence)
    first, overflow = targets[: len(SLOT_NAMES)], [target for target, _ in targets[len(SLOT_NAMES) :]]
    places = list(range(len(first))) if order is None else list(order)
    if sorted(places) != list(range(len(first))):
        raise ValueError(f"order is not a permutation of {len(first)} positions")
    filled = [
        Slot(
            name=name, target=first[place][0], origin=first[place][1], verified=verified.get(first[place][0].key, False)
        )
        for name, place in zip(SLOT_NAMES, places, strict=False)
    ]
    return Slots(filled=filled, overflow=overflow)


def slot_of(slots: Slots, target: Target) -> Slot | None:
    """The slot that holds this target, if one does. A target is the same by its key, whoever is said to own it."""
    return next((slot for slot in slots.filled if slot.target.key == target.key), None)


def _candidates(finding: Finding, evidence: Evidence) -> list[tuple[Target, Origin]]:
    """Each target once, the finding's first."""
    discovered = [target for _, answer in sorted(evidence.answers.items()) for target in answer.targets]
    read = {target.key: target for target in reversed(discovered)}
    found: dict[str, tuple[Target, Origin]] = {}
    for target in finding.targets:
        # Who owns it is believed from AWS before it is believed from a finding; which user of its name it is, never from a name.
        kept = read.get(target.key, target).model_copy(update={"unique_id": target.unique_id})
        found.setdefault(target.key, (kept, "finding"))
    for target in discovered:
        found.setdefault(target.key, (target, "evidence"))
    return list(found.values())
