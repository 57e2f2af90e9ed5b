"""What we did: the state before, the calls, the state after, how it was verified and how to take it back."""

from enum import StrEnum
from typing import Literal

from agent.plan import Change
from agent.record import JsonObject, Moment, Record


class Outcome(StrEnum):
    """How one action ended."""

    DONE = "done"
    ALREADY = "already"
    """The desired state was there before we came: nothing to do, nothing to undo."""
    DRIFTED = "drifted"
    """The state was neither what was planned for nor what is wanted: nothing was written."""
    PARTIAL = "partial"
    UNSURE = "unsure"
    """A write may have taken effect, of this run or of one before it, and nothing that was read says whether."""
    FAILED = "failed"
    UNDONE = "undone"
    LET_GO = "let_go"
    """It does not read as we left it, and a person said that it is not ours any more: nothing was written."""


MAY_STAND = (Outcome.DONE, Outcome.PARTIAL, Outcome.UNSURE)
"""Outcomes that leave something to take back."""


class Verification(Record):
    """What reading back showed. `observed`: tried, and refused. `by_configuration`: the setting reads as wanted."""

    how: Literal["observed", "by_configuration", "unverified"]
    detail: str
    at: Moment
    found: JsonObject = {}
    """The fields that read otherwise, without secrets."""
    gone: bool = False
    """AWS said that what was changed is not there any more."""

    @property
    def otherwise(self) -> bool:
        """Whether it was read that what was put is there no more: not where nobody could tell, nor where it has no effect."""
        return self.gone or bool(self.found)

    @property
    def holds(self) -> bool:
        """Whether containment may be said."""
        return self.how != "unverified"


class Call(Record):
    """One AWS call that changed something, or tried to."""

    operation: str
    """Like `iam:UpdateAccessKey`."""
    request_id: str = ""
    error: str = ""


class Drifted(Record):
    """Why an action or an undo stopped: the world is not what the change says."""

    what: str
    found: JsonObject


class Executed(Record):
    """What `execute` or `undo` of an action returns."""

    outcome: Literal["done", "already", "partial"]
    calls: list[Call] = []
    detail: str = ""
    made: list[str] = []
    """The ids of what it made and a later run may use as it is."""


class Receipt(Record):
    """One action, done or not, with everything that proves and reverses it."""

    run_id: str
    action_id: str
    change: Change
    outcome: Outcome
    calls: list[Call] = []
    detail: str = ""
    at: Moment
    generation: int = 0
    made: list[str] = []
    """The ids of what it made and a later run may use as it is."""
    verification: Verification | None = None
    found: JsonObject = {}
    """Where an undo stopped at drift: the fields that read otherwise, without secrets."""
    undo_of: str | None = None
