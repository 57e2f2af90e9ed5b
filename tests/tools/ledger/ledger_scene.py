"""What the ledger's tests share: both databases, records to keep, and a clock that a test sets."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from agent.plan import Change, PlannedAction
from agent.receipt import Outcome, Receipt
from agent.report import Report, Status
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Approval, Mode, Need, Refused, Request
from tools.ledger import Busy, Duplicate, Ledger, LostLease, Opened, SqliteLedger
from tools.ledger.dynamo import DynamoLedger
from tools.ledger.tables import LEDGER, create
from tools.sandbox.engine import Sandbox

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOOLING, REGION = "444455556666", "eu-west-1"
KINDS = ["sqlite", "dynamodb"]
Deed = Callable[[Ledger], object]
_NAMES = itertools.count(1)


def later(**much: float) -> datetime:
    return NOW + timedelta(**much)


@dataclass
class Database:
    """One database, and ledgers on it: each call of `ledger` is another process's."""

    kind: str
    folder: Path
    sandbox: Sandbox | None = None
    table: str = field(default_factory=lambda: f"ledger-{next(_NAMES)}")

    def ledger(self, alive: Callable[[str], bool] = lambda _: True) -> Ledger:
        if self.sandbox is None:
            return SqliteLedger(self.folder / f"{self.table}.sqlite", alive, durable=False)
        return DynamoLedger(self.client, self.table, alive, pause=lambda _: None)

    @property
    def client(self) -> Any:
        assert self.sandbox is not None
        return self.sandbox.client("dynamodb", TOOLING, REGION)


def database(kind: str, folder: Path) -> Database:
    """A new, empty database: a file, or a table in an embedded AWS of its own."""
    if kind == "sqlite":
        return Database(kind, folder)
    return another(Database(kind, folder, Sandbox.fresh(7, NOW)))


def another(beside: Database) -> Database:
    """A further empty database in the same place."""
    made = Database(beside.kind, beside.folder, beside.sandbox)
    if made.sandbox is not None:
        create(made.client, LEDGER, made.table)
    return made


def opened(ledger: Ledger, incident: str = "incident", holder: str = "first", now: datetime = NOW) -> Opened:
    """A run of an incident of its own, leased."""
    made = ledger.open(incident, "1", {"of": incident}, "auto", holder, now)
    assert isinstance(made, Opened), made
    return made


def deliver(ledger: Ledger, version: str = "1", holder: str = "second", after: float = 1) -> Opened | Duplicate | Busy:
    """Deliver the incident to another process, so many seconds later."""
    return ledger.open("incident", version, {"again": version}, "observe", holder, later(seconds=after))


def noise(size: int) -> str:
    """Letters that hardly pack."""
    letters = [chr(number) for number in range(33, 127)]
    return "".join(random.Random(size).choices(letters, k=size))  # noqa: S311 - no secret


def change(user: str = "ann") -> Change:
    target = Target(kind=TargetKind.USER, id=user, account="111122223333", region=GLOBAL)
    return Change(action="iam_deny_user", target=target, before={"denied": False}, after={"denied": True})


def receipt(
    run: Opened, made: Change, action_id: str = "A1", outcome: Outcome = Outcome.DONE, undo_of: str | None = None
) -> Receipt:
    return Receipt(run_id=run.run_id, action_id=action_id, change=made, outcome=outcome, at=NOW, undo_of=undo_of)


def report(run: Opened | str, status: Status = Status.CONTAINED, reason: str = "so it is") -> Report:
    run_id = run if isinstance(run, str) else run.run_id
    return Report(
        run_id=run_id, status=status, reason=reason, mode=Mode.AUTO, sandbox=False, event_digest="0" * 64,
        started_at=NOW, ended_at=NOW,
    )  # fmt: skip


def request(run: Opened | str, digest: str = "digest") -> Request:
    run_id = run if isinstance(run, str) else run.run_id
    action = PlannedAction(
        id="A1", slot="T01", change=change(), proposed_by_model=True, proposed_by_playbook=True
    )  # fmt: skip
    return Request(
        run_id=run_id, digest=digest, actions=[action], needs=[Need(count=1)], created_at=NOW, expires_at=later(hours=1)
    )


def approval(
    run: Opened | str, nonce: str = "nonce-1", digest: str = "digest", *, at: datetime = NOW,
    decision: Literal["approve", "reject"] = "approve",
) -> Approval:  # fmt: skip
    run_id = run if isinstance(run, str) else run.run_id
    return Approval(
        run_id=run_id, digest=digest, decision=decision, action_ids=["A1"], by="rosa", at=at,
        expires_at=later(hours=1), nonce=nonce,
    )  # fmt: skip


def no(nonce: str = "nonce-1", *, at: datetime = NOW, user: str = "ann") -> Refused:
    """A person's no to denying the user."""
    target = change(user).target.key
    return Refused(action="iam_deny_user", target=target, run_id="run-0", by="rosa", reason=f"said in {nonce}", at=at)


def contained(ledger: Ledger, incident: str = "incident", made: Change | None = None, now: datetime = NOW) -> Opened:
    """A run that did one thing, and ended."""
    run, made = opened(ledger, incident, now=now), made or change()
    ledger.claim(run.run_id, run.fence, made, now)
    ledger.sending(run.run_id, run.fence, made, now)
    ledger.record(receipt(run, made), run.fence)
    ledger.close(run.run_id, run.fence, report(run), now)
    return run


def waiting(ledger: Ledger, incident: str = "incident", checkpoint: str = "") -> Opened:
    """A run that asked somebody, and let go."""
    run = opened(ledger, incident)
    ledger.ask(request(run), NOW, checkpoint)
    ledger.close(run.run_id, run.fence, report(run, Status.AWAITING_APPROVAL), NOW)
    return run


def result(deed: Deed, ledger: Ledger) -> object:
    """What came of it."""
    try:
        return deed(ledger)
    except LostLease:
        return "lost"
