"""The runs of a ledger: their ids, what opening one comes to, and how a listing shows them."""

import hashlib

from agent.record import Moment, Record
from agent.report import Status
from agent.verdict import Approval, Request

SANDBOX_RUN = "sbx-"
"""How the id of a run in the embedded AWS begins, so that it is never taken for a real one."""


def run_id_for(incident: str, generation: int, *, sandbox: bool = False) -> str:
    """The id of the run that works this incident in this generation: the same wherever it is computed."""
    return (SANDBOX_RUN if sandbox else "run-") + hashlib.sha256(f"{incident}#{generation}".encode()).hexdigest()[:12]


class Opened(Record):
    """The run is ours to work, from the start or from where a dead process left it."""

    run_id: str
    generation: int
    fence: int
    """Grows with each holder. A write of the ledger with an older fence is refused."""
    resumed: bool


class Duplicate(Record):
    """The delivery says nothing new: its run is final or waits for somebody."""

    run_id: str
    status: Status
    request: Request | None = None
    """What it waits for, if it waits,"""
    answers: list[Approval] = []
    """and the answers to that so far: read at once, so that a delivery that says nothing new costs one read."""
    newer: bool = False
    """Whether it waits, and the delivery is of a later version of the finding than the one that it asks about."""


class Busy(Record):
    """The run is being worked by a process that is alive."""

    run_id: str
    holder: str


class RunRow(Record):
    """One run as a listing shows it."""

    run_id: str
    incident: str
    version: str
    generation: int
    status: Status | None
    """None while it is being worked."""
    mode: str
    fence: int = 0
    handed_over: bool = False
    """Whether it was left before its first write, for the function that makes writes."""
    opened_at: Moment
    updated_at: Moment


def earlier(run: RunRow) -> list[str]:
    """The ids of the runs of the same incident before this one, the last first."""
    sandbox = run.run_id.startswith(SANDBOX_RUN)
    return [run_id_for(run.incident, generation, sandbox=sandbox) for generation in reversed(range(run.generation))]


def next_after(run: RunRow) -> str:
    """The id of the run of the same incident after this one, which somebody may have opened."""
    return run_id_for(run.incident, run.generation + 1, sandbox=run.run_id.startswith(SANDBOX_RUN))


class Kin(Record):
    """A run of a case: of the findings about one principal or resource."""

    run_id: str
    at: Moment
    """When it was opened."""
