"""What the clock does: waits that are over, runs that nobody works, containments that no longer hold, later looks."""

import copy
import dataclasses
from pathlib import Path

import pytest
from desk import ACCOUNT, KEY, USER, USER_WORLD, Desk, desk, event, world
from functions import beside, clock

from agent.event import Event
from agent.policy import Policies
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.answering import keep
from graphs.came import HandedOver
from graphs.entrypoints import lambda_clock
from graphs.entrypoints.lambda_clock import TickFailed
from graphs.runs import Runs
from tools.action import catalogue
from tools.ledger import Opened, SqliteLedger
from tools.sandbox.faults import Fail, SandboxCall

ASFF = "guardduty_credential_abuse_asff"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]


class Killed(BaseException):
    """The process ends here, as SIGKILL would end it."""


def opened(folder: Path, mode: Mode = Mode.AUTO, name: str = ASFF) -> Desk:
    return desk(folder, USER_WORLD, event(name), mode)


def killed(at: Desk, call: str, error: type[BaseException] = Killed) -> str:
    """Deliver the event to a process that dies after that call; its run."""

    def hook(made: SandboxCall) -> None:
        if made.name == call:
            raise error

    at.sandbox.faults.after.append(hook)
    with pytest.raises(error):
        at.deliver()
    at.sandbox.faults.after.clear()
    ledger = SqliteLedger(at.service.ledger.path, lambda _: False, durable=False)  # type: ignore[attr-defined]  # the desk's own
    object.__setattr__(at.service, "ledger", ledger)
    (row,) = ledger.runs()
    return row.run_id


def status(at: Desk, run_id: str) -> Status | None:
    row = at.service.ledger.run(run_id)
    assert row is not None
    return row.status


def test_a_request_that_nobody_answered_in_time_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path, Mode.APPROVE)
    run = at.deliver().run_id
    assert clock(at, tmp_path, monkeypatch)["settled"] == {}
    at.wait(hours=2)
    assert clock(at, tmp_path, monkeypatch)["settled"] == {run: "expired"}
    assert (status(at, run), at.changes) == (Status.EXPIRED, [])


def test_an_answer_whose_resumption_was_lost_is_acted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path, Mode.APPROVE)
    run = at.deliver().run_id
    keep(at.service, run, "approve", "rosa", None, "")
    assert clock(at, tmp_path, monkeypatch)["settled"] == {run: "contained"}
    assert at.changes == BOTH


@pytest.mark.parametrize("call", ["iam:GetUser", "iam:PutUserPolicy", "securityhub:BatchUpdateFindings"])
def test_a_run_of_a_dead_process_is_taken_up_and_writes_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    at = opened(tmp_path)
    run = killed(at, call)
    assert clock(at, tmp_path, monkeypatch)["taken_up"] == {run: "contained"}
    assert at.changes == BOTH
    assert clock(at, tmp_path, monkeypatch)["taken_up"] == {}


def test_a_run_that_was_handed_over_and_lost_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path)
    (came,) = beside(at, hand_over=True).arrive(Event(body=at.body, received_at=at.sandbox.now(), via="sqs"))
    assert isinstance(came, HandedOver)
    assert clock(at, tmp_path, monkeypatch)["taken_up"] == {came.run_id: "contained"}
    assert at.changes == BOTH


def test_a_run_that_never_ends_is_given_up_with_the_receipts_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(tmp_path)
    run = killed(at, "iam:UpdateAccessKey")
    monkeypatch.setattr(lambda_clock, "TRIES", 1)
    answer = clock(at, tmp_path, monkeypatch)
    assert (answer["taken_up"], answer["given_up"]) == ({}, {run: "failed"})
    report = at.service.ledger.report(run)
    assert report is not None
    assert report.status is Status.FAILED
    assert report.reason.startswith("taken up 1 times or more, and never worked to an end. Until then: ")
    assert [action.receipt is not None for action in report.actions] == [True, False]
    again = at.deliver()
    assert (again.run_id != run, again.status, at.changes) == (True, Status.NO_ACTION, BOTH)


def test_a_run_whose_checkpoint_no_longer_fits_is_given_up_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path)
    run = killed(at, "iam:PutUserPolicy")

    def unfit(_: Runs, run_id: str) -> None:
        Report.model_validate({})

    monkeypatch.setattr(Runs, "state", unfit)
    monkeypatch.setattr(lambda_clock, "TRIES", 1)
    assert clock(at, tmp_path, monkeypatch)["given_up"] == {run: "failed"}
    assert status(at, run) is Status.FAILED


def reactivate(at: Desk) -> None:
    users = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    users.update_access_key(UserName=USER, AccessKeyId=KEY, Status="Active")


def test_a_containment_that_no_longer_holds_has_lapsed_and_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(tmp_path)
    run = at.deliver().run_id
    answer = clock(at, tmp_path, monkeypatch)
    assert (answer["held"], answer["lapsed"]) == (2, [])
    reactivate(at)
    assert clock(at, tmp_path, monkeypatch)["lapsed"] == [f"{run} lapsed"]
    report = at.service.ledger.report(run)
    assert report is not None
    assert (report.status, f"iam_deactivate_key on {KEY} no longer holds" in report.reason) == (Status.LAPSED, True)
    assert "lapsed" in at.hub_finding()["Note"]["Text"]
    assert [receipt.change.action for receipt in at.service.ledger.standing() if receipt.action_id != "TELL"] == [
        "iam_deny_user"
    ]
    assert (clock(at, tmp_path, monkeypatch)["lapsed"], status(at, run)) == ([], Status.LAPSED)


