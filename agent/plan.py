"""What we would do and why: the case that is shown, the answer that comes back, the plan that code makes of it."""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from agent.catalogue import LeftOpen
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind

SLOT_NAMES = [f"T{number:02d}" for number in range(1, 17)]
"""The only names a model may use for a target. Fixed for ever: the wire schema does not change with a finding."""

NONE_SLOT = "NONE"


class Slot(Record):
    """A target under the name that the model may use."""

    name: Annotated[str, Field(pattern=r"^T(0[1-9]|1[0-6])$")]
    target: Target
    origin: Literal["finding", "evidence"]
    verified: bool = False
    """Whether a live read of AWS found it, in the account and Region that the finding says."""


class Slots(Record):
    """The filled slots, in order, and what did not fit."""

    filled: list[Slot] = []
    overflow: list[Target] = []
    unconfirmed: dict[str, Literal["gone", "foreign", "another", "failed"]] = {}
    """By `Target.key`: what the live read said of a slot that is not verified."""

    def get(self, name: str) -> Slot | None:
        """The slot of that name, if it is filled."""
        return next((slot for slot in self.filled if slot.name == name), None)


class CaseTarget(Record):
    """A slot as the case shows it: its kind and safe attributes, with its name masked."""

    slot: str
    kind: TargetKind
    name: str
    """A pseudonym such as `«KEY1.5f2a»`; equal things have equal pseudonyms."""
    owner: str | None = None
    verified: bool
    origin: Literal["finding", "evidence"] = "finding"
    """Whether the finding itself is about it, or a service named it as related."""
    temporary: bool = False
    """Whether it is a temporary access key, which nobody can deactivate."""


class CaseFact(Record):
    """A fact as the case shows it."""

    name: str
    slot: str | None
    standing: Literal["known", "absent", "not_yet", "failed"]
    value: bool | int | str | None = None
    about: str | None = None
    """The pseudonym of what it is about, where that has no slot (an address)."""


class CaseText(Record):
    """Text that somebody else wrote: masked, capped, and never an instruction."""

    label: str
    text: str


class CaseAction(Record):
    """An action that may be chosen."""

    id: str
    target: TargetKind
    summary: str
    disrupts: str


class Case(Record):
    """All that whoever answers may know: the model and the playbook read this and nothing else."""

    finding_type: str
    situation: str
    severity: int
    origin: str
    account: str
    """A pseudonym."""
    targets: list[CaseTarget]
    overflow: int = 0
    facts: list[CaseFact]
    texts: list[CaseText] = []

    def canonical(self) -> str:
        """The bytes that are the prompt's variable part: sorted keys, no spaces, ASCII only."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)

    def fact(self, name: str, slot: str | None = None) -> CaseFact | None:
        """The fact of that name, about that slot if one is given."""
        for fact in self.facts:
            if fact.name == name and (slot is None or fact.slot == slot):
                return fact
        return None


class Disposition(StrEnum):
    """What the answer takes the finding to be."""

    TRUE_POSITIVE = "true_positive"
    BENIGN = "benign"
    UNCERTAIN = "uncertain"


class Confidence(StrEnum):
    """How sure the answer is, in bands."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low to 2 for high."""
        return list(Confidence).index(self)


class Proposal(Record):
    """One action on one slot, as the wire carries it."""

    action: str
    slot: str


class Answer(Record):
    """What a model or the playbook said, after the wire's schema was checked."""

    disposition: Disposition
    confidence: Confidence
    proposals: list[Proposal] = []
    rationale: str = ""
    """Prose for people. It decides nothing."""
    cites: list[str] = []
    """Names of facts in the case that the answer rests on."""


class Effect(Record):
    """One thing that others would feel."""

    what: str
    count: int | None = None
    """None: the words say it all, also that it could not be measured."""

    @property
    def line(self) -> str:
        """What a card shows: `Active access keys stop working: 2`."""
        return self.what if self.count is None else f"{self.what.rstrip('.')}: {self.count}"


class Change(Record):
    """What one action would change on one target. Alone enough to verify and to undo it elsewhere."""

    action: str
    target: Target
    params: JsonObject = {}
    before: JsonObject
    """Only the fields that this action writes, as the API answered them; a field that was not there is null."""
    after: JsonObject
    notes: JsonObject = {}
    """What verifying may use. No part of what is approved, and no drift if it is another the next time."""
    blast_radius: list[Effect] = []
    leaves_open: list[str | LeftOpen] = []

    @property
    def felt(self) -> list[str]:
        """What others would feel, in lines: what was counted and is not there is nothing that anybody feels."""
        lines = [effect.line for effect in self.blast_radius if effect.count != 0]
        return lines or (["Nobody: nothing that was counted is there."] if self.blast_radius else [])

    @property
    def needed(self) -> bool:
        """Whether anything would change at all."""
        return self.before != self.after

    @property
    def key(self) -> str:
        """The identity of the effect: account, Region, resource, kind and desired state, whatever finding wants it."""
        return digest_of({"target": self.target.key, "action": self.action, "after": self.after})[:32]


class Inapplicable(Record):
    """Why an action cannot be planned on a target: gone, another kind, a service's own; or need not be, as it is so already.

    `contained`: nobody wanted it of this run, and another run's stands on what the finding is about.
    """

    action: str
    target: Target | None
    reason: Literal[
        "not_in_catalogue",
        "empty_slot",
        "wrong_kind",
        "gone",
        "unverified_target",
        "not_supported",
        "read_failed",
        "already_so",
        "contained",
        "not_benign",
    ]
    detail: str = ""
    found: JsonObject = {}
    """The fields of the target that stood in the way, as AWS answered them."""
    by: list[str] = []
    """The runs of ours whose effect, which stands, makes it so already."""


class PlannedAction(Record):
    """A proposal that became a change."""

    id: str
    """`A1`, `A2`, … in the order of execution."""
    slot: str
    change: Change
    proposed_by_model: bool
    proposed_by_playbook: bool
    again: bool = False
    """Whether it was so already when the plan was made, and no more when somebody answered."""


class Plan(Record):
    """The disposition, the actions and why."""

    disposition: Disposition
    confidence: Confidence
    rationale: str
    cites: list[str]
    answered_by: str
    """Who really answered: a model id, `playbook`, or `playbook over sandbox Converse`."""
    fallback_reason: str | None = None
    playbook: Answer
    """What the playbook said of the same case, independently."""
    actions: list[PlannedAction] = []
    dropped: list[Inapplicable] = []
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


def digest_of(value: object) -> str:
    """SHA-256 over canonical JSON: what approvals are bound to."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
