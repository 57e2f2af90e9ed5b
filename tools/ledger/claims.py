"""Claims on effects: whose an effect is to make, and how far whoever claimed it is."""

from typing import Literal

from agent.plan import Change
from agent.record import Moment, Record


class Claim(Record):
    """The effect is ours to make."""

    first: bool
    """Whether this is the first time that this run asks."""
    sent: bool = False
    """Whether a write for it may have left before and was never taken back: then what is found done is our doing."""
    taken_over: str = ""
    """The run that left it so, when that is another one."""


class Held(Record):
    """Another run has claimed the same effect."""

    run_id: str
    state: Literal["open", "standing"]


class Claimed(Record):
    """How far the run that claimed an effect last is with it."""

    run_id: str
    state: Literal["open", "partial", "standing", "lapsed", "undone"]
    """`partial`: some of it is in place, or may be. `lapsed`: it does not hold, and some of it may still be there."""
    sent: bool
    ended: bool
    """Whether the run has ended, or waits."""
    change: Change
    """As it was claimed."""

    @property
    def left(self) -> bool:
        """Whether something of it may be in place that nobody has taken back, and nobody is making it now."""
        return self.sent and (self.state in ("standing", "lapsed") or (self.state != "undone" and self.ended))


class Unsettled(Record):
    """A claim under which a write left, and of which nobody kept what it came to; nobody alive works its run."""

    run_id: str
    change: Change
    """As it was claimed."""
    at: Moment
    """When it was claimed."""
