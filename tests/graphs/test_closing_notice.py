"""People are told of what was closed as benign: grouped, once, one message an hour at most, and of what was opened again since."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from closing_desk import SHUT, low, opened, writes_on_it
from desk import ACCOUNT, BUCKET_WORLD, REGION, Desk, world
from functions import clock
from table_desk import tables

from agent.report import Report, Status
from graphs.cards import _used, card_named
from graphs.closing_notice import Group, notice, tell
from graphs.entrypoints import cli_standing
from graphs.notify import notice_teller
from graphs.undo import undo_run
from tools.aws import Phase, Tally
from tools.ledger import Card
from tools.outbox import CALLS as OUTBOX


class Heard:
    """What people were told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.reached = True

    def __call__(self, subject: str, text: str) -> bool:
        if self.reached:
            self.said.append((subject, text))
        return self.reached


def listening(at: Desk) -> tuple[Desk, Heard]:
    heard = Heard()
    return replace(at, service=replace(at.service, tell_notice=heard)), heard


def closed(at: Desk, *names: str) -> list[Report]:
    """Findings of the same control that are closed, one for each name."""
    reports = []
    for name in names:
        (finding,) = (body := low())["detail"]["findings"]
        finding["Id"] += f"-{name}"
        at.arrives(body)
        reports.append(at.deliver(body))
    assert {report.status for report in reports} == {Status.NO_ACTION}
    return reports


def test_what_was_closed_is_told_with_its_control_its_owner_its_policy_and_the_way_back(tmp_path: Path) -> None:
    at, heard = listening(opened(tmp_path))
    first, second = closed(at, "one", "two")
    (told,) = tell(at.service)
    ((subject, text),) = heard.said
    assert (subject, text.splitlines()) == (
        "Stanch: 2 closed as benign",
        [
            "2 low or medium findings were closed as benign in Security Hub.",
            "- 2 of S3.8, owner 111122223333, by close-benign",
            f"    reopen: stanch undo {first.run_id}",
            f"    reopen: stanch undo {second.run_id}",
            "All of them, and what was left open: stanch closed --days 7",
        ],
    )
    at.wait(minutes=61)
    assert (tell(at.service), len(heard.said)) == ([], 1), "once"
    assert card_named(told, at.service.ledger, at.service.registry, at.sandbox.now()) is None, "no card"


def test_the_clock_tells_it_once_an_hour_at_most_and_nothing_is_lost_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, heard = listening(opened(tmp_path))
    closed(at, "one")
    assert len(clock(at, tmp_path, monkeypatch)["told_closed"]) == 1
    (later,) = closed(at, "two")
    at.wait(minutes=30)
    assert clock(at, tmp_path, monkeypatch)["told_closed"] == []
    at.wait(minutes=31)
    assert len(clock(at, tmp_path, monkeypatch)["told_closed"]) == 1
    assert [text.count("reopen:") for _, text in heard.said] == [1, 1]
    assert later.run_id in heard.said[1][1]


def test_a_message_that_did_not_leave_is_said_in_the_log_and_told_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at, heard = listening(opened(tmp_path))
    closed(at, "one")
    heard.reached = False
    assert tell(at.service) == []
    assert "people wait to be told: Stanch: 1 closed as benign" in caplog.text
    heard.reached = True
    assert len(tell(at.service)) == 1


def test_what_was_told_to_be_closed_and_is_open_again_is_told_too_whoever_opened_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, heard = listening(opened(tmp_path))
    by_command, past_us = closed(at, "one", "two")
    tell(at.service)
    at.wait(minutes=61)
    undo_run(at.service, by_command.run_id, None, "rosa")
    writes_on_it(at, past_us.run_id, Workflow={"Status": "NEW"})
    assert len(clock(at, tmp_path, monkeypatch)["told_closed"]) == 1
    subject, text = heard.said[1]
    assert subject == "Stanch: 2 opened again"
    assert f"- {by_command.run_id}, S3.8: taken back by rosa" in text
    assert f"- {past_us.run_id}, S3.8: reopened by somebody, or by Security Hub itself" in text
    at.wait(minutes=61)
    assert tell(at.service) == [], "once"


def test_it_is_the_same_in_tables_and_takes_no_room_from_cards(tmp_path: Path) -> None:
    at, _ = listening(tables(tmp_path, world(BUCKET_WORLD, *SHUT), low()).at)
    closed(at, "one")
    assert [len(tell(at.service)), len(tell(at.service))] == [1, 0]
    (shown,) = at.service.ledger.cards(at.sandbox.now() - timedelta(days=1))
    assert (shown.asks, len(shown.closed), shown.opened) == ([], 1, [])
    assert _used([], [shown], at.sandbox.now()) == 0


def test_closings_older_than_a_week_are_told_to_nobody_and_without_a_topic_none_is(tmp_path: Path) -> None:
    at = opened(tmp_path)
    closed(at, "one")
    assert tell(at.service) == []
    at, heard = listening(at)
    at.wait(days=8)
    assert (tell(at.service), heard.said) == ([], [])


def test_it_leaves_on_the_topic_and_what_does_not_leave_is_known(tmp_path: Path) -> None:
    at = opened(tmp_path)
    topic = at.sandbox.client("sns", ACCOUNT, REGION).create_topic(Name="stanch")["TopicArn"]
    at.calls.clear()
    aws = at.service.aws(ACCOUNT, REGION, Phase.TELL, OUTBOX, Tally())
    assert notice_teller(aws, topic)("Stanch: 1 closed as benign", "one")
    assert [call.name for call in at.calls] == ["sns:Publish"]
    assert not notice_teller(aws, f"{topic}-that-is-not-there")("Stanch: 1 closed as benign", "one")


def test_a_card_of_an_earlier_release_is_read_as_it_was() -> None:
    old = {"id": "card-1", "control": "S3.8", "owner": "team", "asks": [], "at": "2026-11-20T12:00:00Z"}
    assert Card.model_validate(old).closed == []


def test_a_message_is_bounded_and_spells_out_what_cannot_be_seen() -> None:
    runs = [f"run-{number}" for number in range(500)]
    many = [Group(control=f"C\u200b{number}", owner="o", policies=["p"], runs=runs) for number in range(500)]
    text = notice(many, [])
    assert text.startswith("250000 low or medium findings were closed")
    assert len(text) < 50_000
    assert ("and 480 more" in text, "and 480 more groups" in text, "\u200b" in text) == (True, True, False)


def test_a_message_has_no_link() -> None:
    text = notice([Group(control="c.example", owner="o\u3002example", policies=["p"], runs=["run-1"])], [])
    assert "1 of c[.]example, owner o[.]example, by p" in text


def test_standing_says_in_one_line_how_many_are_closed_and_which_command_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = opened(tmp_path)
    (report,) = closed(at, "one")
    monkeypatch.setattr(cli_standing, "ledgers", lambda: {False: at.service.ledger})
    cli_standing.standing()
    said = capsys.readouterr().out
    days = (datetime.now(UTC) - at.sandbox.now()).days + 1
    assert said.strip() == f"1 finding closed as benign: stanch closed --days {min(365, max(1, days))}"
    undo_run(at.service, report.run_id, None, "rosa")
    cli_standing.standing()
    assert "closed as benign" not in capsys.readouterr().out
