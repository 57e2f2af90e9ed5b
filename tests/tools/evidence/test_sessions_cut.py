"""Whether what a key's sessions did in a role is over, by one change of the world at a time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from asking import ACCOUNT, ATTACKER, FINDING, KEY, NOW, OFFICE, USER, WORLD, ask, built, changed, gather, values

from tools.sandbox.faults import Fail, fail_calls

SESSION, LATER = "ASIAFIRSTSESSION0001", "ASIASECONDSESSION002"
CUT = "2026-03-01T11:25:00Z"
"""After all that the finding saw, and 35 minutes before now."""
MADE: dict[str, Any] = {
    "at": "-45m", "name": "AssumeRole", "source": "sts", "address": OFFICE, "region": "us-east-1", "key": KEY, "user": USER,
    "request": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/operator", "roleSessionName": "s"},
    "response": {"credentials": {"accessKeyId": SESSION}},
}  # fmt: skip
DID: dict[str, Any] = {
    "at": "-40m", "name": "StopLogging", "source": "cloudtrail", "key": SESSION, "role": "operator", "address": ATTACKER,
}  # fmt: skip
ANEW = MADE | {"at": "-30m", "response": {"credentials": {"accessKeyId": LATER}}}
OPEN: dict[str, Any] = {
    f"key.sessions_cut {KEY}": False,
    "role.exists operator": True,
    "role.sessions_cut operator": False,
}
OVER = OPEN | {f"key.sessions_cut {KEY}": True, "role.sessions_cut operator": True}
UNREAD = OPEN | {
    f"key.sessions_cut {KEY}": "failed: AccessDenied",
    "role.sessions_cut operator": "failed: AccessDenied",
}


def cut(moment: str = CUT) -> dict[str, Any]:
    """The role, with its sessions from before that moment denied everything."""
    older = {"DateLessThan": {"aws:TokenIssueTime": moment}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": older}
    return {"name": "operator", "policies": {"revoked": {"Statement": [deny]}}}


def world(roles: list[dict[str, Any]], *more: dict[str, Any]) -> dict[str, Any]:
    """The world where the key's session stopped a trail in these roles."""
    events = [*WORLD["cloudtrail"]["events"], MADE, DID, *more]
    return changed("iam.roles", roles, changed("cloudtrail.events", events))


def told(answered: Any) -> dict[str, Any]:
    names = ("key.sessions_cut", "role.exists", "role.sessions_cut")
    return {name: value for name, value in values(answered).items() if name.startswith(names)}


CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]] = {
    "nobody has revoked them": ([{"name": "operator"}], [], OPEN),
    "they are revoked": ([cut()], [], OVER),
    "revoked as of a moment before the session was made": ([cut("2026-03-01T11:15:00Z")], [], OPEN),
    "a session was made since": ([cut()], [ANEW], OPEN),
    "it was refused since": ([cut()], [DID | {"at": "-30m", "error": "AccessDenied"}], OVER),
    "it called since and was not refused": ([cut()], [DID | {"at": "-30m"}], OPEN),
    "the role is gone": (
        [],
        [],
        {
            f"key.sessions_cut {KEY}": True,
            "role.exists operator": False,
            "role.sessions_cut operator": "absent: no_role",
        },
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_a_key_s_sessions_did_in_a_role_is_over_once_all_of_them_are_denied_or_the_role_is_gone(what: str) -> None:
    roles, more, expected = CASES[what]
    assert told(ask("cloudtrail_lookup", world(roles, *more))) == expected


def test_a_role_whose_policies_were_not_all_read_may_have_been_cut() -> None:
    sandbox, parsed = built(world([cut()]))
    sandbox.faults.before.append(fail_calls("iam:ListRolePolicies", Fail("AccessDenied", 403), 9))
    assert told(gather("cloudtrail_lookup", sandbox, parsed)) == UNREAD


@pytest.mark.parametrize(
    ("last_seen", "expected"),
    [(NOW - timedelta(minutes=20), True), (NOW - timedelta(minutes=5), "not_yet: cloudtrail_lag")],
)
def test_what_the_finding_saw_after_the_cut_has_to_be_in_cloudtrail_before_it_is_called_over(
    last_seen: datetime, expected: Any
) -> None:
    later = FINDING.model_copy(update={"last_seen": last_seen})
    both = told(ask("cloudtrail_lookup", world([cut()]), later))
    assert (both["role.sessions_cut operator"], both[f"key.sessions_cut {KEY}"]) == (expected, expected)


def test_where_sessions_were_left_aside_nobody_says_that_all_of_them_are_cut() -> None:
    many = [
        MADE | {"at": f"-{46 + n}m", "response": {"credentials": {"accessKeyId": f"ASIADECOYSESSION000{n}"}}}
        for n in range(6)
    ]
    both = told(ask("cloudtrail_lookup", world([cut()], *many)))
    assert both["role.sessions_cut operator"] == both[f"key.sessions_cut {KEY}"] == "absent: not_all_followed"


def test_sessions_that_did_nothing_strange_are_nothing_to_cut() -> None:
    quiet = [MADE, DID | {"name": "ListUsers", "address": OFFICE}]
    events = changed("cloudtrail.events", [*WORLD["cloudtrail"]["events"], *quiet])
    assert told(ask("cloudtrail_lookup", events)) == {f"key.sessions_cut {KEY}": "absent: no_sessions"}
