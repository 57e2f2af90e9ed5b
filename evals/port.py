"""The port through which an exam puts an event to the service, and the options it is put with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import JsonValue

from agent.record import Record
from agent.report import Report
from agent.verdict import Mode

if TYPE_CHECKING:
    from tools.sandbox.world import World

DEFAULT_WORKER = "evals.worker:build"
"""The factory of the worker that a run uses, as `module:function` with no parameters."""

PLAYBOOK = "playbook"


class Options(Record):
    """How one event is worked."""

    mode: Mode = Mode.OBSERVE
    model: str = PLAYBOOK
    """`playbook`, or a Bedrock model or inference profile id."""
    samples_as_real: bool = False
    """Whether sample findings are worked like others. In the sandbox only."""
    approve: Literal["approve", "reject"] | None = None
    """What the scripted approver answers to every request; None: nobody answers."""
    drops: list[str] = []
    """What an approval leaves out: each an action and its target's id, with a space between."""
    seed: int = 0
    trial: int = 1
    """Which of several tries of the same event this is, from 1."""
    attack: str = ""
    """The name of an attack to make on the event, its world or its model; empty: none."""
    watch: list[str] = []
    """Ids of things in the world to look at before and after, through AWS's public API."""
    record: Path | None = None
    """A folder for cassettes of what the model says."""
    replay: Path | None = None
    """A folder of cassettes: no model is asked, and a prompt that is not there fails the item."""


class CassetteMissed(Exception):
    """No cassette holds this prompt: `reason` is one line, `difference` says how the nearest recorded prompt differs."""

    def __init__(self, reason: str, difference: str) -> None:
        super().__init__(f"{reason}\n{difference}" if difference else reason)
        self.reason = reason
        self.difference = difference


@dataclass(frozen=True)
class Work:
    """What came of one event."""

    reports: list[Report]
    """One a finding, in the event's order."""
    asked: list[list[str]] = field(default_factory=list)
    """Of each report: the policies that asked, before anybody answered."""
    changed: list[str] = field(default_factory=list)
    """The watched ids of which AWS now answers otherwise than before."""
    nodes: dict[str, float] = field(default_factory=dict)
    """Seconds in each node of the graph, over all findings of the event."""


class Worker(Protocol):
    """Works one event in a world of its own, with a fresh ledger. One worker per process, because a world is one per process."""

    def work(self, event: JsonValue, world: "World | None", options: Options) -> Work:
        """Work it. World None: it is made from the finding."""
        ...
