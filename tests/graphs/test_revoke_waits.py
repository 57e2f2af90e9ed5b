"""A revoke waits for a person: what runs is the moment that was shown, and another finding about the role is no drift."""

import copy
from pathlib import Path
from typing import Any

from desk import ACCOUNT, KEY, OFFICE, ROLE_WORLD, USER, USER_WORLD, Desk, desk, event, world

from agent.report import Report, Status

_MADE = {
    "at": "-118m", "name": "AssumeRole", "source": "sts", "key": KEY, "user": USER, "address": OFFICE, "region": "us-east-1",
    "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/operator"},
    "response": {"credentials": {"accessKeyId": "ASIAOPERATORSESSION1"}},
}  # fmt: skip
_AT_WORK = {
    "at": "-110m", "name": "StopLogging", "source": "cloudtrail", "key": "ASIAOPERATORSESSION1", "role": "operator",
    "address": "192.0.2.99", "read_only": False,
}  # fmt: skip
OPERATOR_WORLD = world(
    USER_WORLD,
    ("cloudtrail.events.3", _MADE),
    ("cloudtrail.events.4", _AT_WORK),
    ("iam.roles", [{"name": "operator"}]),
)
"""The key took on a role, whose session stopped a trail from far away."""
FIRST, SECOND = "2026-11-20T12:00:01Z", "2026-11-20T12:20:01Z"


def opened(folder: Path) -> tuple[Desk, Report]:
    at = desk(folder, ROLE_WORLD, event("guardduty_role_session"))
    report = at.deliver()
    assert (report.status, at.changes) == (Status.AWAITING_APPROVAL, [])
    return at, report


def cuts(at: Desk) -> list[Any]:
    """The moment of each of our policies on the role."""
    iam = at.sandbox.client("iam", ACCOUNT, "us-east-1")
    names = iam.list_role_policies(RoleName="deploy")["PolicyNames"]
    documents = [iam.get_role_policy(RoleName="deploy", PolicyName=name)["PolicyDocument"] for name in names]
    return sorted(each["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"] for each in documents)


def test_a_revoke_that_is_approved_later_cuts_at_the_moment_that_was_shown(tmp_path: Path) -> None:
    at, report = opened(tmp_path)
    at.wait(minutes=20)
    done = at.say("approve", report)
    assert (done.status, cuts(at)) == (Status.CONTAINED, [FIRST])
    assert any(FIRST in line and "go on" in line for line in done.leaves_open)


def test_two_findings_about_one_role_are_each_approved_once(tmp_path: Path) -> None:
    """The policy of the one is not in the way of the other: neither asks again."""
    at, first = opened(tmp_path)
    at.wait(minutes=20)
    other: Any = copy.deepcopy(at.body)
    for name in ("id", "arn"):
        other["detail"][name] = other["detail"][name].replace("22c0ffee" * 4, "33c0ffee" * 4)
    other["id"] = "33c0ffee-0000-4000-8000-000000000001"
    at.arrives(other)
    second = at.deliver(other)
    assert second.run_id != first.run_id
    told = [at.say("approve", run).status for run in (first, second)]
    assert (told, cuts(at)) == ([Status.CONTAINED] * 2, [FIRST, SECOND])


def test_a_later_version_of_a_finding_does_not_ask_for_the_revoke_that_is_done(tmp_path: Path) -> None:
    """The roles are known by evidence alone, whatever the finding says of the key since."""
    at = desk(tmp_path, OPERATOR_WORLD, event("guardduty_credential_abuse"))
    first = at.deliver()
    assert (first.status, at.say("approve", first).status) == (Status.AWAITING_APPROVAL, Status.CONTAINED)
    at.wait(minutes=30)
    newer: Any = copy.deepcopy(at.body)
    newer["detail"]["updatedAt"] = "2026-11-20T12:05:00.000Z"
    at.arrives(newer)
    again = at.deliver(newer)
    assert again.run_id != first.run_id
    assert (again.status, again.actions) == (Status.NO_ACTION, [])
