"""The actions on one instance together: whom they do not take, and that all of them in turn can be taken back."""

from typing import Any

import pytest
from grounds import REGION
from instance_scene import (
    FIRST,
    INSTANCE,
    SECOND,
    SIBLING,
    SIBLINGS,
    SPOT,
    STOPPED,
    THIRD,
    WORLD,
    Work,
    desired,
    ec2,
    lifecycles,
    look,
    reachable,
    role_works,
    target,
    targets,
)

from agent.catalogue import Reversal
from agent.plan import Inapplicable
from agent.receipt import Executed
from agent.target import Target, TargetKind
from tools.action import actions

RESPONSE = [name for name, action in actions().items() if action.SPEC.target is TargetKind.INSTANCE]


def test_the_response_is_these_actions_in_this_order() -> None:
    assert RESPONSE == [
        "ec2_protect_evidence", "ec2_snapshot_volumes", "autoscaling_enter_standby", "elbv2_deregister_targets",
        "ec2_quarantine_interfaces", "iam_deny_instance_sessions", "ec2_tag_instance", "ec2_cut_connections",
    ]  # fmt: skip


@pytest.mark.parametrize("action", RESPONSE)
@pytest.mark.parametrize(
    ("reason", "on"),
    [
        ("gone", target("i-0aa00000000000099")),
        ("unverified_target", target(INSTANCE, account="444455556666")),
        ("wrong_kind", Target(kind=TargetKind.INTERFACE, id=FIRST, account="111122223333", region=REGION)),
    ],
    ids=["no_such_instance", "another_account_s", "an_interface"],
)
def test_an_instance_that_is_not_there_or_not_ours_is_refused_with_its_reason(
    action: str, reason: str, on: Target
) -> None:
    planned = Work.in_world().planned(action, on)
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, planned.action, planned.target) == (reason, action, on)


@pytest.mark.parametrize("state", ["terminated", "shutting-down"])
@pytest.mark.parametrize("action", RESPONSE)
def test_an_instance_that_is_ended_is_gone(action: str, state: str) -> None:
    work = Work.in_world(WORLD.replace("state: stopped", f"state: {state}"))
    planned = work.planned(action, target(STOPPED))
    assert isinstance(planned, Inapplicable)
    assert (planned.reason, state in planned.detail) == ("gone", True)


@pytest.mark.parametrize("action", [name for name in RESPONSE if name != "ec2_cut_connections"])
def test_an_instance_that_is_terminated_after_planning_is_drift_or_known_to_be_done(action: str) -> None:
    work = Work.in_world()
    change = work.plan(action)
    ec2(work.sandbox).terminate_instances(InstanceIds=[INSTANCE])
    done = work.execute(change)
    if action == "iam_deny_instance_sessions":
        assert isinstance(done, Executed), "credentials that were taken outlive the instance"
        assert work.verify(change).holds
    else:
        assert not isinstance(done, Executed)
        assert not work.verify(change).holds


@pytest.mark.parametrize("instance", [SPOT, STOPPED])
@pytest.mark.parametrize("action", [name for name in RESPONSE if name != "ec2_cut_connections"])
def test_a_spot_and_a_stopped_instance_are_contained_as_any_other(action: str, instance: str) -> None:
    work = Work.in_world()
    change = work.plan(action, target(instance))
    assert work.done(change).outcome == ("done" if change.needed else "already")
    assert work.verify(change).holds


@pytest.mark.parametrize("action", [name for name in RESPONSE if name != "ec2_cut_connections"])
def test_killed_after_any_write_it_is_contained_when_executed_again_and_undone_as_if_never_killed(action: str) -> None:
    work = Work.in_world()
    before, change = look(work.sandbox), work.plan(action)
    for writes, again in enumerate(work.deaths(change), start=1):
        assert again.done(change).outcome in ("done", "already"), writes
        assert again.verify(change).holds, writes
        assert isinstance(again.undo(change), Executed), writes
        assert look(again.sandbox) == before, writes


def test_all_planned_first_then_done_in_turn_contains_it_and_undone_in_reverse_leaves_all_as_it_was() -> None:
    work = Work.in_world()
    before = look(work.sandbox)
    changes = [work.plan(action) for action in RESPONSE]
    outcomes = {change.action: work.done(change).outcome for change in changes}
    assert outcomes == dict.fromkeys(RESPONSE, "done")
    assert [change.action for change in changes if not work.verify(change).holds] == []
    _contained(work)
    work = work.later()
    exact = [change for change in changes if actions()[change.action].SPEC.reversal is Reversal.EXACT]
    for change in reversed(exact):
        undone = work.undo(change)
        assert isinstance(undone, Executed), (change.action, undone)
        assert work.plan(change.action).before == change.before, change.action
    after = look(work.sandbox)
    assert _without_cut(after) == _without_cut(before)


def _contained(work: Work) -> None:
    sandbox = work.sandbox
    assert not reachable(sandbox, FIRST, SECOND, THIRD)
    assert not role_works(sandbox, INSTANCE)
    assert lifecycles(sandbox)[INSTANCE] == "Standby"
    assert targets(sandbox) == {"web": [(SIBLING, 443)], "admin": [(SIBLING, 8080)], "by-address": []}
    assert (reachable(sandbox, SIBLINGS), role_works(sandbox, SIBLING), desired(sandbox)) == (True, True, 1)
    assert lifecycles(sandbox)[SIBLING] == "InService"


def _without_cut(seen: dict[str, Any]) -> dict[str, Any]:
    """A tag that is a record of what cannot be taken back stays."""
    instances = [
        {**one, "Tags": [tag for tag in one.get("Tags", []) if tag["Key"] != "stanch:cut"]} for one in seen["instances"]
    ]
    return {**seen, "instances": instances}
