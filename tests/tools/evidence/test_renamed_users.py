"""A user is who IAM says by the unique id, and a key is whose IAM says it is, whatever name the finding knows them by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    FINDING,
    KEY,
    KEY_TARGET,
    NOW,
    REGION,
    SECOND_KEY,
    USER,
    USER_TARGET,
    WORLD,
    built,
    gather,
    values,
)

from agent.evidence import Answered
from agent.finding import Finding
from agent.target import Target
from tools.sandbox.faults import Fail, fail_calls
from tools.sandbox.seeding.iam import principal_id

OWN, NEW = principal_id("AIDA", USER), "x-renamed"
KNOWN = Target.model_validate(USER_TARGET.model_dump() | {"unique_id": OWN})
SESSION_KEY = Target.model_validate(KEY_TARGET.model_dump() | {"id": "ASIAALICEEXAMPLE0001"})
GONE = Fail("NoSuchEntity", 404)
DECOY_MADE = FINDING.model_copy(update={"first_seen": NOW - timedelta(days=300)})
"""Seen before the user of this name was made."""


def about(*targets: Target, finding: Finding = FINDING) -> Finding:
    return finding.model_copy(update={"targets": list(targets)})


def nothing(_: Any) -> None:
    """Nobody was renamed."""


def renamed(iam: Any) -> None:
    iam.update_user(UserName=USER, NewUserName=NEW)


def replaced(iam: Any) -> None:
    renamed(iam)
    iam.create_user(UserName=USER)


def deleted(iam: Any) -> None:
    """The name is another's, and the user that it was is gone."""
    iam.create_user(UserName="decoy")
    iam.delete_access_key(UserName=USER, AccessKeyId=KEY)
    iam.remove_user_from_group(GroupName="staff", UserName=USER)
    iam.delete_user_policy(UserName=USER, PolicyName="own")
    iam.delete_user(UserName=USER)
    iam.update_user(UserName="decoy", NewUserName=USER)


@dataclass(frozen=True)
class Asked:
    """What is asked after a change, and which call fails then."""

    finding: Finding
    change: Callable[[Any], None]
    failing: tuple[str, Fail] | None = None

    def answer(self) -> Answered:
        sandbox, world = built(WORLD)
        self.change(sandbox.client("iam", ACCOUNT, REGION))
        if self.failing is not None:
            sandbox.faults.before.append(fail_calls(*self.failing, 99))
        return gather("iam_state", sandbox, world, self.finding)


EXISTS, OF_KEY, ACTIVE = f"user.exists {USER}", f"key.exists {KEY}", f"key.active {KEY}"
EXISTS_NEW, MOVED_KEY, MOVED = f"user.exists {NEW}", f"key.owner_renamed {KEY}", f"user.renamed {NEW}"
NEITHER = {EXISTS_NEW: None, MOVED_KEY: None, MOVED: None}
UNDER_ITS_NEW_NAME = {
    EXISTS: "failed: renamed",
    OF_KEY: True,
    ACTIVE: True,
    EXISTS_NEW: True,
    MOVED_KEY: True,
    MOVED: True,
}

CASES: dict[str, tuple[Asked, dict[str, Any]]] = {
    "as the finding says": (Asked(about(KEY_TARGET, KNOWN), nothing), {EXISTS: True, OF_KEY: True, **NEITHER}),
    "a key, without the user's id": (Asked(about(KEY_TARGET, USER_TARGET), renamed), UNDER_ITS_NEW_NAME),
    "a key and its user": (Asked(about(KEY_TARGET, KNOWN), renamed), UNDER_ITS_NEW_NAME),
    "a key alone": (Asked(about(KEY_TARGET), renamed), UNDER_ITS_NEW_NAME),
    "another has the name": (Asked(about(KEY_TARGET, KNOWN), replaced), UNDER_ITS_NEW_NAME),
    "a session's key": (
        Asked(about(KNOWN, SESSION_KEY), replaced),
        {EXISTS: "failed: renamed", EXISTS_NEW: True, MOVED: True, f"key.owner_renamed {SESSION_KEY.id}": True},
    ),
    "a session's key, and nobody can list the users": (
        Asked(about(KNOWN, SESSION_KEY), replaced, ("iam:ListUsers", Fail("AccessDenied", 403))),
        {EXISTS: "failed: AccessDenied", **NEITHER},
    ),
    "the name alone, and another has it": (
        Asked(about(USER_TARGET, SESSION_KEY, finding=DECOY_MADE), nothing),
        {EXISTS: "failed: another_of_this_name", f"user.denied_already {USER}": "failed: another_of_this_name"},
    ),
    "deleted, and another has the name": (
        Asked(about(KNOWN, SESSION_KEY), deleted),
        {EXISTS: False, f"user.denied_already {USER}": "absent: no_user", **NEITHER},
    ),
    "the key of somebody else": (
        Asked(about(KEY_TARGET.model_copy(update={"owner": "bob"}), KNOWN.model_copy(update={"id": "bob"})), nothing),
        {"user.exists bob": "failed: renamed", EXISTS: True},
    ),
    "IAM knows the key and not its user": (
        Asked(about(KEY_TARGET, USER_TARGET), nothing, ("iam:ListAccessKeys", GONE)),
        {OF_KEY: "failed: NoSuchEntity", ACTIVE: "failed: NoSuchEntity", **NEITHER},
    ),
    "nobody says whose it is, and the finding's user has none": (
        Asked(about(KEY_TARGET, USER_TARGET), renamed, ("iam:GetAccessKeyLastUsed", Fail("AccessDenied", 403))),
        {OF_KEY: "failed: AccessDenied", ACTIVE: "failed: AccessDenied"},
    ),
    "nobody says whose it is, and the finding's user has it": (
        Asked(about(KEY_TARGET, USER_TARGET), nothing, ("iam:GetAccessKeyLastUsed", Fail("AccessDenied", 403))),
        {OF_KEY: True, ACTIVE: True},
    ),
    "no such key, and no such user": (
        Asked(about(KEY_TARGET.model_copy(update={"id": SECOND_KEY, "owner": "carol"})), nothing),
        {f"key.exists {SECOND_KEY}": False, "user.exists carol": False},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_known_of_a_name_that_the_user_or_key_does_not_go_by(name: str) -> None:
    asked, expected = CASES[name]
    told = values(asked.answer())
    assert {fact: told.get(fact) for fact in expected} == expected


def test_whoever_was_renamed_is_a_target_with_the_keys_and_with_the_id_that_the_finding_gave() -> None:
    answered = CASES["a session's key"][0].answer()
    named = {target.key: (target.owner, target.unique_id) for target in answered.targets}
    user = KNOWN.model_copy(update={"id": NEW})
    assert {named[SESSION_KEY.key], named[user.key]} == {(NEW, None), (None, OWN)}
    assert KNOWN.key not in named
