"""The graph's state, slot by slot, and the slice that each node takes and returns."""

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from agent.event import Event
from agent.evidence import Answered
from agent.finding import Finding, Refusal
from agent.plan import Plan, Slots
from agent.receipt import Receipt
from agent.record import Record
from agent.report import Report
from agent.verdict import Approval, Mode, Refused, Request, Verdict
from graphs.once import Checked

V = TypeVar("V")

Calls = dict[str, dict[str, int]]
"""AWS calls by phase and operation, as one task made them."""


def merged(old: dict[str, V], new: dict[str, V]) -> dict[str, V]:
    """Reducer: merge by key, the newer value wins. Running a task twice changes nothing twice. Raises ValueError."""
    if not isinstance(new, dict):  # typed by a person in Studio
        raise ValueError("evidence, verdicts, decisions, receipts and calls are objects, merged by key")
    return {**old, **new}


class Context(Record):
    """What a run is told from outside, JSON only."""

    mode: Mode = Mode.OBSERVE
    fence: int = 0


class Decision(Record):
    """What came back from the approval."""

    kind: Literal["answered", "rejected", "expired"]
    approvals: list[Approval] = []
    reason: str = ""
    refused: dict[str, Refused] = {}
    """What somebody refused and nobody approved, by the action's id."""
    digest: str


class Slice(BaseModel):
    """A slice of the state: what one node sees, or makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Arrived(Slice):
    """The input of a run: an event, and which of its findings this run works."""

    event: Checked[Event]
    position: int = 0
    run_id: str = ""


class State(Arrived):
    """All slots."""

    finding: Checked[Finding] | None = None
    refusal: Checked[Refusal] | None = None
    evidence: Annotated[dict[str, Checked[Answered]], merged] = {}
    slots: Checked[Slots] | None = None
    plan: Checked[Plan] | None = None
    verdicts: Annotated[dict[str, Checked[Verdict]], merged] = {}
    request: Checked[Request] | None = None
    decisions: Annotated[dict[str, Checked[Decision]], merged] = {}
    receipts: Annotated[dict[str, Checked[Receipt]], merged] = {}
    calls: Annotated[dict[str, Calls], merged] = {}
    report: Checked[Report] | None = None


class Taken(Slice):
    """What intake makes."""

    run_id: str
    finding: Checked[Finding] | None = None
    refusal: Checked[Refusal] | None = None
    evidence: dict[str, Checked[Answered]] = {}
    calls: dict[str, Calls] = {}


class Asking(Slice):
    """What one evidence task sees."""

    run_id: str
    finding: Checked[Finding]
    source: str


class Seen(Slice):
    """What one evidence task makes."""

    evidence: dict[str, Checked[Answered]]
    calls: dict[str, Calls] = {}


class Investigated(Slice):
    """What propose sees."""

    run_id: str
    finding: Checked[Finding]
    evidence: dict[str, Checked[Answered]]


class Proposed(Slice):
    """What propose makes."""

    slots: Checked[Slots]
    plan: Checked[Plan]
    evidence: dict[str, Checked[Answered]] | None = None
    """Where a case file is kept: that the reads of planning are in it. None costs no write of a checkpoint."""
    calls: dict[str, Calls] = {}


class Planned(Slice):
    """What judge, execute and verify see."""

    run_id: str
    finding: Checked[Finding]
    evidence: dict[str, Checked[Answered]]
    slots: Checked[Slots]
    plan: Checked[Plan]
    verdicts: dict[str, Checked[Verdict]] = {}
    request: Checked[Request] | None = None
    decisions: dict[str, Checked[Decision]] = {}
    receipts: dict[str, Checked[Receipt]] = {}


class Judged(Slice):
    """What judge makes. The plan is made anew only where the world drifted while somebody was asked."""

    plan: Checked[Plan]
    verdicts: dict[str, Checked[Verdict]]
    request: Checked[Request] | None
    evidence: dict[str, Checked[Answered]] | None = None
    """Where a case file is kept: that the reads of planning again are in it."""
    calls: dict[str, Calls] = {}


class Waiting(Slice):
    """What approve sees."""

    run_id: str
    finding: Checked[Finding]
    request: Checked[Request]
    plan: Checked[Plan]
    verdicts: dict[str, Checked[Verdict]]


class Decided(Slice):
    """What approve makes."""

    decisions: dict[str, Checked[Decision]]


class Acted(Slice):
    """What execute and verify make."""

    receipts: dict[str, Checked[Receipt]]
    verdicts: dict[str, Checked[Verdict]] = {}
    evidence: dict[str, Checked[Answered]] | None = None
    """Where a case file is kept: that what was asked of AWS to act, or to read back, is in it."""
    calls: dict[str, Calls] = {}


class Told(Slice):
    """What report makes."""

    report: Checked[Report]
    calls: dict[str, Calls] = {}
