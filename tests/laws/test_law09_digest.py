"""Law 9: what was approved is what runs. Everything that an action would do is in the digest, for every action there is."""

from typing import Any

import pytest
from worked import Worked

from agent.closing import ACTION as CLOSING
from agent.plan import Change, PlannedAction
from agent.target import Target
from agent.verdict import plan_digest
from tools.action import catalogue

OTHER = {
    "user": "somebody-else", "role": "another-role", "access_key": "AKIAOTHEREXAMPLE0001", "bucket": "another-bucket",
    "instance": "i-0ffffffffffffffff", "address": "203.0.113.250/32", "other": "hub-finding-ffffffffffffffff",
}  # fmt: skip


@pytest.fixture
def examples(worked: tuple[Worked, ...]) -> dict[str, PlannedAction]:
    """One planned action of each kind, from the cases."""
    return {a.planned.change.action: a.planned for each in worked for a in each.done}


def edited(action: PlannedAction, **fields: Any) -> PlannedAction:
    change = Change.model_validate(action.change.model_dump() | fields)
    return action.model_copy(update={"change": change})


def edits(action: PlannedAction) -> dict[str, list[PlannedAction]]:
    """The action with one thing after the other changed: what somebody might slip under an approval."""
    target = action.change.target
    moved = {
        "id": OTHER[target.kind.value], "account": "444455556666", "region": "ap-southeast-2", "owner": "somebody-else"
    }  # fmt: skip
    made = {
        f"target.{field}": [edited(action, target=Target.model_validate(target.model_dump() | {field: value}))]
        for field, value in moved.items()
    }
    for part in ("params", "before", "after"):
        held: dict[str, Any] = getattr(action.change, part)
        made |= {f"{part}.{name}": [edited(action, **{part: {**held, name: "other"}})] for name in held}
        made[f"{part} with more"] = [edited(action, **{part: {**held, "more": 1}})]
    made["slot"] = [action.model_copy(update={"slot": "T16"})]
    made["id"] = [action.model_copy(update={"id": "A9"})]
    made["one more"] = [action, action.model_copy(update={"id": "A9"})]
    made["none"] = []
    return made


def test_each_thing_that_an_action_would_do_changes_the_digest(examples: dict[str, PlannedAction]) -> None:
    found = examples
    assert set(found) == {spec.id for spec in catalogue().offered} | {CLOSING}
    offenders = [
        f"{name}: {what}"
        for name, action in found.items()
        for what, actions in edits(action).items()
        if plan_digest("run-1", actions) == plan_digest("run-1", [action])
    ]
    assert offenders == []


def test_another_run_and_another_order_have_another_digest(examples: dict[str, PlannedAction]) -> None:
    actions = [*examples.values()]
    digests = [plan_digest("run-1", actions), plan_digest("run-2", actions), plan_digest("run-1", actions[::-1])]
    assert len(set(digests)) == 3


def test_what_is_only_shown_is_not_in_the_digest(examples: dict[str, PlannedAction]) -> None:
    """Otherwise a key that was used once more meanwhile would ask again."""
    for action in examples.values():
        shown = edited(action, blast_radius=[], leaves_open=["told otherwise"])
        assert plan_digest("run-1", [shown]) == plan_digest("run-1", [action])


def test_an_approval_in_the_cases_is_for_its_own_run_and_nothing_else(worked: tuple[Worked, ...]) -> None:
    approved = [(each, report) for each in worked for report in each.reports if report.approvals]
    assert approved
    for each, report in approved:
        for approval in report.approvals:
            assert approval.run_id == report.run_id, each.case.name
            assert set(approval.action_ids) <= {a.planned.id for a in report.actions}, each.case.name
            assert approval.signature, each.case.name
