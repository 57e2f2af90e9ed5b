"""A role's older sessions are revoked, newer ones and other roles go on; AWS's own roles are refused."""

import json
from datetime import timedelta
from typing import Any

import pytest
from grounds import ACCOUNT, REGION
from instance_scene import Work
from role_scene import ARN, OTHER, ROLE, WORLD, look, role, session, status

from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed
from agent.target import GLOBAL, Target, TargetKind
from tools.action import actions
from tools.aws import Phase
from tools.sandbox.faults import Fail, fail_calls

ACTION = "iam_revoke_role_sessions"
MOMENT, LATER = "2026-11-20T12:00:01Z", "2026-11-20T15:00:00Z"
THEIRS = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}'


def _planned(work: Work, on: Target | None = None, **params: Any) -> Change | Inapplicable:
    return actions()[ACTION].plan(work.aws(ACTION, Phase.PLAN), on or role(), params, "r1")


def _plan(work: Work, **params: Any) -> Change:
    planned = _planned(work, **params)
    assert isinstance(planned, Change), planned
    return Change.model_validate_json(planned.model_dump_json())


def _iam(work: Work) -> Any:
    return work.sandbox.client("iam", ACCOUNT, REGION)


def _pass(work: Work, **time: float) -> None:
    work.sandbox.clock.anchor += timedelta(**time)


def test_an_older_session_is_refused_and_works_again_after_undo_while_newer_ones_and_another_role_s_go_on() -> None:
    """Proved by trying, with the same credentials throughout."""
    work = Work.in_world(WORLD)
    stolen, other = session(work.sandbox), session(work.sandbox, f"arn:aws:iam::{ACCOUNT}:role/{OTHER}")
    newer = session(work.sandbox, after=2)
    before = look(work.sandbox)
    assert [status(work.sandbox, one) for one in (stolen, newer, other)] == [200, 200, 200]
    change = _plan(work)
    work.done(change)
    assert [status(work.sandbox, one) for one in (stolen, newer, other)] == [403, 200, 200]
    assert work.verify(change).how == "by_configuration"
    _pass(work, minutes=30)
    later = work.later()
    assert isinstance(later.undo(change), Executed)
    assert [status(later.sandbox, one) for one in (stolen, newer, other)] == [200, 200, 200]
    assert look(later.sandbox) == before


def test_the_policy_is_the_console_s_own_with_the_first_second_that_no_session_of_now_has() -> None:
    change = _plan(Work.in_world(WORLD))
    policy: Any = change.after["policy"]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert statement["Condition"] == {"DateLessThan": {"aws:TokenIssueTime": MOMENT}}


def test_planned_again_after_hours_it_is_the_same_change_and_says_who_came_since() -> None:
    """What was approved is what runs: a later moment would be another change, which nobody approved."""
    work = Work.in_world(WORLD.replace("at: -30m, name", f"at: {LATER}, name"))
    first = _plan(work)
    assert "CloudTrail shows" not in first.leaves_open[0]
    _pass(work, hours=4)
    again = _plan(work, **first.params)
    assert (again.key, again.params, again.before) == (first.key, first.params, first.before)
    assert again.leaves_open[0] == (
        f"Sessions issued since {MOMENT}, when this was planned, go on, however late it is done. "
        "CloudTrail shows 1 of them by now."
    )
    late = session(work.sandbox)
    work.done(again)
    assert status(work.sandbox, late) == 200


def test_two_runs_at_two_moments_each_have_a_policy_and_take_back_their_own() -> None:
    work = Work.in_world(WORLD)
    first = _plan(work)
    _pass(work, hours=1)
    between, second = session(work.sandbox), _plan(work)
    assert first.key != second.key
    work.done(first)
    assert status(work.sandbox, between) == 200
    work.done(second)
    assert status(work.sandbox, between) == 403
    assert isinstance(work.undo(second), Executed)
    assert status(work.sandbox, between) == 200
    assert work.verify(first).holds


