"""Effects: who claimed each, what it came to, what stands, who still needs it, and what was made for them."""

import json
from datetime import datetime
from typing import Literal

from agent.plan import Change
from agent.receipt import MAY_STAND, Outcome, Receipt
from agent.record import iso
from tools.ledger.claims import Claim, Claimed, Held, Unsettled
from tools.ledger.decisions import ClaimRow, held, on_claim
from tools.ledger.dynamo import places
from tools.ledger.dynamo.attributes import LARGEST, Expected, Is, Item, Key, Write, packed, unpacked
from tools.ledger.dynamo.kept import Kept, leased
from tools.ledger.dynamo.table import Moved

_LARGEST_CHANGE = LARGEST - 50 * 1024
"""What may be claimed is smaller than what may be recorded: a receipt is its change and what came of it."""
_UNFINISHED = ("open", "partial")
_HELD = (*_UNFINISHED, "standing")


class Effects(Kept):
    """The part of the ledger that says what may be done, and what was done."""

    def claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim | Held:
        return self._table.again(lambda: self._claim(run_id, fence, change, now))

    def _claim(self, run_id: str, fence: int, change: Change, now: datetime) -> Claim | Held:
        key = places.claim(change.key)
        found = _claim_row(self._table.get(key))
        free = found is None or not found.unfinished or found.run_id == run_id
        other = None if found is None or free else self._place(found.run_id)
        held_by = None if other is None else self._table.get(other.row)
        ended = held_by is not None and "status" in held_by
        decision = on_claim(found, run_id, ended=ended)
        writes = [self._beat(run_id, fence, now)]
        if isinstance(decision, Claim) and decision.first:
            writes.append(_claiming(run_id, key, found, change, now, sent=decision.sent))
            if other is not None:
                writes.append(Write("ConditionCheck", other.row, {"status": Is.THERE}))
        if self._fenced(run_id, *writes):
            raise Moved
        return decision

    def claimed(self, change: Change) -> Claimed | None:
        found = self._table.get(places.claim(change.key))
        if found is None:
            return None
        place = self._place(found["run_id"])
        row = None if place is None else self._table.get(place.row)
        return Claimed(
            run_id=found["run_id"],
            state=found["state"],
            sent=found["sent"],
            ended=row is not None and "status" in row,
            change=Change.model_validate_json(unpacked(found["change"])),
        )

    def sending(self, run_id: str, fence: int, change: Change, now: datetime) -> None:
        beat = self._beat(run_id, fence, now)
        sent = Write("Update", places.claim(change.key), {"run_id": run_id}, {"sent": 1})
        if self._fenced(run_id, beat, sent):
            self._fenced(run_id, beat)

    def lapsed(self, change: Change) -> str | None:
        key = places.claim(change.key)

        def attempt() -> str | None:
            found = _claim_row(self._table.get(key))
            if found is None or found.state != "standing":
                return None
            if self._table.write(_falling(key, {"run_id": found.run_id, "state": "standing"}, "lapsed")):
                raise Moved
            return found.run_id

        return self._table.again(attempt)

    def release(self, run_id: str, change: Change) -> None:
        self._table.write(Write("Delete", places.claim(change.key), {"run_id": run_id, "state": _UNFINISHED}))

    def record(self, receipt: Receipt, fence: int) -> None:
        run_id, kind = receipt.run_id, "undo" if receipt.undo_of else "do"
        kept = packed(receipt.model_dump_json(), f"the receipt of {receipt.action_id} of {run_id}")
        values: Item = {
            "action_id": receipt.action_id, "kind": kind, "effect": receipt.change.key, "receipt": kept,
        }  # fmt: skip
        leased = Write("ConditionCheck", self._leased(run_id).row, {"fence": fence})
        written = Write("Put", places.receipt(run_id, receipt.action_id, kind), values=values)
        if kind == "undo" or receipt.outcome not in MAY_STAND:
            self._fenced(run_id, leased, written)
        elif self._fenced(run_id, leased, written, _standing(receipt)):
            # the effect is not claimed by this run, or nothing was sent for it: the receipt is kept, and nothing stands
            self._fenced(run_id, leased, written)

    def receipts(self, run_id: str) -> list[Receipt]:
        found = list(self._table.query(places.run(run_id), "RECEIPT#"))
        ordered = sorted(found, key=lambda each: (each["action_id"], each["kind"]))
        return [Receipt.model_validate_json(unpacked(each["receipt"])) for each in ordered]

    def standing(self, *, lapsed: bool = False) -> list[Receipt]:
        names, states = [places.STANDING], {"standing", "partial"}
        if lapsed:
            names, states = [*names, places.LAPSED], states | {"lapsed"}
        listed = [each for name in names for each in self._table.listed(name)]
        found = self._table.many(key for each in listed for key in (_key(each), *_receipts(each)))
        claims = [found[_key(each)] for each in listed if _key(each) in found]
        kept = [
            (claim["claimed_at"], found[key]["action_id"], found[key]["receipt"])
            for claim in claims
            if claim["state"] in states
            for key in _receipts(claim)
            if key in found and places.effect(found[key]["effect"]) == claim["PK"]
        ]
        return [Receipt.model_validate_json(unpacked(receipt)) for _, _, receipt in sorted(kept)]

    def unsettled(self, now: datetime) -> list[Unsettled]:
        keys = [_key(each) for each in self._table.listed(places.OPEN)]
        claims = [each for each in self._table.many(keys).values() if each["state"] == "open" and each["sent"]]
        places_ = {run: place.row for run in {each["run_id"] for each in claims} if (place := self._place(run))}
        rows = self._table.many(places_.values())
        dead = {run for run, row in places_.items() if row in rows and not held(leased(rows[row]), now, self._alive)}
        found = [
            (each["claimed_at"], each["PK"], each["run_id"], unpacked(each["change"]))
            for each in claims
            if each["run_id"] in dead
        ]
        return [
            Unsettled.model_validate({"run_id": run, "change": json.loads(change), "at": at})
            for at, _, run, change in sorted(found)
        ]

    def undone(self, run_id: str, receipt: Receipt, state: Literal["undone", "lapsed"]) -> None:
        self._table.write(_falling(places.claim(receipt.change.key), {"run_id": run_id}, state))

    def need(self, run_id: str, change: Change, until: datetime) -> None:
        needed: Item = {"run_id": run_id, "until": iso(until)}
        self._table.write(Write("Put", places.need(change.key, run_id), values=needed))

    def needed(self, change: Change, now: datetime) -> list[str]:
        found = self._table.query(places.effect(change.key), "NEED#")
        return sorted(each["run_id"] for each in found if each["until"] > iso(now))

    def unneeded(self, run_id: str, change: Change) -> None:
        self._table.write(Write("Delete", places.need(change.key, run_id)))

    def keep_made(self, place: str, resource: str) -> None:
        self._table.write(Write("Put", places.made(place, resource), values={"resource": resource}))

    def made(self, place: str) -> list[str]:
        return sorted(each["resource"] for each in self._table.query(places.made_in(place)))


