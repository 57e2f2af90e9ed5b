"""Nobody is contained in the place of a user whom somebody renamed, and the user is found under the new name."""

import json
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, KEY, USER, USER_WORLD, Desk, desk, event

from agent.report import Report, Status
from agent.target import GLOBAL, Target, TargetKind
from agent.verdict import Known
from graphs.standings import standings_of
from tools.registry import Registry
from tools.sandbox.faults import Fail, fail_calls

SESSION, NEW = KEY.replace("AKIA", "ASIA"), "x-renamed"
DENIED = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def at(tmp_path: Path) -> Desk:
    """A finding about a session of a user who was renamed, and whose old name a user has who is denied everything."""
    body: Any = json.loads(json.dumps(event("guardduty_credential_abuse")).replace(KEY, SESSION))
    made = desk(tmp_path, USER_WORLD.replace(f"key: {KEY}", f"key: {SESSION}"), body)
    iam = made.sandbox.client("iam", ACCOUNT, "us-east-1")
    iam.update_user(UserName=USER, NewUserName=NEW)
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="own", PolicyDocument=json.dumps(DENIED))
    made.calls.clear()
    return made


def planned(report: Report) -> list[tuple[str, str]]:
    return [(each.planned.change.action, each.planned.change.target.id) for each in report.actions]


def test_the_renamed_user_is_asked_about_and_whoever_has_the_name_now_is_left_alone(at: Desk) -> None:
    report = at.deliver()
    assert (report.status, planned(report), at.changes) == (Status.AWAITING_APPROVAL, [("iam_deny_user", NEW)], [])
    assert report.unconfirmed[next(each.key for each in report.finding.targets if each.id == USER)] == "another"
    at.say("approve", report)
    assert (at.changes, at.may_act(KEY)) == (["iam:PutUserPolicy"], False)


@pytest.mark.parametrize(
    ("of", "listed"), [("AIDACKCEVSQ6C2EXAMPL1", Known.YES), ("AIDACKCEVSQ6C2EXAMPL9", Known.NO), (None, Known.NO)]
)
def test_whoever_is_listed_under_the_old_name_is_listed(of: str | None, listed: Known) -> None:
    """A rename would else take an identity that must always work, and its keys, out of the registry."""
    where = {"account": ACCOUNT, "region": GLOBAL}
    old = Target(kind=TargetKind.USER, id=USER, unique_id="AIDACKCEVSQ6C2EXAMPL1", **where)
    user, key = (
        Target(kind=TargetKind.USER, id=NEW, unique_id=of, **where),
        Target(kind=TargetKind.ACCESS_KEY, id=KEY, owner=NEW, **where),
    )
    registry = Registry.model_validate({"break_glass": [USER]})
    for target in (user, key):
        assert standings_of(target, registry, [old, user, key]).break_glass is listed


def test_where_the_new_name_cannot_be_found_nothing_is_done_or_said_to_be_done(at: Desk) -> None:
    at.sandbox.faults.before.append(fail_calls("iam:ListUsers", Fail("AccessDenied", 403), 99))
    report = at.deliver()
    assert (report.status, planned(report), at.changes) == (Status.ESCALATED, [], [])
    assert [each.reason for each in report.dropped] == ["unverified_target"]
