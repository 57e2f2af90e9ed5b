"""A run whose process is gone is said so: what it did, what it may have done, and how to go on."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from command import command
from desk import USER_WORLD, desk, event

from agent.event import Event
from agent.plan import Change
from agent.receipt import Outcome, Receipt
from agent.target import GLOBAL, Target, TargetKind
from graphs.abandoned import how_to_go_on
from graphs.answering import NotTaken, keep
from graphs.bootstrap import LEDGER, SANDBOX
from graphs.undo_lease import undoable
from tools.ledger import Opened, SqliteLedger

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KILLED = f"{socket.gethostname()}:4194305:1:1"
"""The name of a holder on this machine whose process is gone: no process has so high a number."""


def change(user: str) -> Change:
    target = Target(kind=TargetKind.USER, id=user, account="111122223333", region=GLOBAL)
    return Change(action="iam_deny_user", target=target, before={"policy": None}, after={"policy": "deny"})


def left(home: Path, *, holder: str = KILLED, sent: bool = True, done: bool = False) -> str:
    """A run that claimed one change, wrote it or not, and was killed; its id."""
    ledger = SqliteLedger(home / SANDBOX / LEDGER, sandbox=True)
    body = Event(body=event("guardduty_credential_abuse"), received_at=NOW, via="cli").model_dump(mode="json")
    run = ledger.open("incident", "1", {"event": body, "position": 0}, "auto", holder, NOW)
    assert isinstance(run, Opened)
    ledger.claim(run.run_id, run.fence, change("build-bot"), NOW)
    if sent:
        ledger.sending(run.run_id, run.fence, change("build-bot"), NOW)
    if done:
        made = Receipt(run_id=run.run_id, action_id="A1", change=change("build-bot"), outcome=Outcome.DONE, at=NOW)
        ledger.record(made, run.fence)
    return run.run_id


def test_a_write_whose_outcome_nobody_knows_is_listed_beside_what_stands(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    run = left(tmp_path)
    code, said = command(tmp_path, "standing")
    assert code == 0
    assert f"{run} outcome unknown" in said
    assert "iam_deny_user on user build-bot in 111122223333: claimed 2026-11-20 12:00 UTC, a write left" in said
    assert "stanch run EVENT.json --sandbox" in said
    assert "Nothing stands" not in said


def test_a_dead_undo_is_asked_for_again_and_a_note_whose_outcome_is_unknown_is_no_containment(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    ledger = SqliteLedger(tmp_path / SANDBOX / LEDGER, sandbox=True)
    undo = ledger.open("undo:run-0123456789ab", "1", {"undo": "run-0123456789ab"}, "auto", KILLED, NOW)
    assert isinstance(undo, Opened)
    note = change("build-bot").model_copy(update={"action": "securityhub_update_finding"})
    ledger.claim(undo.run_id, undo.fence, note, NOW)
    ledger.sending(undo.run_id, undo.fence, note, NOW)
    assert command(tmp_path, "standing") == (0, "Nothing stands.")
    assert "ask for it again: stanch undo run-0123456789ab" in command(tmp_path, "explain", undo.run_id)[1]


def test_an_undo_or_an_answer_of_a_dead_run_is_refused_with_the_word_that_it_is_dead_and_the_way_on(
    tmp_path: Path,
) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"), alive=lambda holder: holder != "dead")
    opened = {who: at.service.ledger.open(who, "1", {}, "auto", who, at.sandbox.now()) for who in ("dead", "alive")}
    dead, alive = (one.run_id for one in opened.values() if isinstance(one, Opened))
    said = f"{dead} has not ended, its process is gone: {how_to_go_on(True)}"
    assert undoable(at.service, dead) == (None, said)
    assert keep(at.service, dead, "approve", "rosa", None, "") == NotTaken(reason="not_waiting", detail=said)
    assert undoable(at.service, alive) == (None, f"{alive} is being worked: let it end")


def test_what_a_dead_run_did_stands_with_the_word_that_the_run_is_dead(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    left(tmp_path, done=True)
    assert "not ended its process is gone: deliver the same event again" in command(tmp_path, "standing")[1]


def test_what_a_live_process_writes_now_is_no_news(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    run = left(tmp_path, holder="elsewhere:1:1:1")
    assert command(tmp_path, "standing") == (0, "Nothing stands.")
    assert command(tmp_path, "explain", run) == (2, f"{run} is being worked by a process that is alive")


def test_explaining_a_dead_run_says_what_is_known_and_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    run = left(tmp_path)
    code, said = command(tmp_path, "explain", run)
    assert code == 0
    about = "UnauthorizedAccess:IAMUser/"
    for words in (f"{run} not ended", "its process is gone", about, "a write left, outcome unknown", "--sandbox"):
        assert words in said
    code, said = command(tmp_path, "policy", "explain", run)
    assert (code, f"`stanch explain {run}` says what is known" in said) == (2, True)


def test_a_dead_run_that_wrote_nothing_says_so_and_one_that_wrote_shows_its_receipt(tmp_path: Path) -> None:
    (tmp_path / SANDBOX).mkdir()
    assert "wrote nothing" in command(tmp_path, "explain", left(tmp_path, sent=False))[1]
    other = tmp_path / "other"
    (other / SANDBOX).mkdir(parents=True)
    said = command(other, "explain", left(other, done=True))[1]
    assert "A1 iam_deny_user on user build-bot in 111122223333: done, 2026-11-20 12:00 UTC" in said
    assert "unknown" not in said