def _claim_row(found: Item | None) -> ClaimRow | None:
    return None if found is None else ClaimRow(run_id=found["run_id"], state=found["state"], sent=found["sent"])


def _claiming(run_id: str, key: Key, found: ClaimRow | None, change: Change, now: datetime, *, sent: bool) -> Write:
    """The claim written, unless somebody else touched what was found."""
    same: dict[str, Expected] = (
        {"run_id": None} if found is None else {"run_id": found.run_id, "state": found.state, "sent": int(found.sent)}
    )
    values: Item = {
        "run_id": run_id, "state": "open", "sent": int(sent), "claimed_at": iso(now), "listed_at": iso(now),
        "listed": places.OPEN,
        "change": packed(change.model_dump_json(), f"the change {change.action} of {run_id}", _LARGEST_CHANGE),
    }  # fmt: skip
    return Write("Put", key, same, values)


def _standing(receipt: Receipt) -> Write:
    """The claim stands, if it is this run's, or stands in part; it is listed under the actions whose receipts say so."""
    whole = receipt.outcome is Outcome.DONE
    mine: dict[str, Expected] = {"run_id": receipt.run_id}
    mine |= {"state": _HELD} if whole else {"state": _UNFINISHED, "sent": 1}
    values: Item = {"state": "standing" if whole else "partial", "listed": places.STANDING}
    return Write(
        "Update", places.claim(receipt.change.key), mine, values, added={"actions": frozenset({receipt.action_id})}
    )


def _falling(key: Key, when: dict[str, Expected], state: str) -> Write:
    """The claim stands no longer. One that lapsed is listed as such: something of it may still be there."""
    if state == "lapsed":
        return Write("Update", key, when, {"state": state, "listed": places.LAPSED})
    return Write("Update", key, when, {"state": state}, ("listed",))


def _key(found: Item) -> Key:
    return Key(found["PK"], found["SK"])


def _receipts(claim: Item) -> list[Key]:
    """Where the receipts are of the run that made what stands."""
    return [places.receipt(claim["run_id"], action_id, "do") for action_id in sorted(claim["actions"])]
