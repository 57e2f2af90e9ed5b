"""The policies that roles are made from: their sizes, their conditions, and that no word of them is without effect."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data, get_actions_for_service

from evals.roles import INLINE_LIMIT, LOOK, MANAGED_LIMIT, Policy, _cut, allow, allowed, declared, own, policies, size
from tools.evidence import organizations
from tools.guardrails import ALWAYS, NEVER, WHEN_CONTAINING
from tools.own_parts import FUNCTIONS


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.name)
def test_no_managed_policy_is_longer_than_iam_takes(policy: Policy) -> None:
    assert size(policy.statements) <= MANAGED_LIMIT


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda one: one.name)
def test_no_role_has_more_inline_policy_than_iam_takes(function: Any) -> None:
    assert size(own(function)) + 1500 <= INLINE_LIMIT, "beside what asks the model and takes on member roles"


def test_a_group_of_statements_that_is_too_long_is_cut_and_nothing_is_lost() -> None:
    many = [allow(["s3:GetBucketPolicy"], f"arn:aws:s3:::bucket-{number:04}") for number in range(300)]
    cut = _cut("LookPolicy", "Read.", many)
    assert [one.name for one in cut[:3]] == ["LookPolicy", "LookPolicy2", "LookPolicy3"]
    assert all(size(one.statements) <= MANAGED_LIMIT for one in cut)
    assert [statement for one in cut for statement in one.statements] == many


def test_a_statement_that_fits_in_no_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a managed policy"):
        _cut("LookPolicy", "Read.", [allow([f"s3:Get{number:04}" for number in range(900)], "*")])


def test_looking_grants_exactly_what_is_declared_for_it() -> None:
    granted = {action for one in allowed(LOOK, ALWAYS) for action in one["Action"]}
    wanted = [call for call in declared() if call.phases & set(LOOK) and not call.unsigned]
    assert granted == {permission for call in wanted for permission in (call.permission, *call.needs)}


def test_what_is_denied_names_actions_that_exist() -> None:
    """Else a deny would be a word without effect."""
    patterns = {pattern for never in NEVER for pattern in never.actions}
    unknown = [one for one in sorted(patterns) if "*" not in one and not get_action_data(*one.split(":"))]
    assert unknown == []


def test_the_organisation_is_read_and_never_changed() -> None:
    patterns = [pattern for never in NEVER for pattern in never.actions]
    of_it = get_actions_for_service("organizations")
    free = {one for one in of_it if not any(fnmatchcase(one, pattern) for pattern in patterns)}
    assert {one.split(":")[1] for one in free if not one.split(":")[1].startswith(("Describe", "List"))} == set()
    assert {call.permission for call in organizations.CALLS} <= free


def test_each_condition_on_a_write_has_a_write_to_hold() -> None:
    """A call that is declared otherwise must not slip out from under its condition."""
    for name, phases, rules in (("contain", "execute", WHEN_CONTAINING), ("any", "execute undo tell", ALWAYS)):
        calls = {(call.permission, call.resource) for call in declared() if call.phases & set(phases.split())}
        for rule in rules:
            idle = [
                p for p in rule.permissions if not any(p == has and rule.concerns(p, place) for has, place in calls)
            ]
            assert idle == [], f"{name}: {rule.kind} {idle}"
