"""What any ledger promises, whichever database keeps it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal, Protocol

from agent.plan import Change
from agent.receipt import Receipt
from agent.record import JsonObject
from agent.report import Report
from agent.verdict import Approval, Refused, Request
from tools.ledger.claims import Claim, Claimed, Held, Unsettled
from tools.ledger.runs import Busy, Duplicate, Kin, Opened, RunRow
from tools.ledger.shown import Card, Parked


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
