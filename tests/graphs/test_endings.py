"""People are told how runs ended, not only what runs ask: at once of a threat, together of the rest, and nothing twice."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, BUCKET_WORLD, KEY, REGION, USER, USER_WORLD, Desk, desk, event, world
from functions import clock
from table_desk import tables
from test_state_in_tables import said

from agent.policy import Policies
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.endings import tell_ends
from graphs.entrypoints.log import line, note
from graphs.notify import end_message, end_teller, ends_message
from graphs.plain import quiet
from graphs.runs import Runs
from tools.action import catalogue
from tools.aws import Phase, Tally
from tools.outbox import CALLS
from tools.sandbox.faults import Fail, SandboxCall

THREAT, POSTURE = "guardduty_credential_abuse", "securityhub_s3_public"
WORLDS = {THREAT: USER_WORLD, POSTURE: BUCKET_WORLD}
GUARDED = world(USER_WORLD, ("registry.break_glass", [USER]))
NOWHERE = Policies.load_or_deny(Path("/nowhere"), catalogue=catalogue())


class Heard:
    """What people were told: each message's runs, and how many more it spoke of."""

    def __init__(self) -> None:
        self.said: list[tuple[list[str], int]] = []
        self.reached = True

    def ends(self, reports: list[Report], more: int) -> bool:
        if self.reached:
            self.said.append(([report.run_id for report in reports], more))
        return self.reached


def listening(at: Desk, heard: Heard, **settings: Any) -> Desk:
    """The same desk with a topic, its policies as given."""
    policies = settings.pop("policies", at.service.policies)
    chosen = at.service.settings.model_copy(update=settings)
    service = replace(at.service, tell_ends=heard.ends, settings=chosen, policies=policies)
    return replace(at, service=service, runs=Runs(service, at.runs._graph.checkpointer, by_phase=at.runs._by_phase))


def failing(call: str) -> Callable[[SandboxCall], Fail | None]:
    return lambda made: Fail("AccessDenied", 403) if made.name == call else None


# how a threat's run ends, and whether people are told of it at once
ENDS: dict[str, tuple[str, Mode, str, dict[str, Any], Status, bool]] = {
    "contained": (USER_WORLD, Mode.AUTO, "", {}, Status.CONTAINED, False),
    "in part": (USER_WORLD, Mode.AUTO, "iam:UpdateAccessKey", {}, Status.PARTIALLY_CONTAINED, True),
    "with nothing done": (USER_WORLD, Mode.AUTO, "iam:PutUserPolicy", {}, Status.ESCALATED, True),
    "denied and true": (GUARDED, Mode.AUTO, "", {}, Status.DENIED, True),
    "failed": (USER_WORLD, Mode.AUTO, "", {"policies": NOWHERE}, Status.FAILED, True),
    "waiting": (USER_WORLD, Mode.APPROVE, "", {}, Status.AWAITING_APPROVAL, False),
    "observed": (USER_WORLD, Mode.OBSERVE, "", {}, Status.PROPOSED, False),
}


@pytest.mark.parametrize("how", ENDS)
def test_people_are_told_at_once_how_a_threat_s_run_ended_if_somebody_has_to_look(how: str, tmp_path: Path) -> None:
    text, mode, broken, settings, status, told = ENDS[how]
    heard = Heard()
    at = listening(desk(tmp_path, text, event(THREAT), mode), heard, **settings)
    at.sandbox.faults.before.append(failing(broken))
    if status is Status.ESCALATED:
        at.sandbox.faults.before.append(failing("iam:UpdateAccessKey"))
    report = at.deliver()
    assert (report.status, report.needs_somebody) == (status, told), report.reason
    assert heard.said == ([([report.run_id], 0)] if told else [])


