"""Once, but not once for ever (law 8): redelivery, two findings, dead and living holders, fences, undo and time travel."""

import copy
from pathlib import Path
from typing import Any

import pytest
from desk import BUCKET_WORLD, KEY, USER, USER_WORLD, Desk, Says, desk, event

from agent.report import Report, Status
from agent.verdict import Mode
from graphs.runs import Runs
from graphs.state import Context
from graphs.undo import undo_run
from tools.ledger import LostLease, SqliteLedger
from tools.sandbox.faults import SandboxCall

GUARDDUTY, HUB, MACIE = "guardduty_credential_abuse", "securityhub_s3_public", "macie_policy"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]


class Killed(BaseException):
    """The process ends here, as SIGKILL would end it: nothing of it runs any more."""


def killed_after(at: Desk, name: str) -> None:
    """The process dies once this call took effect, before its answer is seen."""

    def hook(call: SandboxCall) -> None:
        if call.name == name:
            raise Killed

    at.sandbox.faults.after.append(hook)


def another_process(at: Desk, holder: str, *, alive: bool = False) -> Runs:
    """The same home, as a second process sees it: its ledger and its checkpoints."""
    ledger = SqliteLedger(at.service.ledger.path, lambda _: alive, durable=False)  # type: ignore[attr-defined]  # the desk's own
    return Runs(at.service.__class__(**{**vars(at.service), "ledger": ledger}), at.saver)  # type: ignore[arg-type]  # a desk has one


def delivered(at: Desk, runs: Runs) -> Report:
    """Deliver the desk's event to another process."""
    return Desk(at.sandbox, at.world, at.body, runs.service, runs).deliver()


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize(("name", "text"), [(GUARDDUTY, USER_WORLD), (HUB, BUCKET_WORLD)])
def test_a_redelivery_costs_one_read_of_the_ledger_and_nothing_else(
    tmp_path: Path, mode: Mode, name: str, text: str
) -> None:
    model = Says()
    at = desk(tmp_path, text, event(name), mode, model=model)
    first = at.deliver()
    asked, calls, transactions = len(model.cases), len(at.calls), counted(at)
    again = at.deliver()
    assert (again.status, again.run_id) == (Status.SKIPPED, first.run_id)
    assert again.reason.startswith(f"duplicate: {first.run_id} is {first.status}")
    assert (len(model.cases), len(at.calls)) == (asked, calls)
    assert transactions == ["open"]


def counted(at: Desk) -> list[str]:
    """From here on, the ledger's transactions by the method that makes them."""
    made: list[str] = []
    ledger: Any = at.service.ledger
    open_ = ledger._transaction

    def transaction() -> Any:
        made.append("open")
        return open_()

    ledger._transaction = transaction
    return made