def test_a_run_at_the_same_moment_finds_the_first_one_s_policy_and_is_the_same_effect() -> None:
    work = Work.in_world(WORLD)
    first = _plan(work)
    work.done(first)
    second = _plan(work)
    assert (second.needed, second.key) == (False, first.key)


def test_whom_it_cuts_is_counted() -> None:
    told = {effect.what: effect.count for effect in _plan(Work.in_world(WORLD)).blast_radius}
    assert told == {
        f"Sessions of the role that were issued before {MOMENT} are refused, from anywhere.": None,
        "Sessions of the role that may still go on.": 5,
        "Callers that made these sessions.": 4,
        "AWS services that took the role on in the last 7 days.": 2,
        "Instances among them.": 1,
        "Functions among them.": 1,
    }


def test_what_could_not_be_counted_is_said_and_stops_nothing() -> None:
    told = {}
    for name in ("cloudtrail:LookupEvents", "ec2:DescribeRegions"):
        work = Work.in_world(WORLD)
        work.sandbox.faults.before.append(fail_calls(name, Fail("AccessDenied", 403)))
        told[name] = {effect.what: effect.count for effect in _plan(work).blast_radius}
    least = "Sessions of the role that may still go on, at least."
    assert told["cloudtrail:LookupEvents"].items() >= {
        least: 1, "Sessions that were made in us-east-1 could not be counted (AccessDenied).": None
    }.items()  # fmt: skip
    assert (
        told["ec2:DescribeRegions"].items()
        >= {
            least: 4,
            "In which Regions the account works could not be read (AccessDenied): counted in us-east-1 alone.": None,
        }.items()
    )


@pytest.mark.parametrize("name", ["AWSServiceRoleForExample", "AWSReservedSSO_Admin_0123456789abcdef"])
def test_a_role_of_aws_s_own_is_not_supported(name: str) -> None:
    planned = _planned(Work.in_world(WORLD), role(name))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, name in planned.detail) == ("not_supported", True)


REFUSED: list[tuple[str, Target]] = [
    ("gone", role("nobody")),
    ("wrong_kind", Target(kind=TargetKind.USER, id=ROLE, account=ACCOUNT, region=GLOBAL)),
    ("unverified_target", role().model_copy(update={"account": "444455556666"})),
]


@pytest.mark.parametrize(("reason", "target"), REFUSED)
def test_what_is_no_role_of_the_account_is_refused(reason: str, target: Target) -> None:
    planned = _planned(Work.in_world(WORLD), target)
    assert isinstance(planned, Inapplicable)
    assert planned.reason == reason


def test_a_role_whose_inline_policies_are_full_is_not_supported() -> None:
    wide = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::" + "r" * 9_900}
    work = Work.in_world(WORLD)
    text = json.dumps({"Version": "2012-10-17", "Statement": [wide]})
    _iam(work).put_role_policy(RoleName=ROLE, PolicyName="wide", PolicyDocument=text)
    planned = _planned(work)
    assert isinstance(planned, Inapplicable)
    assert planned.reason == "not_supported"


def test_a_role_that_was_made_again_under_the_name_is_not_touched() -> None:
    work = Work.in_world(WORLD)
    change = _plan(work)
    changed = change.model_copy(update={"params": {**change.params, "role_id": "AROAJQABLZS4A3QDU576Q"}})
    done = work.execute(changed)
    assert isinstance(done, Drifted)
    assert "AnotherRoleOfThisName" in done.what


def test_somebody_else_s_policy_under_our_name_is_never_overwritten_and_stops_nothing() -> None:
    work = Work.in_world(WORLD)
    name = _plan(work).params["policy_name"]
    _iam(work).put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=THEIRS)
    change = _plan(work)
    assert (work.done(change).outcome, _plan(work, **change.params).needed) == ("done", False)
    assert _iam(work).get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"] == json.loads(THEIRS)
    assert status(work.sandbox, session(work.sandbox, ARN)) == 403
