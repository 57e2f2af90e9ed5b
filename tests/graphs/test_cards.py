"""Two queues: a threat is told at once; posture comes on cards by control and owner, within a budget, answered run by run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import BUCKET, BUCKET_WORLD, USER_WORLD, Desk, about, desk, event, world
from functions import clock
from table_desk import aws_writes, tables

from agent.event import Event
from agent.finding import Finding
from agent.intake import parse
from agent.queue import Queue, queue_of
from agent.report import Report, Status
from agent.verdict import Mode, Request
from graphs.answering import NotTaken
from graphs.cards import answer_card, card_named, grouped, tell, waiting
from graphs.notify import card_message
from graphs.runs import Runs
from tools.ledger import Ask, Card

HUB = "securityhub_s3_public"
BUCKETS = [BUCKET, "example-second", "example-third"]
MANY = world(
    BUCKET_WORLD,
    *((f"s3.buckets.{n}", {"name": name, "policy": "public_read"}) for n, name in enumerate(BUCKETS[1:], 2)),
    ("registry.accounts.111122223333.owner", "team-data"),
)


def found(bucket: str, control: str = "") -> Any:
    """The control's finding about the bucket."""
    body = about(bucket, event(HUB))
    (one,) = body["detail"]["findings"]
    one["Id"] += f"-{bucket}{control}"
    if control:
        one["Compliance"]["SecurityControlId"] = control
    return body


