"""Working an event in the events function; loads the graph."""

from agent.event import Event
from agent.report import Report
from graphs.came import Came
from graphs.entrypoints.deployed import deployed
from graphs.entrypoints.log import note
from tools.ledger import Busy, LostLease


def worked(event: Event) -> list[Came]:
    """What came of each finding; a run that comes to its first write is passed on."""
    function = deployed("events")
    arrived = [(came, function.passed_on(came)) for came in function.runs.arrive(event)]
    # a run that was handed over and is gone by now was ended by somebody else
    came = [first if after is None else after for first, after in arrived]
    note(one for one in came if isinstance(one, Report))
    return came


def done_with(event: Event) -> bool:
    """Whether a delivery need not come again. It must while another process works one of its runs, which may yet die."""
    try:
        return not any(isinstance(came, Busy) for came in worked(event))
    except LostLease:
        return False