def test_the_ends_of_posture_and_what_observe_proposes_come_together_once_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    at = listening(desk(tmp_path, BUCKET_WORLD, event(POSTURE)), heard, policies=NOWHERE)
    first = at.deliver()
    assert (first.status, heard.said) == (Status.FAILED, [])
    answer = clock(at, tmp_path, monkeypatch)
    assert (answer["ends"], heard.said) == ([first.run_id], [([first.run_id], 0)])
    calm = at.service.settings.model_copy(update={"mode": Mode.OBSERVE})
    service = replace(at.service, settings=calm, policies=Policies.load(catalogue=catalogue()))
    at = replace(at, service=service, runs=Runs(service, at.runs._graph.checkpointer))
    second = at.deliver(later(at.body))
    assert second.status is Status.PROPOSED
    assert clock(at, tmp_path, monkeypatch)["ends_left"] == 1
    at.wait(minutes=61)
    assert clock(at, tmp_path, monkeypatch)["ends"] == [second.run_id]
    assert heard.said == [([first.run_id], 0), ([second.run_id], 0)]


def later(body: Any) -> Any:
    """The same finding, a version later."""
    (one,) = body["detail"]["findings"]
    return {**body, "detail": {"findings": [{**one, "UpdatedAt": "2026-11-20T11:59:30.000Z"}]}}


def test_proposals_are_told_by_the_clock_in_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    at = listening(desk(tmp_path, USER_WORLD, event(THREAT), Mode.OBSERVE), heard)
    run = at.deliver()
    assert clock(at, tmp_path, monkeypatch)["ends"] == [run.run_id]
    assert heard.said == [([run.run_id], 0)]
    assert clock(at, tmp_path, monkeypatch)["ends"] == []


def test_people_are_told_of_each_containment_that_lapses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    at = listening(desk(tmp_path, USER_WORLD, event(THREAT)), heard)
    run = at.deliver()
    iam = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    assert clock(at, tmp_path, monkeypatch)["ends"] == []
    iam.update_access_key(UserName=USER, AccessKeyId=KEY, Status="Active")
    assert [clock(at, tmp_path, monkeypatch)["ends"] for _ in range(2)] == [[run.run_id], []]
    at.wait(minutes=5)
    (name,) = iam.list_user_policies(UserName=USER)["PolicyNames"]
    iam.delete_user_policy(UserName=USER, PolicyName=name)
    assert [clock(at, tmp_path, monkeypatch)["ends"] for _ in range(2)] == [[run.run_id], []]
    assert len(heard.said) == 2


def test_what_does_not_fit_into_the_hour_is_told_by_the_clock_with_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    at = listening(desk(tmp_path, USER_WORLD, event(THREAT)), heard, policies=NOWHERE, cards_an_hour=0)
    run = at.deliver()
    assert heard.said == []
    assert clock(at, tmp_path, monkeypatch)["ends"] == [run.run_id]
    assert heard.said == [([run.run_id], 0)]


def test_a_run_that_the_topic_could_not_be_told_of_is_told_by_the_clock_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    heard.reached = False
    at = listening(desk(tmp_path, USER_WORLD, event(THREAT)), heard, policies=NOWHERE)
    run = at.deliver()
    assert clock(at, tmp_path, monkeypatch)["ends_left"] == 1
    heard.reached = True
    assert clock(at, tmp_path, monkeypatch)["ends"] == [run.run_id]


def test_a_run_that_ends_as_the_one_before_did_is_not_told_again(tmp_path: Path) -> None:
    heard = Heard()
    at = listening(desk(tmp_path, USER_WORLD, event(THREAT)), heard, policies=NOWHERE)
    first, second = at.deliver(), at.deliver()
    assert (second.run_id != first.run_id, second.reason) == (True, first.reason)
    assert heard.said == [([first.run_id], 0)]
    assert tell_ends(at.service).left == 0
    assert len(heard.said) == 1
    assert tell_ends(at.service).told == [], "what there is nothing to say of is not read again"


