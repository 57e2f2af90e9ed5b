"""Runs, their leases and their reports."""

import json
from datetime import datetime

from agent.record import JsonObject, iso
from agent.report import Report, Status
from agent.verdict import Approval, Request
from tools.ledger.decisions import Anew, Lease, LeasedRow, held, on_delivery, on_renewal, on_reopening
from tools.ledger.dynamo import places
from tools.ledger.dynamo.attributes import Expected, Is, Item, Key, Write, unpacked
from tools.ledger.dynamo.kept import Kept, leased
from tools.ledger.dynamo.places import Place
from tools.ledger.dynamo.table import Moved
from tools.ledger.runs import Busy, Duplicate, Kin, Opened, RunRow, run_id_for

_AT_ONCE = 20
"""Items that a delivery reads at once: the newest run with its request and answers is rarely more."""


class RunRows(Kept):
    """The part of the ledger that says who works what, and how it ended."""

    def open(
        self, incident: str, version: str, body: JsonObject, mode: str, holder: str, now: datetime, case: str = ""
    ) -> Opened | Duplicate | Busy:
        def attempt() -> Opened | Duplicate | Busy:
            newest = self._newest_of(places.incident(incident))
            row = leased(newest[0]) if newest else None
            decision = on_delivery(row, version, mode, holder, now, self._alive)
            if isinstance(decision, Anew):
                return self._insert(_row(incident, version, decision.generation, mode, holder, now), body, row, case)
            if isinstance(decision, Lease):
                return self._take(leased(newest[0]), decision.fence, holder, now)
            return _asked(decision, newest) if isinstance(decision, Duplicate) else decision

        return self._table.again(attempt)

    def _newest_of(self, partition: str) -> list[Item]:
        """The newest run's items, its row first: in one request, unless there are very many answers."""
        found: list[Item] = []
        for each in self._table.query(partition, newest_first=True, page=_AT_ONCE):
            if found and _generation(each) != _generation(found[0]):
                break
            found.append(each)
        return found

    def _insert(self, opening: Item, body: JsonObject, before: LeasedRow | None, case: str) -> Opened:
        """A new run, unless somebody opened it meanwhile, or works the one before."""
        run_id, generation = str(opening["run_id"]), int(opening["generation"])
        place = Place(places.incident(str(opening["incident"])), generation)
        where: Item = {"partition": place.partition, "generation": place.generation}
        writes = [
            Write("Put", place.row, {"run_id": None}, opening),
            Write("Put", places.place(run_id), values=where),
            *self._text(places.run(run_id), "BODY", json.dumps(body), f"the event of {run_id}"),
        ]
        if case:
            writes.append(Write("Put", places.kin(case, str(opening["opened_at"]), run_id), values={"run_id": run_id}))
        if before is not None:
            earlier = Place(place.partition, before.generation).row
            writes.append(Write("ConditionCheck", earlier, _unchanged(before)))
        if self._table.write(*writes):
            raise Moved
        self._remember(run_id, place)
        return Opened(run_id=run_id, generation=generation, fence=1, resumed=False)

    def _take(self, row: LeasedRow, fence: int, holder: str, now: datetime) -> Opened:
        values: Item = {"holder": holder, "fence": fence, "beat_at": now.timestamp(), "listed": places.WORKED}
        place = Place(places.incident(row.incident), row.generation)
        if self._table.write(Write("Update", place.row, _unchanged(row), values, ("status",))):
            raise Moved
        self._remember(row.run_id, place)
        return Opened(run_id=row.run_id, generation=row.generation, fence=fence, resumed=True)

    def reopen(self, run_id: str, holder: str, now: datetime) -> Opened | Busy | None:
        def attempt() -> Opened | Busy | None:
            found = self._row(run_id)
            if found is None:
                return None
            row = leased(found)
            decision = on_reopening(row, holder, now, self._alive)
            return self._take(row, decision.fence, holder, now) if isinstance(decision, Lease) else decision

        return self._table.again(attempt)

    def heartbeat(self, run_id: str, fence: int, now: datetime) -> None:
        self._fenced(run_id, self._beat(run_id, fence, now))

    def close(self, run_id: str, fence: int, report: Report, now: datetime) -> None:
        ended = Write("Update", self._leased(run_id).row, {"fence": fence}, _ended(report, now), ("holder",))
        self._fenced(run_id, ended, *self._said(report))

    def amend(self, report: Report, now: datetime) -> None:
        place = self._place(report.run_id)
        if place is not None:
            amended = Write("Update", place.row, {"run_id": Is.THERE, "holder": None}, _ended(report, now))
            self._table.write(amended, *self._said(report))

    def _said(self, report: Report) -> list[Write]:
        text, what = report.model_dump_json(), f"the report of {report.run_id}"
        return self._text(places.run(report.run_id), "REPORT", text, what)

    def hand_over(self, run_id: str, fence: int, now: datetime, checkpoint: str = "") -> None:
        left: Item = {"handed_over": 1, "checkpoint": checkpoint, "updated_at": iso(now), "listed_at": iso(now)}
        self._fenced(run_id, Write("Update", self._leased(run_id).row, {"fence": fence}, left, ("holder",)))

    def idle(self, now: datetime) -> list[RunRow]:
        keys = [Key(each["PK"], each["SK"]) for each in self._table.listed(places.WORKED)]
        rows = map(leased, self._table.many(keys).values())
        idle = [row for row in rows if row.status is None and not held(row, now, self._alive)]
        return [
            RunRow.model_validate(row.model_dump(include=set(RunRow.model_fields)))
            for row in sorted(idle, key=lambda row: (row.updated_at, row.run_id))
        ]

    def kin(self, case: str, since: datetime) -> list[Kin]:
        found: list[Kin] = []
        for each in self._table.query(places.case(case), newest_first=True, page=_AT_ONCE):
            at = str(each["SK"]).partition("#")[0]
            if at < iso(since):
                break
            found.append(Kin.model_validate({"run_id": each["run_id"], "at": at}))
        return found[::-1]

    def renew(self, run_id: str, body: JsonObject, holder: str, now: datetime, case: str = "") -> Opened | None:
        def attempt() -> Opened | None:
            place = self._place(run_id)
            newest = [] if place is None else self._newest_of(place.partition)
            row = leased(newest[0]) if newest else None
            decision = on_renewal(row, run_id)
            if decision is None or row is None:
                return None
            opening = _row(row.incident, row.version, decision.generation, row.mode, holder, now)
            return self._insert(opening, body, row, case)

        return self._table.again(attempt)

    def runs(self, since: datetime | None = None) -> list[RunRow]:
        after = "" if since is None else iso(since)
        found = [*self._table.listed(places.WORKED), *self._table.listed(places.RUNS, after)]
        listed = {each["run_id"]: each for each in found if each["updated_at"] >= after}
        rows = list(map(_run_row, listed.values()))
        return sorted(sorted(rows, key=lambda row: row.run_id), key=lambda row: row.updated_at, reverse=True)

    def first_start(self, now: datetime) -> datetime:
        def attempt() -> datetime:
            found = self._table.get(places.FIRST_START)
            if found is not None:
                return datetime.fromisoformat(found["at"])
            first = min([now, *(row.opened_at for row in self.runs())])
            if self._table.write(Write("Put", places.FIRST_START, {"at": None}, {"at": iso(first)})):
                raise Moved
            return datetime.fromisoformat(iso(first))

        return self._table.again(attempt)

    def run(self, run_id: str) -> RunRow | None:
        found = self._row(run_id)
        return None if found is None else _run_row(found)

    def latest(self, incident: str) -> RunRow | None:
        newest = next(self._table.query(places.incident(incident), newest_first=True, page=1), None)
        return None if newest is None else _run_row(newest)

    def report(self, run_id: str) -> Report | None:
        text = self._read(places.run(run_id), "REPORT")
        return None if text is None else Report.model_validate_json(text)

    def body(self, run_id: str) -> JsonObject | None:
        text = self._read(places.run(run_id), "BODY")
        body: JsonObject | None = None if text is None else json.loads(text)
        return body

    def _row(self, run_id: str) -> Item | None:
        place = self._place(run_id)
        return None if place is None else self._table.get(place.row)


