"""The port through which an exam puts an event to the service, and the options it is put with."""

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import JsonValue

from agent.record import Record
from agent.report import Report
from agent.verdict import Mode

if TYPE_CHECKING:
    from tools.sandbox.world import World

DEFAULT_WORKER = "evals.worker:build"
"""The factory of the worker that a run uses, as `module:function` with no parameters."""


class Options(Record):
    """How one event is worked."""

    mode: Mode = Mode.OBSERVE
    model: str = "playbook"
    """`playbook`, or a Bedrock model or inference profile id."""
    samples_as_real: bool = False
    """Whether sample findings are worked like others. In the sandbox only."""
    approve: Literal["approve", "reject"] | None = None
    """What the scripted approver answers to every request; None: nobody answers."""
    seed: int = 0


class Worker(Protocol):
    """Works one event in a world of its own, with a fresh ledger. One worker per process, because a world is one per process."""

    def work(self, event: JsonValue, world: "World | None", options: Options) -> list[Report]:
        """One report per finding in the event, in the event's order. World None: it is made from the finding."""
        ...