def test_what_lapsed_is_contained_anew_when_its_finding_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(tmp_path, name="guardduty_credential_abuse")
    first = at.deliver()
    reactivate(at)
    clock(at, tmp_path, monkeypatch)
    again = at.deliver()
    assert (again.run_id != first.run_id, at.works(KEY)) == (True, False), again.reason


def test_what_cannot_be_read_has_not_lapsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path)
    run = at.deliver().run_id
    at.sandbox.faults.before.append(lambda call: Fail("AccessDenied", 403) if call.service == "iam" else None)
    answer = clock(at, tmp_path, monkeypatch)
    assert (len(answer["unread"]), answer["lapsed"], status(at, run)) == (2, [], Status.CONTAINED)


def test_a_later_look_follows_where_something_was_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding is minutes old and CloudTrail has nothing of it yet; a quarter of an hour later it has."""
    at = fresh(tmp_path)
    first = at.deliver()
    assert any(source.standing == "not_yet" for source in first.evidence)
    assert first.status in lambda_clock._MAY_CHANGE, first.reason
    assert clock(at, tmp_path, monkeypatch)["looked_again"] == {}
    at.wait(minutes=20)
    looked = clock(at, tmp_path, monkeypatch)["looked_again"]
    assert list(looked) == [first.run_id]
    runs = sorted(at.service.ledger.runs(), key=lambda row: row.generation)
    assert [row.generation for row in runs] == [0, 1]
    later = at.service.ledger.report(runs[1].run_id)
    assert later is not None
    assert not any(source.standing == "not_yet" for source in later.evidence)
    assert clock(at, tmp_path, monkeypatch)["looked_again"] == {}
    again = at.deliver()
    assert again.reason.startswith(f"duplicate: {later.run_id}")


def test_what_unusable_policies_denied_is_worked_by_the_clock_once_they_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(tmp_path)
    usable, nowhere = at.service, Policies.load_or_deny(tmp_path / "nowhere", catalogue=catalogue())
    at.service = dataclasses.replace(usable, policies=nowhere)
    at.runs = another(at)
    first = at.deliver()
    assert (first.status, at.changes) == (Status.FAILED, [])
    assert clock(at, tmp_path, monkeypatch)["looked_again"] == {}
    at.service = usable
    at.runs = another(at)
    assert clock(at, tmp_path, monkeypatch)["looked_again"] == {first.run_id: "contained"}
    assert at.changes == BOTH


def another(at: Desk) -> Runs:
    """The runs of another process, with the desk's service as it is now."""
    assert at.saver is not None
    return Runs(at.service, at.saver)


def test_a_delivery_is_looked_at_again_twice_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = fresh(tmp_path)
    at.sandbox.faults.before.append(lambda call: Fail("AccessDenied", 403) if call.service == "cloudtrail" else None)
    at.deliver()
    looks = []
    for _ in range(4):
        at.wait(minutes=20)
        looks.append(len(clock(at, tmp_path, monkeypatch)["looked_again"]))
    assert looks == [1, 1, 0, 0]


def fresh(folder: Path) -> Desk:
    """A finding of this minute about a user whose calls CloudTrail does not show yet."""
    body = copy.deepcopy(event("guardduty_credential_abuse"))
    for name in ("eventFirstSeen", "eventLastSeen"):
        body["detail"]["service"][name] = "2026-11-20T11:57:00.000Z"
    body["detail"]["createdAt"] = body["detail"]["updatedAt"] = "2026-11-20T11:58:00.000Z"
    return desk(folder, world(USER_WORLD, ("cloudtrail.events", [])), body, Mode.OBSERVE)


def test_nothing_is_begun_when_the_time_is_nearly_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(tmp_path, Mode.APPROVE)
    run = at.deliver().run_id
    at.wait(hours=2)
    at.calls.clear()
    answer = clock(at, tmp_path, monkeypatch, milliseconds=5_000)
    assert (answer["settled"], answer["held"], at.calls) == ({}, 0, [])
    assert status(at, run) is Status.AWAITING_APPROVAL


def test_what_fails_in_a_tick_keeps_nothing_else_from_being_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = opened(tmp_path)
    run = at.deliver().run_id
    reactivate(at)

    def broken(_: object, left: object) -> None:
        raise LookupError

    monkeypatch.setattr(lambda_clock, "sweep", broken)
    with pytest.raises(TickFailed, match="sweep: LookupError"):
        clock(at, tmp_path, monkeypatch)
    assert status(at, run) is Status.LAPSED


def test_a_run_that_goes_on_has_not_lapsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold in a moment, and its report is still to be made."""
    at = opened(tmp_path)
    run = at.deliver().run_id
    taken = at.service.ledger.reopen(run, "another", at.sandbox.now())
    assert isinstance(taken, Opened)
    reactivate(at)
    answer = clock(at, tmp_path, monkeypatch)
    assert (answer["lapsed"], status(at, run)) == ([], None)
