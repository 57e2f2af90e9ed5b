"""What a ledger decides from what it finds: pure, and the same whichever database keeps it."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from agent.event import without_sending
from agent.intake.moments import moment
from agent.record import Record
from agent.report import Status
from agent.verdict import Mode
from tools.ledger.claims import Claim, Held
from tools.ledger.runs import Busy, Duplicate, RunRow

STALE_SECONDS = 60.0
"""A holder that was silent for so long is dead."""

REOPENS = {Status.UNDONE, Status.LAPSED, Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED}
"""What did not wholly succeed, or does not stand any more: delivered again, it is worked again, but for what a person left so."""


class LeasedRow(RunRow):
    """A run's row with its lease."""

    holder: str | None = None
    beat_at: float
    """When the holder was last heard of, in seconds since 1970."""
    by_choice: bool = False
    """Whether what it left undone is what a person refused: `Report.left_by_choice`."""


class Anew(Record):
    """Open a new run of the incident, in this generation."""

    generation: int


class Lease(Record):
    """Take the run, with this fence."""

    fence: int


class ClaimRow(Record):
    """Who claimed an effect, and how far it is."""

    run_id: str
    state: Literal["open", "partial", "standing", "undone", "lapsed"]
    sent: bool

    @property
    def unfinished(self) -> bool:
        """Whether the effect is being made, or was left before all of it was made."""
        return self.state in ("open", "partial")


def on_delivery(
    found: LeasedRow | None, version: str, mode: str, holder: str, now: datetime, alive: Callable[[str], bool]
) -> Anew | Lease | Busy | Duplicate:
    """What a delivery comes to, from the newest run of its incident."""
    if found is None:
        return Anew(generation=0)
    if found.status is None:
        return on_reopening(found, holder, now, alive)
    waiting = found.status is Status.AWAITING_APPROVAL
    only_seen = found.mode == Mode.OBSERVE and mode != Mode.OBSERVE
    unfinished = found.status in REOPENS and not found.by_choice
    if not waiting and (unfinished or _is_new(version, found.version) or only_seen):
        return Anew(generation=found.generation + 1)
    return Duplicate(
        run_id=found.run_id,
        status=found.status,
        newer=waiting and is_later(without_sending(version), without_sending(found.version)),
    )


def _is_new(version: str, than: str) -> bool:
    """Whether it is another version; what a person sent and its service repeats unsent is none."""
    return version != than and version != without_sending(than)


def is_later(version: str, than: str) -> bool:
    """Whether one version of a finding comes after another; of two that are no moments, whether they differ."""
    new, old = moment(version), moment(than)
    return version != than if new is None or old is None else new > old


def on_reopening(found: LeasedRow, holder: str, now: datetime, alive: Callable[[str], bool]) -> Lease | Busy:
    """Whether the run may be taken: its holder let go, is us, was silent too long, or is known to be dead."""
    if found.holder and found.holder != holder and held(found, now, alive):
        return Busy(run_id=found.run_id, holder=found.holder)
    return Lease(fence=found.fence + 1)


def held(found: LeasedRow, now: datetime, alive: Callable[[str], bool]) -> bool:
    """Whether somebody alive works the run."""
    fresh = now.timestamp() - found.beat_at < STALE_SECONDS
    return bool(found.holder) and fresh and alive(found.holder or "")


def on_renewal(newest: LeasedRow | None, run_id: str) -> Anew | None:
    """The next generation, if the run is its incident's newest and has ended."""
    ended = newest is not None and newest.status not in (None, Status.AWAITING_APPROVAL)
    return Anew(generation=newest.generation + 1) if newest is not None and ended and newest.run_id == run_id else None


def on_claim(found: ClaimRow | None, run_id: str, *, ended: bool) -> Claim | Held:
    """Whether the effect is ours to make; `first` if the claim is to be written. `ended`: the run that holds it has ended."""
    if found is None or found.state == "undone":
        return Claim(first=True)
    mine = found.run_id == run_id
    if mine and found.state != "lapsed":
        return Claim(first=False, sent=found.sent)
    if found.state == "lapsed" or (found.unfinished and ended):
        return Claim(first=True, sent=found.sent, taken_over=found.run_id if found.sent and not mine else "")
    return Held(run_id=found.run_id, state="open" if found.unfinished else "standing")
