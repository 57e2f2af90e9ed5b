"""Nothing lost (law 10): whichever call fails, and however, the run ends, says how it stands, and what it says is so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from desk import ACCOUNT, BUCKET, BUCKET_WORLD, KEY, REGION, SIBLING_KEY, SPARE, USER_WORLD, Desk, desk, event

from agent.receipt import Outcome
from agent.report import Report, ReportedAction, Status
from graphs.undo import undo_run
from tools.sandbox.faults import Fail, Hook, Lost, SandboxCall

ENDS = {
    Status.CONTAINED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.ESCALATED, Status.AWAITING_APPROVAL,
}  # fmt: skip
MODEL = "bedrock-runtime:Converse"
WRITES = {"iam:PutUserPolicy", "iam:UpdateAccessKey", "s3:PutPublicAccessBlock", "securityhub:BatchUpdateFindings"}
TURNS = 3
"""A write fails in every way; of the other calls each fails in two ways of the six, in turn, to save time."""


@dataclass(frozen=True)
class Failing:
    """How a call fails, from its turn on."""

    fault: Fail | Lost
    took_effect: bool = False
    """Whether it did its work, and only the answer is missing."""
    once: bool = False


FAULTS = {
    "throttled for ever": Failing(Fail("Throttling", 400)),
    "denied": Failing(Fail("AccessDenied", 403)),
    "broken for ever": Failing(Fail("InternalError", 500)),
    "never sent": Failing(Lost.CONNECT_TIMEOUT),
    "an answer lost once": Failing(Lost.READ_TIMEOUT, took_effect=True, once=True),
    "every answer lost": Failing(Lost.READ_TIMEOUT, took_effect=True),
}
SITUATIONS = {
    "user": (USER_WORLD, "guardduty_credential_abuse_asff"),
    "bucket": (BUCKET_WORLD, "securityhub_s3_public"),
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def opened(folder: Path, situation: str) -> Desk:
    folder.mkdir()
    text, name = SITUATIONS[situation]
    return desk(folder, text, event(name))


def is_so(at: Desk) -> dict[str, bool]:
    """Which actions' effects are really there, found by trying."""
    if at.works(SIBLING_KEY):
        return {"iam_deny_user": not at.may_act(SPARE), "iam_deactivate_key": not at.works(KEY)}
    return {"s3_block_public_access": at.sandbox.anonymous_get(BUCKET, "q3/report.csv") == 403}


def nth_after(name: str | None, number: int, failing: Failing) -> Hook:
    """A hook that fails the call with this number, counted after the first call of that name, and its like from then on."""
    started, seen, chosen = name is None, 0, ""

    def hook(call: SandboxCall) -> Fail | Lost | None:
        nonlocal started, seen, chosen
        if started and not chosen:
            seen += 1
            if seen == number:
                chosen = call.name
                return failing.fault
        elif started and call.name == chosen and not failing.once:
            return failing.fault
        started = started or call.name == name
        return None

    return hook


def first(name: str, failing: Failing) -> Hook:
    """A hook that fails every call of this name."""
    return lambda call: failing.fault if call.name == name else None


def run(at: Desk, hook: Hook, failing: Failing) -> list[str]:
    """What is wrong with how the run ended; nothing, if all is well."""
    (at.sandbox.faults.after if failing.took_effect else at.sandbox.faults.before).append(hook)
    report = at.deliver()
    at.sandbox.faults.clear()
    real = is_so(at)
    return [*untrue(at, report, real), *unkept(at, report, real)]


def untrue(at: Desk, report: Report, real: dict[str, bool]) -> list[str]:
    """What the report says and is not so, or is so and it does not say."""
    wrong = [] if report.status in ENDS else [f"ended {report.status}: {report.reason}"]
    for action in report.actions:
        name = action.planned.change.action
        if says_done(action) and not real[name]:
            wrong.append(f"{name} is said to be done and is not so")
        if real[name] and not says_done(action) and name not in report.reason:
            wrong.append(f"{name} is so, and nobody says that it may be: {report.status}: {report.reason}")
        if real[name] and report.status in (Status.ESCALATED, Status.AWAITING_APPROVAL):
            wrong.append(f"{name} is so, and the run ended {report.status}")
    if report.status is Status.CONTAINED and not all(real.values()):
        wrong.append("contained is said, and it is not so")
    if report.told is not None and report.told.outcome is Outcome.DONE and "Note" not in at.hub_finding():
        wrong.append("Security Hub is said to be told and was not")
    return wrong


