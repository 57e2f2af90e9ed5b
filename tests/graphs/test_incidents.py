"""One incident: whatever road a finding takes, however it changes, and however many findings are about the same thing."""

import copy
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from desk import ACCOUNT, BUCKET, BUCKET_WORLD, REGION, USER_WORLD, Desk, desk, event
from table_desk import aws_writes, tables

from agent.event import Event
from agent.finding import Finding
from agent.intake import parse
from agent.intake import sent as sent_by
from agent.report import Report, Status
from agent.target import case_of
from agent.verdict import Mode
from graphs.answering import NotTaken, sign
from graphs.bootstrap import configuration, since
from graphs.entrypoints import cli_parked
from graphs.incidents import replaced
from graphs.intake import screened
from graphs.parking import park
from tools.ledger import Kin

GUARDDUTY, HUB, MACIE = "guardduty_credential_abuse", "securityhub_s3_public", "macie_policy"
BOTH = ["iam:PutUserPolicy", "iam:UpdateAccessKey"]


def in_a_file(folder: Path, text: str, body: Any, mode: Mode, **more: Any) -> Desk:
    return desk(folder, text, body, mode, **more)


def in_tables(folder: Path, text: str, body: Any, mode: Mode, **more: Any) -> Desk:
    return tables(folder, text, body, mode, **more).at


@pytest.fixture(params=[in_a_file, in_tables])
def made(request: pytest.FixtureRequest) -> Callable[..., Desk]:
    """A desk with its state in either ledger."""
    desk_: Callable[..., Desk] = request.param
    return desk_


def changed(body: Any, minute: int = 50) -> Any:
    """The finding after new activity."""
    newer = copy.deepcopy(body)
    newer["detail"]["service"]["count"] = minute
    newer["detail"]["updatedAt"] = f"2026-11-20T11:{minute}:00.000Z"
    return newer


def further(body: Any) -> Any:
    """Another finding about the same."""
    old = body["detail"]["id"]
    made: Any = json.loads(json.dumps(body).replace(old, "f" * 32))
    return made


def standing(at: Desk, run: Report) -> Report:
    """What the ledger says of the run now."""
    found = at.service.ledger.report(run.run_id)
    assert found is not None
    return found


def waits(at: Desk) -> list[str]:
    return [row.run_id for row in at.service.ledger.runs() if row.status is Status.AWAITING_APPROVAL]


@pytest.mark.parametrize("road", ["guardduty_credential_abuse_asff", "guardduty_credential_abuse_ocsf"])
def test_the_same_finding_by_security_hub_s_roads_is_one_run(
    tmp_path: Path, made: Callable[..., Desk], road: str
) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.AUTO)
    first = at.deliver()
    again = at.deliver(event(road))
    assert (again.status, again.run_id, again.reason) == (
        Status.SKIPPED, first.run_id, f"duplicate: {first.run_id} is contained (finding)",
    )  # fmt: skip
    assert [row.run_id for row in at.service.ledger.runs()] == [first.run_id]
    assert aws_writes(at)[:2] == BOTH


def test_activity_while_a_card_is_open_makes_it_void_and_asks_anew(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    first = at.deliver()
    again = at.deliver(changed(at.body))
    assert (again.status, again.run_id != first.run_id) == (Status.AWAITING_APPROVAL, True)
    assert (waits(at), aws_writes(at)) == ([again.run_id], [])
    void = standing(at, first)
    assert (void.status, void.waits_for) == (Status.EXPIRED, "")
    assert void.reason == f"what it asked is void: its finding changed while it waited; {again.run_id} looks at it anew"
    late = at.say("approve", first)
    assert isinstance(late, NotTaken)
    assert (late.reason, late.detail) == ("not_waiting", f"{first.run_id} is expired, not waiting: {void.reason}")
    assert aws_writes(at) == []
    assert at.say("approve", again).status is Status.CONTAINED
    assert aws_writes(at)[:2] == BOTH


def test_an_approval_of_a_void_card_covers_nothing_of_the_new_one(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE, sandbox=False)
    first = at.deliver()
    old = at.service.ledger.request(first.run_id)
    assert old is not None
    given = sign(at.service, old, "approve", "rosa", [action.id for action in old.actions], "")
    again = at.deliver(changed(at.body))
    new = at.service.ledger.request(again.run_id)
    assert new is not None
    assert new.digest != old.digest
    assert at.service.ledger.answer(given)
    assert at.service.ledger.answer(given.model_copy(update={"run_id": again.run_id, "nonce": "copied"}))
    assert at.runs.pick_up(first.run_id) == standing(at, first)
    assert not at.runs.may_go_on(again.run_id)
    assert aws_writes(at) == []


@pytest.mark.parametrize(("severity", "void"), [("HIGH", False), ("CRITICAL", True)])
def test_a_check_that_is_repeated_is_no_activity_and_one_that_says_something_else_is(
    tmp_path: Path, severity: str, void: bool
) -> None:
    body = event(HUB)
    (found,) = body["detail"]["findings"]
    found["Severity"] = found["FindingProviderFields"] = {"Label": "HIGH", "Severity": {"Label": "HIGH"}}
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.APPROVE)
    first = at.deliver()
    found["UpdatedAt"] = found["LastObservedAt"] = "2026-11-20T11:59:00.000Z"
    found["Severity"] = found["FindingProviderFields"] = {"Label": severity, "Severity": {"Label": severity}}
    again = at.deliver(body)
    assert (standing(at, first).status is Status.EXPIRED, again.status is Status.SKIPPED) == (void, not void)