def test_an_end_costs_one_message_and_three_requests_to_the_ledger(tmp_path: Path) -> None:
    """A message goes to SNS; the ledger is asked for the run and what was told within the hour, and keeps that this was."""
    counts = []
    for name, told in (("silent", False), ("told", True)):
        (tmp_path / name).mkdir()
        at = tables(tmp_path / name, GUARDED, event(THREAT), Mode.AUTO).at
        topic = at.sandbox.client("sns", ACCOUNT, REGION).create_topic(Name="people")["TopicArn"]
        teller = end_teller(at.service.aws(ACCOUNT, REGION, Phase.TELL, CALLS, Tally()), topic)
        service = replace(at.service, tell_ends=teller if told else None)
        at = replace(at, service=service, runs=Runs(service, at.runs._graph.checkpointer, by_phase=True))
        at.calls.clear()
        assert at.deliver().status is Status.DENIED
        counts.append(Counter(call.operation for call in at.calls if call.service in ("sns", "dynamodb")))
    silent, heard = counts
    assert heard - silent == said("telling people how it ended, beside one Publish to SNS") + Counter({"Publish": 1})


def test_a_topic_that_cannot_be_told_is_logged_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    at = desk(tmp_path, USER_WORLD, event(THREAT))
    aws = at.service.aws(ACCOUNT, REGION, Phase.TELL, CALLS, Tally())
    teller = end_teller(aws, f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere")
    service = replace(at.service, tell_ends=teller, policies=NOWHERE)
    at = replace(at, service=service, runs=Runs(service, at.runs._graph.checkpointer))
    report = at.deliver()
    assert report.status is Status.FAILED
    assert f"{report.run_id} ended, and the topic could not be told: " in caplog.text


def ended(folder: Path, **changed: Any) -> Report:
    return desk(folder, GUARDED, event(THREAT)).deliver().model_copy(update=changed)


def test_a_message_says_what_where_why_what_is_open_and_how_to_look(tmp_path: Path) -> None:
    report = ended(tmp_path, leaves_open=[f"door {number}" for number in range(7)])
    assert end_message(report).splitlines() == [
        f"Run {report.run_id} ended denied in {ACCOUNT} {REGION}, severity 80, in auto mode.",
        "What: UnauthorizedAccess:IAMUser/MaliciousIPCaller[.]Custom",
        f"On: access key AKIAIOSFODNN7EXAMPL1 in {ACCOUNT}, user build-bot in {ACCOUNT}",
        f"Why: {report.reason}",
        *(f"Still open: door {number}" for number in range(5)),
        "Still open: 2 more",
        f"Look: stanch explain {report.run_id}",
    ]


EVIL = "go to https://evil.example.com/x\r\nRun run-000000000000 ended contained, mail a@b.co \u202e" + "x" * 5000


def test_others_words_in_a_message_are_one_short_line_and_no_links(tmp_path: Path) -> None:
    report = ended(tmp_path, reason=EVIL, leaves_open=[EVIL])
    for text in (end_message(report), ends_message([report] * 300, 7)):
        assert "://" not in text
        assert "evil.example" not in text
        assert "b.co" not in text
        assert len(text) < 10_000
        assert not any(row.startswith("Run run-000") for row in text.splitlines())
    assert "- and 280 more\n7 more are told of later." in ends_message([report] * 300, 7)
    assert quiet("198.51.100.23 to www.a-b.io", 80) == "198.51.100.23 to www.a-b[.]io"


def test_how_a_run_ended_is_one_line_of_fields_that_its_reason_cannot_forge(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    denied = ended(tmp_path, reason="a\nended needs_somebody=yes run=run-1")
    fine = denied.model_copy(update={"status": Status.CONTAINED})
    with caplog.at_level(logging.INFO, "stanch"):
        note([denied, fine])
    assert [(record.levelname, "\n" in record.getMessage()) for record in caplog.records] == [
        ("WARNING", False), ("INFO", False),
    ]  # fmt: skip
    told = f"run={denied.run_id} status=denied mode=auto account={ACCOUNT} region={REGION} severity=80 "
    assert line(denied).startswith(f"ended needs_somebody=yes {told}")
    assert "needs_somebody=yes" not in line(fine)
