"""What a ledger keeps for people to see: cards that they were told of, and deliveries that are parked."""

from agent.record import Moment, Record


class Ask(Record):
    """One run's request on a card: exactly that request, and no later one of the run."""

    run_id: str
    digest: str


class Card(Record):
    """Requests of several runs that are shown together, and what was shown stays so. A message of closings or of ends, which
    asks nothing, is kept alike."""

    id: str
    """Made from what it holds: another content is another card."""
    control: str
    """The type of the findings, as their service calls it."""
    owner: str
    """Whose account they are in, or its number."""
    asks: list[Ask]
    closed: list[str] = []
    """Runs whose finding was closed as benign,"""
    opened: list[str] = []
    """and those whose closing was taken back since."""
    at: Moment
    """When people were told of it."""


class Parked(Record):
    """A delivery that cannot be worked, kept as it came until a person looks at it."""

    id: str
    """Made from the delivery itself, so that the same one is parked once."""
    reason: str
    """Plain, printable, and with nothing of the delivery but a bounded excerpt."""
    body: str
    """The delivery, verbatim."""
    receives: int = 1
    at: Moment