def test_an_older_version_that_comes_late_leaves_the_card_as_it_is(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at = made(tmp_path, USER_WORLD, changed(event(GUARDDUTY), 50), Mode.APPROVE)
    first = at.deliver()
    late = at.deliver(changed(at.body, 40))
    assert (late.status, late.reason.partition(":")[0], waits(at)) == (Status.SKIPPED, "duplicate", [first.run_id])


def test_a_card_that_was_answered_before_the_activity_came_is_gone_on_with(tmp_path: Path) -> None:
    """The process that took the answer died: what was approved is done, and the changed finding is worked after it."""
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    first = at.deliver()
    asked = at.service.ledger.request(first.run_id)
    assert asked is not None
    ids = [action.id for action in asked.actions]
    assert at.service.ledger.answer(sign(at.service, asked, "approve", "rosa", ids, ""))
    again = at.deliver(changed(at.body))
    assert (standing(at, first).status, at.changes) == (Status.CONTAINED, BOTH)
    assert (again.run_id != first.run_id, again.status) == (True, Status.NO_ACTION)


def test_activity_after_containment_opens_a_new_generation(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.AUTO)
    first = at.deliver()
    again = at.deliver(changed(at.body))
    rows = {row.run_id: row.generation for row in at.service.ledger.runs()}
    assert (first.status, rows) == (Status.CONTAINED, {first.run_id: 0, again.run_id: 1})
    assert again.related == [first.run_id]


def test_a_further_finding_that_asks_the_same_takes_the_card_over(tmp_path: Path, made: Callable[..., Desk]) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    first = at.deliver()
    other = further(at.body)
    at.arrives(other)
    at.wait(minutes=5)
    again = at.deliver(other)
    assert (again.status, again.related, waits(at)) == (Status.AWAITING_APPROVAL, [first.run_id], [again.run_id])
    void = standing(at, first)
    assert (void.status, again.run_id in void.reason) == (Status.EXPIRED, True)
    late = at.say("approve", first)
    assert isinstance(late, NotTaken)
    assert again.run_id in late.detail
    assert at.deliver().status is Status.SKIPPED
    assert at.say("approve", again).status is Status.CONTAINED
    assert aws_writes(at)[:2] == BOTH


@pytest.mark.parametrize(("minutes", "window"), [(61, 60), (5, 4), (5, 0)])
def test_outside_the_window_each_finding_has_its_own_card(tmp_path: Path, minutes: int, window: int) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE, case_minutes=window, approval_minutes=600)
    first = at.deliver()
    other = further(at.body)
    at.arrives(other)
    at.wait(minutes=minutes)
    again = at.deliver(other)
    assert (again.related, sorted(waits(at))) == ([], sorted([first.run_id, again.run_id]))


def test_a_card_that_asks_something_else_stays(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.APPROVE)
    first = at.deliver()
    asked = at.service.ledger.request(first.run_id)
    assert asked is not None
    less = asked.model_copy(update={"run_id": "less", "actions": asked.actions[:1]})
    stricter = asked.model_copy(update={"run_id": "stricter", "needs": [*asked.needs, *asked.needs]})
    kin = [Kin(run_id=first.run_id, at=at.sandbox.now())]
    came = asked.created_at + timedelta(seconds=1)
    assert replaced(asked, came, kin, at.service) == [first.run_id]
    assert replaced(asked, asked.created_at, kin, at.service) == [], "it came before there was a card"
    assert replaced(less, came, kin, at.service) == replaced(stricter, came, kin, at.service) == []