def _row(incident: str, version: str, generation: int, mode: str, holder: str, now: datetime) -> Item:
    """The row of a new run. Without a status it is being worked."""
    return {
        "run_id": run_id_for(incident, generation), "incident": incident, "version": version, "generation": generation,
        "mode": mode, "holder": holder, "fence": 1, "beat_at": now.timestamp(), "opened_at": iso(now),
        "updated_at": iso(now), "listed": places.WORKED, "listed_at": iso(now),
    }  # fmt: skip


def _ended(report: Report, now: datetime) -> Item:
    return {
        "status": report.status.value, "by_choice": int(report.left_by_choice), "updated_at": iso(now),
        "listed": places.RUNS, "listed_at": iso(now),
    }  # fmt: skip


def _unchanged(row: LeasedRow) -> dict[str, Expected]:
    """That nobody took, closed, amended or beat for the run since it was read."""
    status = None if row.status is None else row.status.value
    return {"fence": row.fence, "holder": row.holder, "beat_at": row.beat_at, "status": status}


def _run_row(found: Item) -> RunRow:
    return RunRow.model_validate({"status": None} | {k: v for k, v in found.items() if k in RunRow.model_fields})


def _generation(found: Item) -> str:
    return str(found["SK"]).partition("#")[0]


def _asked(found: Duplicate, newest: list[Item]) -> Duplicate:
    """With the request and the answers that it waits on, if it waits."""
    requests = [each for each in newest if "request" in each]
    if found.status is not Status.AWAITING_APPROVAL or not requests:
        return found
    request = Request.model_validate_json(unpacked(requests[0]["request"]))
    return found.model_copy(update={"request": request, "answers": answers_to(request.digest, newest)})


def answers_to(digest: str, found: list[Item]) -> list[Approval]:
    """The answers among the items that are to exactly that request, the oldest first."""
    answers = [each for each in found if "approval" in each and each["digest"] == digest]
    kept = [Approval.model_validate_json(unpacked(each["approval"])) for each in answers]
    return sorted(kept, key=lambda approval: (approval.at, approval.nonce))
