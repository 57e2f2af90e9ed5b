"""What LangChain's saver for DynamoDB may do wrong, and that none of it can hurt a run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import KEY, USER_WORLD, Desk, event
from pydantic import BaseModel
from table_desk import CHECKPOINT_TABLE, Killed, Tables, aws_writes, tables

from agent.report import Report, Status
from agent.verdict import Mode
from graphs import checkpoint_table
from graphs.answering import NotTaken
from graphs.checkpoint_table import CheckpointTable
from tools.ledger import LostLease, Opened, TooLarge
from tools.ledger.tables import CHECKPOINTS
from tools.sandbox.faults import SandboxCall

GUARDDUTY = "guardduty_credential_abuse"
WRITTEN = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
RUN = "run-0123456789ab"


def changes(at: Tables) -> list[str]:
    return [name for name in aws_writes(at.at) if name in WRITTEN]


def asked(folder: Path, **more: Any) -> tuple[Tables, Report]:
    """A run that waits for an answer."""
    at = tables(folder, USER_WORLD, event(GUARDDUTY), Mode.APPROVE, **more)
    run = at.at.deliver()
    assert run.status is Status.AWAITING_APPROVAL
    return at, run


def newest(at: Tables) -> str:
    """The id of the newest checkpoint."""
    return max(item["id"]["S"] for item in at.items() if item["PK"]["S"].startswith("CHECKPOINT_"))


def lose(at: Tables, checkpoint: str) -> None:
    """The payload of a checkpoint is gone, and what says that there is one is not."""
    (found,) = [i for i in at.items() if i["PK"]["S"].endswith(f"#{checkpoint}") and i["SK"]["S"] == "CHUNK"]
    at.client.delete_item(TableName=CHECKPOINT_TABLE, Key={"PK": found["PK"], "SK": found["SK"]})


class Through:
    """A client whose calls pass through the test."""

    def __init__(self, client: Any, passing: Callable[[str, Any, Any], Any]) -> None:
        self._client, self._passing = client, passing

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda **given: self._passing(name, given, call)


def test_every_read_of_a_checkpoint_is_consistent(tmp_path: Path) -> None:
    read: list[bool] = []

    def passing(name: str, given: Any, call: Any) -> Any:
        if name in ("get_item", "query"):
            read.append(given["ConsistentRead"])
        return call(**given)

    at, run = asked(tmp_path)
    at.wrapped = lambda client: Through(client, passing)
    assert at.another_process().say("approve", run).status is Status.CONTAINED
    assert len(read) > 5
    assert all(read)


def test_a_run_whose_checkpoint_is_lost_while_it_waits_fails_with_that_reason_and_writes_nothing(
    tmp_path: Path,
) -> None:
    at, run = asked(tmp_path)
    lost = newest(at)
    assert at.at.service.ledger.waits_at(run.run_id) == lost
    lose(at, lost)
    at.at.calls.clear()
    done = at.another_process().say("approve", run)
    assert (done.status, aws_writes(at.at)) == (Status.FAILED, [])
    assert done.reason.startswith(f"{run.run_id} was left at checkpoint {lost}, and the newest that is there is ")
    assert at.paused == [0.2, 0.5, 1.0]
    kept = at.at.service.ledger.report(run.run_id)
    assert kept == done
    assert at.at.works(KEY)


def test_a_finding_whose_run_failed_for_a_lost_checkpoint_is_worked_anew_when_it_comes_again(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    lose(at, newest(at))
    at.another_process().say("approve", run)
    again = at.another_process().deliver()
    assert (again.status, again.run_id != run.run_id) == (Status.AWAITING_APPROVAL, True)
    assert at.another_process().say("approve", again).status is Status.CONTAINED
    assert changes(at) == WRITTEN


@pytest.mark.parametrize("looks", [1, 3])
def test_a_checkpoint_that_is_seen_late_is_waited_for(tmp_path: Path, looks: int) -> None:
    at, run = asked(tmp_path)
    unseen = [newest(at)] * looks

    def passing(name: str, given: Any, call: Any) -> Any:
        if name == "get_item" and unseen and given["Key"]["PK"]["S"].endswith(f"#{unseen[0]}"):
            unseen.pop()
            return {}
        return call(**given)

    at.wrapped = lambda client: Through(client, passing)
    done = at.another_process().say("approve", run)
    assert (done.status, changes(at), at.paused) == (Status.CONTAINED, WRITTEN, [0.2, 0.5, 1.0][:looks])


@pytest.mark.parametrize("stage", range(3))
def test_a_payload_that_is_lost_at_any_stage_makes_no_node_write_again(tmp_path: Path, stage: int) -> None:
    """The process dies once so many checkpoints are stored, and the newest one's payload goes with it."""
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    puts: list[str] = []

    def dies(call: SandboxCall) -> None:
        puts.extend([call.name] * (call.name == "dynamodb:PutItem"))
        if len(puts) == 2 * (stage + 1):
            raise Killed

    at.at.sandbox.faults.after.append(dies)
    with pytest.raises(Killed):
        at.at.deliver()
    at.revive()
    lose(at, newest(at))
    at.at.wait(minutes=2)
    done = at.another_process().deliver()
    assert (done.status, changes(at)) == (Status.CONTAINED, WRITTEN)
    assert not at.at.works(KEY)


