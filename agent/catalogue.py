"""What the service can do, as data: the catalogue that `tools` makes and `agent` reads."""

from enum import IntEnum, StrEnum
from typing import Annotated, Self

from pydantic import Field

from agent.record import Record
from agent.target import TargetKind


class Reversal(StrEnum):
    """The way back that an action declares. There is no third kind: such an action does not exist."""

    EXACT = "exact"
    FORWARD_ONLY = "forward_only"


class Disruption(IntEnum):
    """What an action may break for those who are not the attacker."""

    NONE = 0
    """Nothing that runs notices (a snapshot, a tag)."""
    ONE_PRINCIPAL = 1
    """One user, key or session stops working."""
    ONE_RESOURCE = 2
    """One instance, bucket or function stops serving somebody."""
    SHARED = 3
    """Others who share the resource feel it."""


class LeftOpen(Record):
    """Something that an action leaves open as long as none of the others that would close it stands."""

    text: str
    closed_by: frozenset[str]
    """Actions that close it, about the same resource, or about the user whose key it is."""


class ActionSpec(Record):
    """One action as the agent knows it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)+$")]
    """`service_verb_object`, the name of its module."""
    target: TargetKind
    order: int
    """Actions of one plan run in this order; unique in the catalogue."""
    reversal: Reversal
    disruption: Disruption
    summary: str
    """What it does, in one line for a card: `Deactivate the access key.`"""
    disrupts: str
    """Who may feel it, in one line."""
    leaves_open: list[str | LeftOpen] = []
    """What an attacker may still do afterwards."""
    opens_again: str = ""
    """What is open again once this was taken back; `{target}` stands for the id of what it was about."""
    follows: list[str] = []
    """Actions that, if they are in the plan about the same resource, must have run before this one."""
    per_run: bool = False
    """Whether its state names the run, so that every run does it anew. That alone is no reason to act."""
    time_boxed: bool = False
    """Whether it ends by itself: the sweep takes it back when its time is over and no other run needs it."""
    offered: bool = True
    """Whether a model may choose it. Telling Security Hub is ours alone."""
    closes: bool = False
    """Whether it closes the finding rather than stopping something: to policy a group of its own."""


class Catalogue(Record):
    """All actions, in the order in which they run."""

    actions: list[ActionSpec]

    @classmethod
    def of(cls, specs: list[ActionSpec]) -> Self:
        """Build a catalogue; the order is the actions' own."""
        return cls(actions=sorted(specs, key=lambda spec: spec.order))

    def get(self, action: str) -> ActionSpec | None:
        """The action of that id."""
        return next((spec for spec in self.actions if spec.id == action), None)

    @property
    def offered(self) -> list[ActionSpec]:
        """The actions that a model may choose."""
        return [spec for spec in self.actions if spec.offered]