def test_two_services_that_see_the_same_bucket_ask_once(tmp_path: Path) -> None:
    at = desk(tmp_path, BUCKET_WORLD, event(HUB), Mode.APPROVE)
    at.arrives(event(MACIE))
    first = at.deliver()
    at.wait(minutes=1)
    second = at.deliver(event(MACIE))
    assert second.related == [first.run_id]
    assert waits(at) == [second.run_id]
    assert at.say("approve", second).status is Status.CONTAINED
    assert at.changes == ["s3:PutPublicAccessBlock"]


def test_an_event_of_two_findings_about_the_same_has_a_card_for_each(tmp_path: Path) -> None:
    body = event(HUB)
    other = copy.deepcopy(body["detail"]["findings"][0])
    other["Id"] += "-again"
    body["detail"]["findings"].append(other)
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.APPROVE)
    first, second = at.deliver_all()
    assert sorted(waits(at)) == sorted([first.run_id, second.run_id])


def test_an_event_of_a_finding_and_its_later_version_says_how_each_stands_in_the_end(tmp_path: Path) -> None:
    body = event("guardduty_credential_abuse_asff")
    later = copy.deepcopy(body["detail"]["findings"][0])
    later["UpdatedAt"] = "2026-11-20T11:59:00.000Z"
    body["detail"]["findings"].append(later)
    at = desk(tmp_path, USER_WORLD, body, Mode.APPROVE)
    first, second = at.deliver_all()
    assert (first.status, second.status) == (Status.EXPIRED, Status.AWAITING_APPROVAL)
    assert waits(at) == [second.run_id]


CASES = {
    GUARDDUTY: "aws:111122223333:aws-global:user:build-bot",
    HUB: f"aws:111122223333:eu-west-1:bucket:{BUCKET}",
    MACIE: f"aws:111122223333:eu-west-1:bucket:{BUCKET}",
    "guardduty_role_session": "aws:111122223333:aws-global:role:",
    "health_retirement": "aws:111122223333:eu-west-1:instance:",
}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_the_principal_behind_a_key_or_a_session_else_the_resource(name: str, tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.OBSERVE)
    (found,) = parse(Event(body=event(name), received_at=at.sandbox.now(), via="eval")).findings
    assert isinstance(found, Finding)
    assert case_of(found.targets).startswith(CASES[name])
    assert case_of([]) == ""


@pytest.mark.parametrize(("via", "status"), [("sqs", Status.SKIPPED), ("eventbridge", Status.SKIPPED), ("cli", None)])
def test_what_came_before_the_installation_is_old_unless_a_person_sends_it(
    tmp_path: Path, made: Callable[..., Desk], via: Any, status: Status | None
) -> None:
    at = made(tmp_path, USER_WORLD, event(GUARDDUTY), Mode.AUTO)
    at.runs.service = replace(at.service, since=lambda: at.service.ledger.first_start(at.sandbox.now()))
    (report,) = at.runs.deliver(Event(body=at.body, received_at=at.sandbox.now(), via=via))
    assert report.status is (status or Status.CONTAINED)
    assert report.reason.startswith("old: last seen 2026-11-20T") is (status is not None)
    assert (aws_writes(at)[:2] == BOTH) is (status is None)


def sent(at: Desk, body: Any, via: Any = "sqs") -> Report:
    """What comes of the event by that road."""
    (report,) = at.runs.deliver(Event(body=body, received_at=at.sandbox.now(), via=via))
    return report


OURS = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/stanch"


def by_action(body: Any, arn: str = OURS, identity: str = "first") -> Any:
    """The finding as a person sends it by that custom action."""
    return {**body, "detail-type": "Security Hub Findings - Custom Action", "id": identity, "resources": [arn]}


def test_each_custom_action_is_worked_and_the_same_one_twice_is_a_duplicate(
    tmp_path: Path, made: Callable[..., Desk]
) -> None:
    body = event(HUB)
    body["detail"]["findings"][0]["Workflow"] = {"Status": "RESOLVED"}
    action = by_action(body)
    at = made(tmp_path, BUCKET_WORLD, body, Mode.OBSERVE, custom_action=OURS)
    at.runs.service = replace(at.service, since=lambda: at.sandbox.now() + timedelta(days=1))
    assert sent(at, body).reason.startswith("resolved: ")
    first = sent(at, action)
    again, other = sent(at, action), sent(at, by_action(body, identity="second"))
    assert first.status not in (Status.SKIPPED, Status.REFUSED)
    assert again.reason.startswith("duplicate: ")
    assert (again.run_id, other.status) == (first.run_id, first.status)
    assert other.run_id != first.run_id