def test_of_two_that_resume_at_once_the_lease_lets_one_through(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    request = at.at.service.ledger.request(run.run_id)
    assert request is not None
    processes = [at.another_process() for _ in range(4)]
    ready, came = threading.Barrier(len(processes)), []

    def resume(process: Desk, by: str) -> None:
        ready.wait()
        came.append(process.say("approve", run, by))

    people = ["rosa", "ivo", "mei", "rosa"]
    threads = [threading.Thread(target=resume, args=pair) for pair in zip(processes, people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worked = [each for each in came if isinstance(each, Report)]
    assert [each.status for each in worked] == [Status.CONTAINED]
    assert {each.reason for each in came if isinstance(each, NotTaken)} <= {"busy", "not_waiting"}
    assert changes(at) == WRITTEN


def test_a_holder_that_was_taken_over_stores_no_checkpoint(tmp_path: Path) -> None:
    """It was only slow. What it would store would be the newest, and what the other did would be forgotten."""
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    after: list[set[str]] = []

    def slow(call: SandboxCall) -> None:
        if call.name == "bedrock-runtime:Converse" and not after:
            after.append(set())
            at.at.wait(minutes=2)
            assert at.another_process().deliver().status is Status.CONTAINED
            after[0] = {item["PK"]["S"] + item["SK"]["S"] for item in at.items()}

    at.at.sandbox.faults.before.append(slow)
    with pytest.raises(LostLease):
        at.at.deliver()
    assert {item["PK"]["S"] + item["SK"]["S"] for item in at.items()} == after[0]
    assert changes(at) == WRITTEN
    (row,) = at.at.service.ledger.runs()
    assert row.status is Status.CONTAINED


@pytest.mark.parametrize("stored", [0, 1], ids=["before it acted", "when it had acted"])
def test_a_state_that_is_too_large_fails_its_run_before_anything_of_it_is_stored(
    tmp_path: Path, stored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if an item held less: a run whose first checkpoint is too large, and one whose second is."""
    whole = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    assert whole.at.deliver().status is Status.CONTAINED
    sizes = sorted(len(item["payload"]["B"]) for item in whole.items() if item["SK"]["S"] == "CHUNK")
    monkeypatch.setattr(checkpoint_table, "LARGEST", sizes[stored] - 50)
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    done = at.at.deliver()
    assert done.reason.startswith(f"the state of {done.run_id} is ")
    row = at.at.service.ledger.run(done.run_id)
    assert (done.status, row and row.status) == (Status.FAILED, Status.FAILED)
    payloads = {item["PK"]["S"] for item in at.items() if item["SK"]["S"] == "CHUNK"}
    assert {item["ref_key"]["S"] for item in at.items() if "ref_key" in item} == payloads
    assert (len(payloads), changes(at)) == (stored, WRITTEN * stored)
    assert [each.receipt is not None for each in done.actions] == [True, True] * stored
    assert done.reason.count("iam_deny_user on build-bot: done") == stored


def test_nothing_of_a_run_expires_and_its_request_ends_by_the_clock(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    assert [item for item in [*at.items(), *at.items("stanch-ledger")] if "ttl" in item] == []
    assert at.client.describe_time_to_live(TableName=CHECKPOINT_TABLE)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }
    at.at.wait(days=40)
    other = at.another_process()
    said = other.say("approve", run)
    row = other.service.ledger.run(run.run_id)
    assert row is not None
    assert (said.reason, row.status, changes(at)) == ("too_late", Status.EXPIRED, [])


class Stranger(BaseModel):
    """A type that no checkpoint of ours holds."""

    value: str


def saver(at: Tables, leased: Callable[[str, int], None] = lambda run_id, fence: None) -> CheckpointTable:
    return CheckpointTable(at.client, CHECKPOINT_TABLE, leased)


def checkpoint(**values: Any) -> Any:
    return {
        "v": 1, "id": "1f0c5d8e-0000-6000-8000-000000000000", "ts": "2026-11-20T12:00:00+00:00", "channel_values": values,
        "channel_versions": {}, "versions_seen": {}, "updated_channels": None,
    }  # fmt: skip


def config(thread: str, **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def test_a_type_that_is_not_ours_comes_back_as_plain_data(tmp_path: Path) -> None:
    at, run = asked(tmp_path)
    saver(at).put(config(RUN), checkpoint(x=Stranger(value="here"), status=Status.FAILED, report=run), {}, {})
    found = saver(at).get_tuple(config(RUN))
    assert found is not None
    values = found.checkpoint["channel_values"]
    assert not isinstance(values["x"], Stranger)
    assert (values["status"], values["report"]) == (Status.FAILED, run)


@pytest.mark.parametrize("thread", ["arn:aws:iam::111122223333:user/x", "run-1#CHUNK", "", f"{RUN}/../{RUN}"])
def test_a_thread_that_is_no_run_is_not_written_into_a_key(tmp_path: Path, thread: str) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    with pytest.raises(ValueError, match="is no run"):
        saver(at).put(config(thread), checkpoint(), {}, {})
    with pytest.raises(ValueError, match="is no run"):
        saver(at).put_writes(config(thread, checkpoint_id="1f0"), [("x", 1)], "task")
    assert at.items() == []


def test_what_a_task_wrote_is_measured_too_and_needs_the_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = tables(tmp_path, USER_WORLD, event(GUARDDUTY))
    ledger, now = at.at.service.ledger, at.at.sandbox.now()
    opened = ledger.open("incident", "1", {}, "auto", "first", now)
    assert isinstance(opened, Opened)
    table = saver(at, lambda run_id, fence: ledger.heartbeat(run_id, fence, now))
    with pytest.raises(LostLease):
        table.put_writes(config(opened.run_id, checkpoint_id="1f0", fence=7), [("x", 1)], "task")
    monkeypatch.setattr(checkpoint_table, "LARGEST", 100)
    with pytest.raises(TooLarge):
        table.put_writes(
            config(opened.run_id, checkpoint_id="1f0", fence=1), [("x", {str(n): n for n in range(200)})], "t"
        )
    assert at.items() == []
    table.put_writes(config(opened.run_id, checkpoint_id="1f0", fence=1), [("x", 1)], "task")
    assert len(at.items()) == 2


def test_the_declared_permissions_are_those_that_are_used_and_no_others(tmp_path: Path) -> None:
    used: set[str] = set()

    def passing(name: str, given: Any, call: Any) -> Any:
        used.add("dynamodb:" + "".join(map(str.title, name.split("_"))))
        return call(**given)

    at, run = asked(tmp_path)
    at.wrapped = lambda client: Through(client, passing)
    assert at.another_process().say("approve", run).status is Status.CONTAINED
    assert used == set(CHECKPOINTS.permissions)