class Heard:
    """What people were told."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self.cards: list[tuple[Card, int]] = []
        self.reached = True

    def run(self, request: Request, report: Report) -> None:
        self.runs.append(request.run_id)

    def card(self, card: Card, more: int) -> bool:
        if self.reached:
            self.cards.append((card, more))
        return self.reached


def listening(at: Desk, **settings: Any) -> tuple[Desk, Heard]:
    """The same desk, with a topic."""
    heard = Heard()
    chosen = at.service.settings.model_copy(update=settings)
    service = replace(at.service, notify=heard.run, tell_card=heard.card, settings=chosen)
    return replace(
        at, service=service, runs=Runs(service, at.runs._graph.checkpointer, by_phase=at.runs._by_phase)
    ), heard


def in_a_file(folder: Path, text: str, body: Any) -> Desk:
    return desk(folder, text, body, Mode.APPROVE)


def in_tables(folder: Path, text: str, body: Any) -> Desk:
    return tables(folder, text, body, Mode.APPROVE).at


@pytest.fixture(params=[in_a_file, in_tables])
def made(request: pytest.FixtureRequest) -> Callable[..., Desk]:
    """A desk with its state in either ledger."""
    desk_: Callable[..., Desk] = request.param
    return desk_


def asked(at: Desk, bodies: list[Any]) -> list[Report]:
    """Each delivered, and waiting."""
    reports = []
    for body in bodies:
        at.arrives(body)
        reports.append(at.deliver(body))
    assert {report.status for report in reports} == {Status.AWAITING_APPROVAL}
    return reports


QUEUES = {
    "guardduty_credential_abuse": Queue.THREAT, "guardduty_attack_sequence": Queue.THREAT,
    "guardduty_s3_public": Queue.THREAT, "macie_sensitive_data": Queue.THREAT, "cloudtrail_root_call": Queue.THREAT,
    "health_exposed_key": Queue.THREAT, "guardduty_credential_abuse_asff": Queue.THREAT,
    "securityhub_s3_public": Queue.POSTURE, "securityhub_s3_public_ocsf": Queue.POSTURE, "config_rule": Queue.POSTURE,
    "macie_policy": Queue.POSTURE, "macie_policy_asff": Queue.POSTURE, "inspector_package": Queue.POSTURE,
    "access_analyzer_bucket": Queue.POSTURE,
}  # fmt: skip


@pytest.mark.parametrize("name", QUEUES)
def test_what_a_check_found_is_posture_and_all_else_a_threat(name: str, tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"))
    (one,) = parse(Event(body=event(name), received_at=at.sandbox.now(), via="eval")).findings
    assert isinstance(one, Finding)
    assert queue_of(one) is QUEUES[name]


def test_a_threat_is_told_at_once_and_comes_on_no_card(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at, heard = listening(made(tmp_path, USER_WORLD, event("guardduty_credential_abuse")))
    run = at.deliver()
    assert heard.runs == [run.run_id]
    assert tell(at.service).told == heard.cards == []


def test_posture_is_told_once_by_control_and_owner(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at, heard = listening(made(tmp_path, MANY, found(BUCKETS[0])))
    runs = asked(at, [found(bucket) for bucket in BUCKETS])
    assert heard.runs == []
    told = tell(at.service)
    ((card, more),) = heard.cards
    assert (told.told, told.left, more) == ([card.id], [], 0)
    assert (card.control, card.owner) == ("S3.8", "team-data")
    assert [ask.run_id for ask in card.asks] == sorted(run.run_id for run in runs)
    assert tell(at.service).told == []
    assert card_message(card, 3).splitlines()[0] == f"Card {card.id} asks for 3 runs: S3.8, owner team-data"


def test_a_card_s_approval_answers_each_run_with_its_own_digest(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at, heard = listening(made(tmp_path, MANY, found(BUCKETS[0])))
    runs = asked(at, [found(bucket) for bucket in BUCKETS])
    tell(at.service)
    card = card_named(heard.cards[0][0].id, at.service.ledger, at.service.registry, at.sandbox.now())
    assert card is not None
    came = dict(answer_card(at.runs, card, "approve", "rosa", "all of them"))
    done = [came[run.run_id] for run in runs]
    assert [each.status for each in done if isinstance(each, Report)] == [Status.CONTAINED] * 3
    digests = {approval.digest for each in done if isinstance(each, Report) for approval in each.approvals}
    assert digests == {ask.digest for ask in card.asks}
    assert aws_writes(at).count("s3:PutPublicAccessBlock") == 3


def test_a_request_that_changed_since_the_card_was_shown_is_not_answered(
    tmp_path: Path, made: Callable[..., Desk]
) -> None:
    at, heard = listening(made(tmp_path, MANY, found(BUCKETS[0])))
    asked(at, [found(bucket) for bucket in BUCKETS[:2]])
    tell(at.service)
    ((card, _),) = heard.cards
    first, second = card.asks
    stale = card.model_copy(update={"asks": [Ask(run_id=first.run_id, digest="another"), second]})
    came = dict(answer_card(at.runs, stale, "approve", "rosa", ""))
    refused, done = came[first.run_id], came[second.run_id]
    assert isinstance(refused, NotTaken)
    assert refused.detail == "it asks for something else by now: look at it again"
    assert isinstance(done, Report)
    assert done.status is Status.CONTAINED
    row = at.service.ledger.run(first.run_id)
    assert row is not None
    assert row.status is Status.AWAITING_APPROVAL


def test_what_does_not_fit_into_the_hour_is_said_and_comes_with_a_later_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at, heard = listening(desk(tmp_path, MANY, found(BUCKETS[0]), Mode.APPROVE), cards_an_hour=1)
    worse = found(BUCKETS[1], "S3.2")
    worse["detail"]["findings"][0]["FindingProviderFields"] = {"Severity": {"Label": "CRITICAL"}}
    worse["detail"]["findings"][0]["Severity"] = {"Label": "CRITICAL"}
    mild, severe = asked(at, [found(BUCKETS[0]), worse])
    first = clock(at, tmp_path, monkeypatch)
    assert [[ask.run_id for ask in card.asks] for card, _ in heard.cards] == [[severe.run_id]], "the severest first"
    assert (len(first["cards"]), len(first["cards_left"])) == (1, 1)
    assert heard.cards[0][1] == 1
    assert first["cards_left"][0] in caplog.text
    assert clock(at, tmp_path, monkeypatch)["cards"] == []
    at.wait(minutes=61)
    assert clock(at, tmp_path, monkeypatch)["cards"] == first["cards_left"]
    assert [ask.run_id for ask in heard.cards[1][0].asks] == [mild.run_id]


def test_a_card_whose_message_did_not_leave_is_said_and_told_with_a_later_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at, heard = listening(desk(tmp_path, MANY, found(BUCKETS[0]), Mode.APPROVE))
    (mild,) = asked(at, [found(BUCKETS[0])])
    heard.reached = False
    first = clock(at, tmp_path, monkeypatch)
    assert (first["cards"], len(first["cards_left"])) == ([], 1)
    heard.reached = True
    assert clock(at, tmp_path, monkeypatch)["cards"] == first["cards_left"]
    assert [[ask.run_id for ask in card.asks] for card, _ in heard.cards] == [[mild.run_id]]


def test_threats_take_their_part_of_the_hour_first(tmp_path: Path) -> None:
    text = world(MANY, ("iam", {"users": [{"name": "build-bot", "keys": [{"id": "AKIAIOSFODNN7EXAMPL1"}]}]}))
    at, heard = listening(desk(tmp_path, text, found(BUCKETS[0]), Mode.APPROVE), cards_an_hour=1)
    asked(at, [found(BUCKETS[0]), event("guardduty_credential_abuse")])
    assert len(heard.runs) == 1
    assert (tell(at.service).told, len(tell(at.service).left)) == ([], 1)
    at.wait(minutes=61)
    assert len(tell(at.service).told) == 1


def test_a_request_about_posture_waits_for_days_and_one_about_a_threat_for_an_hour(tmp_path: Path) -> None:
    for name, text, hours in ((HUB, BUCKET_WORLD, 72), ("guardduty_credential_abuse", USER_WORLD, 1)):
        (tmp_path / name).mkdir()
        at = desk(tmp_path / name, text, event(name), Mode.APPROVE)
        at, _ = listening(at)
        request = at.service.ledger.request(at.deliver().run_id)
        assert request is not None
        assert (request.expires_at - request.created_at).total_seconds() == hours * 3600


def test_a_card_that_nobody_was_told_of_is_found_by_what_it_holds(tmp_path: Path) -> None:
    at = desk(tmp_path, MANY, found(BUCKETS[0]), Mode.APPROVE)
    asked(at, [found(bucket) for bucket in BUCKETS[:2]])
    ledger, registry, now = at.service.ledger, at.service.registry, at.sandbox.now()
    (card,) = grouped(waiting(ledger), registry, now)
    assert card_named(card.id, ledger, registry, now) == card
    asked(at, [found(BUCKETS[2])])
    assert card_named(card.id, ledger, registry, now) is None, "it holds something else now"


def test_without_a_topic_nobody_is_told_of_a_card_and_each_request_is_told_as_ever(tmp_path: Path) -> None:
    heard: list[str] = []
    at = desk(tmp_path, MANY, found(BUCKETS[0]), Mode.APPROVE)
    at.runs.service = replace(at.service, notify=lambda request, report: heard.append(request.run_id))
    (run,) = asked(at, [found(BUCKETS[0])])
    assert (heard, tell(at.service).told) == ([run.run_id], [])
