"""What the ledger asks of DynamoDB: how often, with which permissions, and what becomes of requests that fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ledger_scene import (
    NOW,
    Database,
    approval,
    change,
    contained,
    database,
    deliver,
    later,
    no,
    noise,
    opened,
    receipt,
    report,
    request,
    waiting,
)

from agent.receipt import Outcome
from agent.report import Status
from tools.ledger import Busy, Claim, Duplicate, Ledger, Opened, TooLarge, Unavailable
from tools.ledger.dynamo import DynamoLedger
from tools.ledger.tables import CHECKPOINTS, LEDGER, LISTED, create
from tools.sandbox.faults import Fail, Lost, fail_calls

WRITE = "dynamodb:TransactWriteItems"
KINDS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


class Recorded:
    """A client that keeps what it was asked, and whose answers a test may change."""

    def __init__(
        self, client: Any, change: Callable[[str, Any, Any], Any] = lambda name, asked, answer: answer
    ) -> None:
        self._client, self._change = client, change
        self.asked: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**asked: Any) -> Any:
            self.asked.append((name, asked))
            return self._change(name, asked, getattr(self._client, name)(**asked))

        return call

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.asked]

    def permissions(self, *, index: bool) -> set[str]:
        """The IAM actions that AWS checked, on the table or on its index."""
        asked = [(name, each) for name, each in self.asked if ("IndexName" in each) is index]
        reads = {"".join(map(str.title, name.split("_"))) for name, _ in asked if name != "transact_write_items"}
        writes = {KINDS[kind] for _, each in asked for item in each.get("TransactItems", []) for kind in item}
        return {f"dynamodb:{action}" for action in reads | writes}


@pytest.fixture
def kept(tmp_path: Path) -> Database:
    return database("dynamodb", tmp_path)


def recorded(kept: Database, change: Callable[[str, Any, Any], Any] | None = None) -> tuple[DynamoLedger, Recorded]:
    client = Recorded(kept.client, change) if change else Recorded(kept.client)
    return DynamoLedger(client, kept.table, pause=lambda _: None), client


def answered(ledger: Ledger) -> None:
    run = waiting(ledger)
    for number in range(3):
        ledger.answer(approval(run, f"nonce-{number}"))


def third_generation(ledger: Ledger) -> None:
    for version in ("1", "2", "3"):
        run = deliver(ledger, version)
        assert isinstance(run, Opened)
        ledger.close(run.run_id, run.fence, report(run), NOW)
    assert run.generation == 2


@pytest.mark.parametrize(
    ("before", "version", "kind"),
    [(contained, "1", Duplicate), (waiting, "2", Duplicate), (answered, "1", Duplicate), (opened, "1", Busy),
     (third_generation, "3", Duplicate)],
    ids=["final", "waiting", "waiting and answered", "being worked", "in its third generation"],
)  # fmt: skip
def test_a_delivery_that_says_nothing_new_costs_one_read(
    kept: Database, before: Callable[[Ledger], object], version: str, kind: type
) -> None:
    before(kept.ledger())
    ledger, client = recorded(kept)
    assert isinstance(deliver(ledger, version), kind)
    ((name, asked),) = client.asked
    assert (name, asked["ConsistentRead"]) == ("query", True)


GET, QUERY, BATCH, TRANSACT = "get_item", "query", "batch_get_item", "transact_write_items"
# what each costs a process that has seen the run before
COSTS: dict[str, tuple[Callable[[Ledger, Opened], object], list[str]]] = {
    "a first delivery": (lambda ledger, run: opened(ledger, "new"), [QUERY, TRANSACT]),
    "a first delivery of a case": (
        lambda ledger, run: ledger.open("n", "1", {}, "auto", "h", NOW, "c"),
        [QUERY, TRANSACT],
    ),
    "a look for a case's runs": (lambda ledger, run: ledger.kin("c", NOW), [QUERY]),
    "a heartbeat": (lambda ledger, run: ledger.heartbeat(run.run_id, 1, NOW), [TRANSACT]),
    "a take-over": (lambda ledger, run: ledger.reopen(run.run_id, "x", later(minutes=2)), [GET, TRANSACT]),
    "a claim": (lambda ledger, run: ledger.claim(run.run_id, 1, change("bob"), NOW), [GET, TRANSACT]),
    "sending": (lambda ledger, run: ledger.sending(run.run_id, 1, change(), NOW), [TRANSACT]),
    "a receipt": (lambda ledger, run: ledger.record(receipt(run, change()), 1), [TRANSACT]),
    "an end": (lambda ledger, run: ledger.close(run.run_id, 1, report(run), NOW), [TRANSACT]),
    "a request": (lambda ledger, run: ledger.ask(request(run), NOW), [TRANSACT]),
    "an answer": (lambda ledger, run: ledger.answer(approval(run)), [TRANSACT]),
    "a no": (lambda ledger, run: ledger.answer(approval(run), [no()]), [TRANSACT]),
    "a look for refusals": (lambda ledger, run: ledger.refused([no().key, no(user="bob").key]), [BATCH]),
    "the use of an approval": (lambda ledger, run: ledger.consume(approval(run), run.run_id), [GET]),
    "a listing of runs": (lambda ledger, run: ledger.runs(), [QUERY, QUERY]),
    "a look for idle runs": (lambda ledger, run: ledger.idle(NOW), [QUERY, BATCH]),
    "a hand-over": (lambda ledger, run: ledger.hand_over(run.run_id, 1, NOW), [TRANSACT]),
    "a listing of what stands": (lambda ledger, run: ledger.standing(), [QUERY]),
}


@pytest.mark.parametrize("what", COSTS)
def test_each_method_costs_as_few_requests_as_it_can(kept: Database, what: str) -> None:
    ledger, client = recorded(kept)
    run = opened(ledger)
    ledger.claim(run.run_id, 1, change(), NOW)
    client.asked.clear()
    COSTS[what][0](ledger, run)
    assert client.names == COSTS[what][1]


def test_every_read_is_consistent_but_that_of_the_index(kept: Database) -> None:
    client = tour(kept)
    reads = [(name, asked) for name, asked in client.asked if name != TRANSACT]
    assert {name for name, _ in reads} == {GET, QUERY, BATCH}
    for name, asked in reads:
        strong = asked["RequestItems"][kept.table] if name == BATCH else asked
        assert strong.get("ConsistentRead", False) is ("IndexName" not in asked), (name, asked)


def test_the_declared_permissions_are_those_that_are_used_and_no_others(kept: Database) -> None:
    client = tour(kept)
    assert client.permissions(index=False) == set(LEDGER.permissions)
    assert client.permissions(index=True) == set(LEDGER.index_permissions)


def tour(kept: Database) -> Recorded:
    """Everything that a ledger does."""
    ledger, client = recorded(kept)
    run = contained(ledger)
    ledger.need(run.run_id, change(), later(hours=1))
    assert (ledger.needed(change(), NOW), ledger.receipts(run.run_id)) == ([run.run_id], ledger.standing())
    ledger.unneeded(run.run_id, change())
    ledger.undone(run.run_id, receipt(run, change(), outcome=Outcome.UNDONE, undo_of="A1"), "undone")
    ledger.release(run.run_id, change())
    ledger.amend(report(run, Status.UNDONE), NOW)
    asked = waiting(ledger, "other")
    assert ledger.answer(approval(asked), [no()])
    ledger.accept([*ledger.refused([no().key]).values()])
    assert ledger.consume(approval(asked), asked.run_id)
    assert ledger.lapsed(change()) is None
    assert isinstance(ledger.reopen(asked.run_id, "second", later(minutes=2)), Opened)
    assert len(ledger.runs()) == 2
    return client


def test_the_tables_are_billed_by_request_can_be_restored_and_let_nothing_expire(kept: Database) -> None:
    create(kept.client, CHECKPOINTS, "checkpoints")
    for name, index in ((kept.table, [LISTED.name]), ("checkpoints", [])):
        made = kept.client.describe_table(TableName=name)["Table"]
        assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert made["DeletionProtectionEnabled"] is True
        assert made.get("StreamSpecification", {}).get("StreamEnabled", False) is False
        assert [each["IndexName"] for each in made.get("GlobalSecondaryIndexes", [])] == index
        backups = kept.client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
        expiry = kept.client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert expiry["TimeToLiveStatus"] == "DISABLED"


FAULTS = {
    "denied": Fail("AccessDeniedException"),
    "no such table": Fail("ResourceNotFoundException"),
    "broken": Fail("InternalServerError", 500),
    "throttled": Fail("ProvisionedThroughputExceededException"),
    "no answer": Lost.READ_TIMEOUT,
}


@pytest.fixture
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.mark.parametrize("operation", ["dynamodb:Query", WRITE])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("_no_waiting")
def test_a_table_that_does_not_answer_says_so_in_one_type(kept: Database, operation: str, fault: str) -> None:
    assert kept.sandbox is not None
    kept.sandbox.faults.before.append(fail_calls(operation, FAULTS[fault], times=1000))
    with pytest.raises(Unavailable, match=kept.table):
        opened(kept.ledger())
    kept.sandbox.faults.clear()
    assert kept.ledger().runs() == []


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_met_another_is_tried_again(kept: Database, reason: str) -> None:
    met: list[str] = []
    ledger, client = recorded(kept)
    run = opened(ledger)
    write = client._client.transact_write_items

    def conflicting(**asked: Any) -> Any:
        if len(met) < 3:
            met.append(reason)
            error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": reason}]}
            raise ClientError(error, "TransactWriteItems")
        return write(**asked)

    client.transact_write_items = conflicting
    ledger.heartbeat(run.run_id, run.fence, NOW)
    assert met == [reason] * 3


# each with the answer of its first write lost; the repeats find their own work done
LOST: dict[str, Callable[[Ledger, Opened], object]] = {
    "claim": lambda ledger, run: ledger.claim(run.run_id, 1, change("bob"), NOW),
    "sending": lambda ledger, run: ledger.sending(run.run_id, 1, change(), NOW),
    "record": lambda ledger, run: ledger.record(receipt(run, change()), 1),
    "release": lambda ledger, run: ledger.release(run.run_id, change()),
    "ask": lambda ledger, run: ledger.ask(request(run), NOW),
    "close": lambda ledger, run: ledger.close(run.run_id, 1, report(run), NOW),
}


@pytest.mark.parametrize("method", LOST)
@pytest.mark.usefixtures("_no_waiting")
def test_a_write_whose_answer_is_lost_is_done_once_and_known(kept: Database, method: str) -> None:
    ledger = kept.ledger()
    run = opened(ledger)
    ledger.claim(run.run_id, 1, change(), NOW)
    lose_next_answer(kept)
    LOST[method](ledger, run)
    found = ledger.claim(run.run_id, 1, change("bob"), NOW)
    assert found == Claim(first=method != "claim")
    assert [each.change for each in ledger.standing()] == ([change()] if method == "record" else [])
    row = ledger.run(run.run_id)
    assert (row is not None and row.status) == (Status.CONTAINED if method == "close" else None)
    assert ledger.request(run.run_id) == (request(run) if method == "ask" else None)


@pytest.mark.usefixtures("_no_waiting")
def test_a_lease_whose_answer_is_lost_is_still_ours(kept: Database) -> None:
    lose_next_answer(kept)
    run = opened(kept.ledger())
    lose_next_answer(kept)
    taken = kept.ledger().reopen(run.run_id, "second", later(minutes=2))
    assert isinstance(taken, Opened)
    kept.ledger().heartbeat(run.run_id, taken.fence, NOW)
    assert deliver(kept.ledger(), holder="third") == Busy(run_id=run.run_id, holder="second")


def lose_next_answer(kept: Database) -> None:
    assert kept.sandbox is not None
    kept.sandbox.faults.after.append(fail_calls(WRITE, Lost.READ_TIMEOUT))


def test_what_no_transaction_carries_is_refused_and_nothing_is_written(kept: Database) -> None:
    with pytest.raises(TooLarge, match="the event of run-"):
        kept.ledger().open("incident", "1", {"text": noise(5_000_000)}, "auto", "first", NOW)
    assert isinstance(deliver(kept.ledger()), Opened)


def test_what_cannot_be_recorded_cannot_be_claimed(kept: Database) -> None:
    """So that no write is made whose receipt would be lost."""
    ledger = kept.ledger()
    run = opened(ledger)
    large = change().model_copy(update={"after": {"denied": noise(420_000)}})
    with pytest.raises(TooLarge, match="the change iam_deny_user"):
        ledger.claim(run.run_id, run.fence, large, NOW)
    fits = change().model_copy(update={"after": {"denied": noise(360_000)}})
    assert ledger.claim(run.run_id, run.fence, fits, NOW) == Claim(first=True)
    long = receipt(run, fits).model_copy(update={"detail": noise(30_000)})
    ledger.record(long, run.fence)
    assert ledger.standing() == ledger.receipts(run.run_id) == [long]


def test_a_listing_that_lags_never_lists_what_was_taken_back(kept: Database) -> None:
    run = contained(kept.ledger())
    stale: list[Any] = []

    def lags(name: str, asked: Any, answer: Any) -> Any:
        if "IndexName" not in asked:
            return answer
        stale.append(answer)
        return stale[0]

    ledger, _ = recorded(kept, lags)
    assert len(ledger.standing()) == 1
    ledger.undone(run.run_id, receipt(run, change()), "undone")
    assert (ledger.standing(), len(stale[0]["Items"])) == ([], 1)


def test_items_that_dynamodb_leaves_for_later_are_asked_for_again(kept: Database) -> None:
    for name in ("ann", "bob", "eve"):
        contained(kept.ledger(), name, change(name))

    def one_at_a_time(name: str, asked: Any, answer: Any) -> Any:
        if name != BATCH:
            return answer
        table = asked["RequestItems"][kept.table]
        first, *others = table["Keys"]
        found = [each for each in answer["Responses"][kept.table] if {**each, **first} == each]
        left = {kept.table: {**table, "Keys": others}} if others else {}
        return {"Responses": {kept.table: found}, "UnprocessedKeys": left}

    ledger, client = recorded(kept, one_at_a_time)
    assert {each.change.target.id for each in ledger.standing()} == {"ann", "bob", "eve"}
    assert client.names.count(BATCH) == 6