def says_done(action: ReportedAction) -> bool:
    receipt = action.receipt
    done = receipt is not None and receipt.outcome in (Outcome.DONE, Outcome.ALREADY)
    return done and receipt is not None and receipt.verification is not None and receipt.verification.holds


def unkept(at: Desk, report: Report, real: dict[str, bool]) -> list[str]:
    """Whether the ledger knows the end, and what was done can be taken back."""
    row = at.service.ledger.run(report.run_id)
    wrong = [] if row is not None and row.status is report.status else ["the ledger does not know how it ended"]
    if any(real.values()):
        undone = undo_run(at.service, report.run_id, None, "rosa")
        if not isinstance(undone, Report) or undone.status is not Status.UNDONE or any(is_so(at).values()):
            wrong.append(f"what was done cannot be taken back: {undone}")
    return wrong


def wrong_of(folder: Path, situation: str, fault: str, hooks: dict[str, Callable[[Failing], Hook]]) -> list[str]:
    failing, wrong = FAULTS[fault], []
    for number, (what, hook) in enumerate(hooks.items()):
        at = opened(folder / f"{number}", situation)
        wrong += [f"{what} {fault}: {each}" for each in run(at, hook(failing), failing)]
    return wrong


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_call_of_planning_acting_and_telling_that_fails_is_never_lied_about(
    tmp_path: Path, situation: str, fault: str
) -> None:
    names = [call.name for call in baseline(tmp_path, situation).calls]
    after = names[names.index(MODEL) + 1 :]
    turn = list(FAULTS).index(fault)
    hooks: dict[str, Callable[[Failing], Hook]] = {
        f"call {number} ({name})": partial(nth_after, MODEL, number)
        for number, name in enumerate(after, start=1)
        if name in WRITES or (number + turn) % TURNS == 0
    }
    assert any("Put" in what for what in hooks)
    assert wrong_of(tmp_path, situation, fault, hooks) == []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_call_that_always_fails_is_never_lied_about(tmp_path: Path, situation: str) -> None:
    names = dict.fromkeys(call.name for call in baseline(tmp_path, situation).calls)
    hooks: dict[str, Callable[[Failing], Hook]] = {name: partial(first, name) for name in names}
    assert wrong_of(tmp_path, situation, "denied", hooks) == []


def baseline(folder: Path, situation: str) -> Desk:
    at = opened(folder / "baseline", situation)
    assert at.deliver().status is Status.CONTAINED
    return at


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_partial_end_says_which_action_stands_and_which_does_not(tmp_path: Path, situation: str) -> None:
    """One write is denied for ever: what the other did stands, is said, and can be taken back."""
    at = opened(tmp_path / "one", situation)
    denied = "iam:UpdateAccessKey" if situation == "user" else "s3:PutPublicAccessBlock"
    at.sandbox.faults.before.append(first(denied, FAULTS["denied"]))
    report = at.deliver()
    if situation == "user":
        assert report.status is Status.PARTIALLY_CONTAINED
        assert f"iam_deactivate_key on {KEY}: failed: iam:UpdateAccessKey: AccessDenied" in report.reason
        assert is_so(at) == {"iam_deny_user": True, "iam_deactivate_key": False}
    else:
        assert report.status is Status.ESCALATED
        assert report.reason.startswith("nothing was changed")
        assert at.block() == "NoSuchPublicAccessBlockConfiguration"


def test_a_bucket_that_vanishes_meanwhile_is_not_said_to_be_closed(tmp_path: Path) -> None:
    at = opened(tmp_path / "one", "bucket")
    gone: list[bool] = []

    def vanish(call: SandboxCall) -> None:
        if call.name == "s3:PutPublicAccessBlock" and not gone:
            gone.append(True)
            s3 = at.sandbox.client("s3", ACCOUNT, REGION)
            s3.delete_object(Bucket=BUCKET, Key="q3/report.csv")
            s3.delete_bucket(Bucket=BUCKET)

    at.sandbox.faults.before.append(vanish)
    report = at.deliver()
    assert report.status is Status.ESCALATED
    assert "s3_block_public_access" in report.reason
