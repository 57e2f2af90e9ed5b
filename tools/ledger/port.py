"""What any ledger promises, whichever database keeps it."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, Protocol

from agent.plan import Change
from agent.receipt import Receipt
from agent.record import JsonObject, Moment, Record
from agent.report import Report, Status
from agent.verdict import Approval, Refused, Request

SANDBOX_RUN = "sbx-"
"""How the id of a run in the embedded AWS begins, so that it is never taken for a real one."""


def run_id_for(incident: str, generation: int, *, sandbox: bool = False) -> str:
    """The id of the run that works this incident in this generation: the same wherever it is computed."""
    return (SANDBOX_RUN if sandbox else "run-") + hashlib.sha256(f"{incident}#{generation}".encode()).hexdigest()[:12]


class LostLease(RuntimeError):
    """Another process works this run now: stop at once, write nothing."""


class TooLarge(ValueError):
    """What should be kept does not fit, however it is packed: nothing was written."""


class Unavailable(RuntimeError):
    """The ledger's database gave no answer, or will not serve us: what is known is unknown now, so go no further."""


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


class Ledger(Protocol):
    """Every method is one transaction. Times come from the caller's clock.

    Any may raise Unavailable; one that keeps something may raise TooLarge.
    """

    def open(
        self, incident: str, version: str, body: JsonObject, mode: str, holder: str, now: datetime, case: str = ""
    ) -> Opened | Duplicate | Busy:
        """Lease the incident's run; a new one is listed with those of its case.

        A dead run is taken over; a final one opens a new generation if the version is new,
        its containment is partial or unverified, or was undone or lapsed, or if it only observed and this delivery's mode
        does not; otherwise the delivery is a duplicate."""
        ...

    def heartbeat(self, run_id: str, fence: int, now: datetime) -> None:
        """Say that the holder is alive. Raises LostLease."""
        ...

    def close(self, run_id: str, fence: int, report: Report, now: datetime) -> None:
        """Keep the report, whose status may be a waiting one, and let the lease go. Raises LostLease."""
        ...

    def hand_over(self, run_id: str, fence: int, now: datetime, checkpoint: str = "") -> None:
        """Leave a run before its first write, for whoever makes writes: it goes on from that checkpoint, and nobody holds it.

        Raises LostLease.
        """
        ...

    def amend(self, report: Report, now: datetime) -> None:
        """Replace the report of a run that nobody works: it was undone, or its containment lapsed."""
        ...

    def reopen(self, run_id: str, holder: str, now: datetime) -> Opened | Busy | None:
        """Lease a run that waits or is dead. None: there is no such run."""
        ...

    def idle(self, now: datetime) -> list[RunRow]:
        """The runs that have not ended, do not wait, and are held by nobody alive: handed over, or of a dead process."""
        ...

    def kin(self, case: str, since: datetime) -> list[Kin]:
        """The runs of the case that were opened since then, the oldest first."""
        ...

    def renew(self, run_id: str, body: JsonObject, holder: str, now: datetime, case: str = "") -> Opened | None:
        """Lease the next generation of an ended run's incident, for a later look; version and mode stay, the body is given.

        None: the run is not the incident's latest, or has not ended. So a run is renewed once.
        """
        ...

    def claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim | Held:
        """Claim an effect before its first call, keeping the state before. Raises LostLease.

        A claim that a run left open or partial when it ended is free: whoever comes next reads the state before it writes.
        """
        ...

    def claimed(self, change: Change) -> Claimed | None:
        """Who claimed the effect last. None: nobody, or it was given back."""
        ...

    def sending(self, run_id: str, fence: int, change: Change, now: datetime) -> None:
        """Say that a write for the claimed effect leaves now. Raises LostLease."""
        ...

    def lapsed(self, change: Change) -> str | None:
        """Say that an effect that stood does not hold any more, so that it may be claimed anew. The run that made it."""
        ...

    def release(self, run_id: str, change: Change) -> None:
        """Give back a claim under which nothing was written."""
        ...

    def record(self, receipt: Receipt, fence: int) -> None:
        """Keep a receipt; a done one stands until it is undone or lapses, and so does a partial or unsure one, as far as a
        write for it left. Raises LostLease."""
        ...

    def receipts(self, run_id: str) -> list[Receipt]:
        """The receipts of a run, in the order of its actions."""
        ...

    def standing(self, *, lapsed: bool = False) -> list[Receipt]:
        """Every containment that stands, in part too; with `lapsed` also those that hold no more and were never taken back."""
        ...

    def unsettled(self, now: datetime) -> list[Unsettled]:
        """The claims of dead and ended runs under which a write left and no outcome was kept, the oldest first."""
        ...

    def undone(self, run_id: str, receipt: Receipt, state: Literal["undone", "lapsed"]) -> None:
        """Say that a containment stands no longer; the effect may be claimed again, by a new generation."""
        ...

    def need(self, run_id: str, change: Change, until: datetime) -> None:
        """Say that a run needs a time-boxed effect until then, whoever put it in place."""
        ...

    def needed(self, change: Change, now: datetime) -> list[str]:
        """The runs that still need the effect."""
        ...

    def unneeded(self, run_id: str, change: Change) -> None:
        """Say that a run needs the effect no longer."""
        ...

    def ask(self, request: Request, now: datetime, checkpoint: str = "") -> None:
        """Keep a request, in place of an earlier one of the same run, with the checkpoint that the run waits at."""
        ...

    def waits_at(self, run_id: str) -> str:
        """The checkpoint that a run was left at, to wait or for another function: it may not go on from an earlier one."""
        ...

    def request(self, run_id: str) -> Request | None:
        """The request that a run waits on."""
        ...

    def answer(self, approval: Approval, refused: Sequence[Refused] = ()) -> bool:
        """Keep an answer, with what it says no to. False: that nonce was used before, and nothing is kept."""
        ...

    def refused(self, keys: Collection[str]) -> dict[str, Refused]:
        """What people refused last, by those keys: until somebody accepts it."""
        ...

    def accept(self, refused: Sequence[Refused]) -> None:
        """Forget exactly these refusals: somebody approved what they say no to. A newer one stays."""
        ...

    def answers(self, run_id: str, digest: str) -> list[Approval]:
        """The answers to exactly that request, the oldest first."""
        ...

    def consume(self, approval: Approval, run_id: str) -> bool:
        """Use an approval, once: True for the run and digest that it was given for, and for no other."""
        ...

    def keep_made(self, place: str, resource: str) -> None:
        """Say that we made a resource there that later runs may use again. It stays so."""
        ...

    def made(self, place: str) -> list[str]:
        """The ids of what we made there, sorted."""
        ...

    def runs(self, since: datetime | None = None) -> list[RunRow]:
        """All runs that were opened, ended or amended since then, the newest first."""
        ...

    def run(self, run_id: str) -> RunRow | None:
        """One run."""
        ...

    def latest(self, incident: str) -> RunRow | None:
        """The newest run of an incident. None: it has none."""
        ...

    def report(self, run_id: str) -> Report | None:
        """The last report of a run."""
        ...

    def body(self, run_id: str) -> JsonObject | None:
        """The event that opened the run, verbatim."""
        ...

    def first_start(self, now: datetime) -> datetime:
        """When this was first asked of the ledger, or its first run was opened if that is earlier: kept once for all."""
        ...

    def show(self, card: Card) -> None:
        """Keep a card that people were told of."""
        ...

    def cards(self, since: datetime) -> list[Card]:
        """The cards that people were told of since then, the oldest first."""
        ...

    def park(self, parked: Parked) -> None:
        """Keep a delivery that cannot be worked, in place of an earlier one with its id."""
        ...

    def parked(self) -> list[Parked]:
        """What is parked, oldest first."""
        ...

    def unpark(self, parked_id: str) -> Parked | None:
        """Take a parked delivery out. None: there is no such one."""
        ...