@pytest.mark.parametrize(
    ("arn", "own", "via", "heard"),
    [
        (OURS, OURS, "sqs", True),
        (OURS.replace("stanch", "ticket"), OURS, "sqs", False),
        (OURS, "", "eventbridge", False),
        ("", "", "sqs", False),
        (OURS.replace("stanch", "ticket"), "", "cli", True),
    ],
    ids=["ours", "another's", "none is ours", "of no action", "another's by hand"],
)
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda body: body,
        lambda body: [body],
        lambda body: {"Type": "Notification", "MessageId": "m", "Message": json.dumps(body)},
        lambda body: {"Records": [{"body": json.dumps({"Type": "Notification", "Message": json.dumps(body)})}]},
    ],
    ids=["bare", "in a list", "by a topic", "by a topic and a queue"],
)
def test_a_suppressed_finding_is_worked_only_if_a_person_sent_it_to_us_however_it_is_wrapped(
    tmp_path: Path, wrapped: Callable[[Any], Any], arn: str, own: str, via: Any, heard: bool
) -> None:
    body = event(HUB)
    body["detail"]["findings"][0]["Workflow"] = {"Status": "SUPPRESSED"}
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.OBSERVE, custom_action=own)
    finding = parse(Event(body=body, received_at=at.sandbox.now(), via=via)).findings[0]
    assert isinstance(finding, Finding)
    came = Event(body=wrapped(by_action(body, arn)), received_at=at.sandbox.now(), via=via)
    why = screened(finding, came, 0, at.service)
    assert (why is None) is heard, why


@pytest.mark.parametrize(("arn", "said"), [(OURS, "proposed"), (f"{OURS}Ticket", "suppressed")], ids=["ours", "theirs"])
def test_a_parked_delivery_that_somebody_retries_is_what_the_queue_brought(
    tmp_path: Path, arn: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = event(HUB)
    body["detail"]["findings"][0]["Workflow"] = {"Status": "SUPPRESSED"}
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.OBSERVE, custom_action=OURS)
    ledger = at.service.ledger
    parked = park(ledger, json.dumps(by_action(body, arn)), "poison", 4, at.sandbox.now())
    monkeypatch.setattr(cli_parked, "ledgers", lambda: {False: ledger})
    monkeypatch.setattr(cli_parked, "opened", lambda **_: nullcontext(at.runs))
    with pytest.raises(typer.Exit):
        cli_parked.retry(parked.id)
    assert said in capsys.readouterr().out


def test_of_several_findings_each_is_sent_by_itself(tmp_path: Path) -> None:
    body = event(HUB)
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.OBSERVE, custom_action=OURS)
    came = Event(body=[body, by_action(body)], received_at=at.sandbox.now(), via="sqs")
    assert [how is not None for how in (sent_by(came, 0, OURS), sent_by(came, 1, OURS), sent_by(came, 2, OURS))] == [
        False, True, False,
    ]  # fmt: skip


def test_the_import_that_follows_a_custom_action_unchanged_is_no_further_run(tmp_path: Path) -> None:
    body = event(HUB)
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.OBSERVE, custom_action=OURS)
    first = sent(at, by_action(body))
    assert sent(at, body).reason.startswith("duplicate: ")
    assert sent(at, {**body, "source": "my.hub"}).status is Status.REFUSED
    assert first.status is not Status.SKIPPED


def test_a_custom_action_on_a_finding_that_security_hub_does_not_know_does_nothing(tmp_path: Path) -> None:
    body = event(HUB)
    at = desk(tmp_path, BUCKET_WORLD, body, Mode.AUTO, custom_action=OURS)
    invented = copy.deepcopy(by_action(body))
    invented["detail"]["findings"][0]["Id"] += "-invented"
    report = sent(at, invented)
    assert (report.status, at.changes) == (Status.REFUSED, [])
    assert report.reason.startswith("not_found: ")
    assert "if it was enabled again since, this may be true all the same" in report.reason


def test_a_service_of_the_real_aws_takes_the_moment_from_its_configuration_or_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = desk(tmp_path, USER_WORLD, event(GUARDDUTY)).service.ledger
    started = ledger.first_start(datetime.now(UTC))
    moments = {}
    for chosen in ("first_start", "ever", "2026-11-20T12:00:00Z"):
        monkeypatch.setenv("STANCH_SINCE", chosen)
        moments[chosen] = since(configuration(), ledger)()
    assert moments == {
        "first_start": started - timedelta(hours=1),
        "ever": None,
        "2026-11-20T12:00:00Z": datetime(2026, 11, 20, 12, tzinfo=UTC),
    }
