"""What came of a run in one process: its report, or where it goes on."""

from agent.record import JsonObject, Record
from agent.report import Report
from tools.ledger import Busy


class HandedOver(Record):
    """The run has come to its first write, and waits for the function that makes writes."""

    run_id: str


class Sent(Record):
    """The run was sent to another function; if that is lost, the clock finds it in the ledger."""

    run_id: str
    function: str


Came = Report | HandedOver | Sent | Busy


def said(came: Came | None, run_id: str) -> JsonObject:
    """The same as JSON. None: there is no such run, or nothing is left to do."""
    if isinstance(came, Report):
        report: JsonObject = came.model_dump(mode="json")
        return report
    if isinstance(came, Busy):
        return {"run_id": came.run_id, "busy": came.holder}
    if came is None:
        return {"run_id": run_id, "nothing_to_do": True}
    return {"run_id": came.run_id, "handed_over": True}
