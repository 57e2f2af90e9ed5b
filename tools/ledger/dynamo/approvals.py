"""Requests, the answers to them, and each answer used once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from agent.record import iso
from agent.verdict import Approval, Refused, Request
from tools.ledger.dynamo import places
from tools.ledger.dynamo.attributes import Is, Item, Key, Write, packed, unpacked
from tools.ledger.dynamo.kept import Kept
from tools.ledger.dynamo.runs import answers_to
from tools.ledger.dynamo.table import Moved
from tools.ledger.shown import Card


class Approvals(Kept):
    """The part of the ledger that says who was asked, and what they said."""

    def ask(self, request: Request, now: datetime, checkpoint: str = "") -> None:
        values: Item = {
            "digest": request.digest, "asked_at": iso(now),
            "request": packed(request.model_dump_json(), f"the request of {request.run_id}"),
        }  # fmt: skip
        place = self._asked_at(request.run_id)
        asked = Write("Put", place.request, values=values)
        if self._table.write(Write("Update", place.row, {"run_id": Is.THERE}, {"checkpoint": checkpoint}), asked):
            self._table.write(asked)

    def request(self, run_id: str) -> Request | None:
        found = self._table.get(self._asked_at(run_id).request)
        return None if found is None else Request.model_validate_json(unpacked(found["request"]))

    def waits_at(self, run_id: str) -> str:
        found = self._table.get(self._asked_at(run_id).row)
        return "" if found is None else str(found.get("checkpoint", ""))

    def show(self, card: Card) -> None:
        kept: Item = {"card": packed(card.model_dump_json(), f"the card {card.id}")}
        self._table.write(Write("Put", Key(places.CARDS, f"{iso(card.at)}#{card.id}"), values=kept))

    def cards(self, since: datetime) -> list[Card]:
        found: list[Card] = []
        for each in self._table.query(places.CARDS, newest_first=True):
            if str(each["SK"]).partition("#")[0] < iso(since):
                break
            found.append(Card.model_validate_json(unpacked(each["card"])))
        return found[::-1]

    def answer(self, approval: Approval, refused: Sequence[Refused] = ()) -> bool:
        """The nonce is kept beside the answer: it is used once in the whole table, and so is what it is for."""
        about: Item = {"run_id": approval.run_id, "digest": approval.digest}
        kept: Item = about | {"approval": packed(approval.model_dump_json(), f"the answer {approval.nonce}")}
        place = self._asked_at(approval.run_id)
        used = Write("Put", places.nonce(approval.nonce), {"run_id": None}, about)
        no = [Write("Put", places.refused(each.key), values={"refused": each.model_dump_json()}) for each in refused]
        return not self._table.write(used, Write("Put", place.answer(approval.nonce), values=kept), *no)

    def refused(self, keys: Collection[str]) -> dict[str, Refused]:
        found = self._table.many(map(places.refused, sorted(keys))).values()
        refused = [Refused.model_validate_json(each["refused"]) for each in found]
        return {each.key: each for each in refused}

    def accept(self, refused: Sequence[Refused]) -> None:
        for each in refused:
            self._table.write(Write("Delete", places.refused(each.key), {"refused": each.model_dump_json()}))

    def answers(self, run_id: str, digest: str) -> list[Approval]:
        place = self._asked_at(run_id)
        return answers_to(digest, list(self._table.query(place.partition, place.answers)))

    def consume(self, approval: Approval, run_id: str) -> bool:
        use = f"{run_id}:{approval.digest}"
        key = places.nonce(approval.nonce)

        def attempt() -> bool:
            found = self._table.get(key)
            if found is None or "consumed_by" in found:
                return found is not None and found["consumed_by"] == use
            if (found["run_id"], found["digest"]) != (run_id, approval.digest):
                return False
            if self._table.write(Write("Update", key, {"run_id": run_id, "consumed_by": None}, {"consumed_by": use})):
                raise Moved
            return True

        return self._table.again(attempt)