def test_the_same_finding_by_another_road_is_the_same_incident(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    at.deliver()
    by_hub = at.deliver(event("guardduty_credential_abuse_asff"))
    assert (by_hub.status, by_hub.reason.partition(":")[0], at.changes) == (Status.SKIPPED, "duplicate", BOTH)


def test_a_newer_version_of_a_finding_is_worked_again_and_writes_nothing_twice(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    first = at.deliver()
    newer = copy.deepcopy(at.body)
    newer["detail"]["service"]["count"] = 9
    newer["detail"]["updatedAt"] = "2026-11-20T11:50:00.000Z"
    again = at.deliver(newer)
    assert again.run_id != first.run_id
    assert (again.status, again.actions, at.changes) == (Status.NO_ACTION, [], BOTH)
    assert "Nothing is left to do" in again.reason


def test_two_findings_that_want_the_same_effect_make_it_once(tmp_path: Path) -> None:
    at = desk(tmp_path, BUCKET_WORLD, event(HUB))
    at.arrives(event(MACIE))
    meanwhile: list[Report] = []

    def both(call: SandboxCall) -> None:
        if call.name == "s3:PutPublicAccessBlock" and not meanwhile:
            meanwhile.append(at.deliver(event(MACIE)))

    at.sandbox.faults.before.append(both)
    first = at.deliver()
    assert (first.status, at.changes) == (Status.CONTAINED, ["s3:PutPublicAccessBlock"])
    (second,) = meanwhile
    assert (second.status, second.actions[0].receipt and second.actions[0].receipt.calls) == (Status.ESCALATED, [])
    assert f"{first.run_id} has claimed the same effect" in second.reason


def test_a_later_finding_about_what_is_closed_already_does_nothing(tmp_path: Path) -> None:
    at = desk(tmp_path, BUCKET_WORLD, event(HUB))
    at.arrives(event(MACIE))
    at.deliver()
    second = at.deliver(event(MACIE))
    assert (second.status, second.actions, at.changes) == (Status.NO_ACTION, [], ["s3:PutPublicAccessBlock"])


# after which call the process dies, and which writes are made in all
DEATHS = [
    ("iam:GetUser", BOTH), ("guardduty:GetFindings", BOTH), ("logs:StartQuery", BOTH), ("iam:PutUserPolicy", BOTH),
    ("iam:UpdateAccessKey", BOTH), ("securityhub:GetFindings", BOTH),
]  # fmt: skip


@pytest.mark.parametrize(("dies_after", "writes"), DEATHS)
def test_a_dead_holder_is_taken_over_and_nothing_is_written_twice(
    tmp_path: Path, dies_after: str, writes: list[str]
) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    killed_after(at, dies_after)
    with pytest.raises(Killed):
        at.deliver()
    at.sandbox.faults.after.clear()
    done = delivered(at, another_process(at, "second"))
    assert (done.status, at.changes) == (Status.CONTAINED, writes)
    assert not at.works(KEY)
    undone = undo_run(at.service, done.run_id, None, "rosa")
    assert isinstance(undone, Report)
    assert (undone.status, at.works(KEY)) == (Status.UNDONE, True)


def test_a_living_holder_keeps_its_run(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    killed_after(at, "iam:PutUserPolicy")
    with pytest.raises(Killed):
        at.deliver()
    at.sandbox.faults.after.clear()
    second = delivered(at, another_process(at, "second", alive=True))
    assert (second.status, second.reason.partition(":")[0]) == (Status.SKIPPED, "duplicate")
    assert "being worked by " in second.reason
    assert at.changes == BOTH[:1]
    at.wait(minutes=2)
    third = delivered(at, another_process(at, "third", alive=True))
    assert (third.status, at.changes) == (Status.CONTAINED, BOTH)


def test_a_holder_that_was_taken_over_writes_nothing_more(tmp_path: Path) -> None:
    """The first process was only slow: after the takeover its fence is old, and its next step stops."""
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    overtaken: list[bool] = []
    taken: list[Report] = []

    def slow(call: SandboxCall) -> None:
        if call.name == "bedrock-runtime:Converse" and not overtaken:
            overtaken.append(True)
            at.wait(minutes=2)
            taken.append(delivered(at, another_process(at, "second", alive=True)))

    at.sandbox.faults.before.append(slow)
    with pytest.raises(LostLease):
        at.deliver()
    assert (taken[0].status, at.changes) == (Status.CONTAINED, BOTH)
    (row,) = at.service.ledger.runs()
    assert row.status is Status.CONTAINED


def test_undo_opens_a_new_generation_that_may_make_the_effect_again(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    first = at.deliver()
    undone = undo_run(at.service, first.run_id, None, "rosa")
    assert isinstance(undone, Report)
    asked = at.deliver()
    assert (asked.status, asked.run_id != first.run_id) == (Status.AWAITING_APPROVAL, True)
    again = at.say("approve", asked)
    assert again.status is Status.CONTAINED
    assert [row.generation for row in at.service.ledger.runs() if row.run_id == again.run_id] == [1]
    assert at.changes == [*BOTH, "iam:UpdateAccessKey", "iam:DeleteUserPolicy", *BOTH]
    assert not at.works(KEY)


def test_undoing_twice_writes_once(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    run = at.deliver().run_id
    assert isinstance(undo_run(at.service, run, None, "rosa"), Report)
    writes = len(at.writes)
    again = undo_run(at.service, run, None, "rosa")
    assert not isinstance(again, Report)
    assert len(at.writes) == writes


def test_time_travel_makes_no_second_write(tmp_path: Path) -> None:
    """Every earlier checkpoint of a finished run is entered again."""
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    run = at.deliver()
    done = at.say("approve", run)
    assert (done.status, at.changes) == (Status.CONTAINED, BOTH)
    config: Any = {"configurable": {"thread_id": run.run_id}}
    history = [past for past in at.runs._graph.get_state_history(config) if past.next and past.next != ("__start__",)]
    assert {"judge", "execute", "verify", "report"} <= {name for past in history for name in past.next}
    for past in history:
        at.runs._graph.invoke(None, past.config, context=Context(mode=Mode.APPROVE, fence=2))
    assert at.changes == BOTH
    assert [r.change.action for r in at.service.ledger.standing()] == ["iam_deny_user", "iam_deactivate_key"]
    undone = undo_run(at.service, run.run_id, None, "rosa")
    assert isinstance(undone, Report)
    assert at.works(KEY)


def test_the_user_s_policy_is_there_once_whatever_was_repeated(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY))
    killed_after(at, "iam:PutUserPolicy")
    with pytest.raises(Killed):
        at.deliver()
    at.sandbox.faults.after.clear()
    delivered(at, another_process(at, "second"))
    names = at.sandbox.client("iam", "111122223333", "us-east-1").list_user_policies(UserName=USER)["PolicyNames"]
    assert len(names) == 1
