"""A key is followed into the sessions that it made, from role to role, and no further than is said."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACKER,
    FINDING,
    KEY,
    NOW,
    OFFICE,
    OTHER_ACCOUNT,
    USER,
    WORLD,
    ask,
    built,
    changed,
    gather,
    values,
)

from agent.activity import activity
from tools.key_sessions import DEPTH, SESSIONS, follow

FIRST, SECOND = "ASIAFIRSTSESSION0001", "ASIASECONDSESSION002"
K = f" {KEY}"


def took_on(role: str, given: str, by: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A call that made a session in a role."""
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/team/{role}"
    return {
        "at": "-45m", "name": "AssumeRole", "source": "sts", "address": OFFICE, "region": "us-east-1",
        "request": {"roleArn": arn, "roleSessionName": "s"}, "response": {"credentials": {"accessKeyId": given}}, **by, **more,
    }  # fmt: skip


def did(name: str, key: str, role: str, **more: Any) -> dict[str, Any]:
    """A call within a session."""
    return {"at": "-40m", "name": name, "key": key, "role": role, "address": ATTACKER, **more}


OF_KEY = {"key": KEY, "user": USER}
NONE = {
    "key.assumed_roles" + K: 0, "key.sessions_made" + K: 0, "key.session_calls" + K: 0,
    "key.session_sensitive_calls" + K: 0, "key.sessions_followed" + K: True,
}  # fmt: skip
LEFT = "absent: not_all_followed"
LEFT_ASIDE = {
    "key.sessions_made" + K: 1, "key.session_calls" + K: LEFT, "key.session_sensitive_calls" + K: LEFT,
    "key.sessions_only_trusted" + K: LEFT, "key.sessions_followed" + K: False,
}  # fmt: skip
CHAIN = [
    took_on("operator", FIRST, OF_KEY),
    did("StopLogging", FIRST, "operator", source="cloudtrail", region="eu-west-1"),
    took_on("reader", SECOND, {"key": FIRST, "role": "operator"}, address=ATTACKER),
    did("GetSecretValue", SECOND, "reader", source="secretsmanager", count=3),
]


def seen(events: list[dict[str, Any]]) -> dict[str, Any]:
    told = values(ask("cloudtrail_lookup", changed("cloudtrail.events", [*WORLD["cloudtrail"]["events"], *events])))
    names = ("key.assumed", "key.session", "role.session_")
    return {name: value for name, value in told.items() if name.startswith(names) and "sessions_cut" not in name}


def test_a_key_is_followed_from_role_to_role_in_every_region_that_is_in_use() -> None:
    assert seen(CHAIN) == {
        "key.assumed_roles" + K: 2,
        "key.sessions_made" + K: 2,
        "key.session_calls" + K: 5,
        "key.session_sensitive_calls" + K: 4,
        "key.sessions_only_trusted" + K: False,
        "key.sessions_followed" + K: True,
        "role.session_calls operator": 2,
        "role.session_suspect_calls operator": 2,
        "role.session_calls reader": 3,
        "role.session_suspect_calls reader": 3,
    }


NOT_FOLLOWED: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "no session": ([], {**NONE, "key.sessions_only_trusted" + K: "absent: no_sessions"}),
    "a role that was refused": (
        [took_on("operator", FIRST, OF_KEY, error="AccessDenied")],
        {**NONE, "key.sessions_only_trusted" + K: "absent: no_sessions"},
    ),
    "another key's session": (
        [took_on("operator", FIRST, {"key": "AKIAALICEEXAMPLE0009", "user": "bob"}), CHAIN[1]],
        {**NONE, "key.sessions_only_trusted" + K: "absent: no_sessions"},
    ),
    "a role of another account, in whose history nobody looks": (
        [took_on(f"arn:aws:iam::{OTHER_ACCOUNT}:role/far", FIRST, OF_KEY)],
        {
            **LEFT_ASIDE, "key.assumed_roles" + K: 1, "role.session_calls far": "absent: another_account",
            "role.session_suspect_calls far": "absent: another_account",
        },
    ),
    "what is no role's ARN": (
        [took_on("arn:aws:iam::1:role/<x>", FIRST, OF_KEY), CHAIN[1]],
        {
            **LEFT_ASIDE, "key.assumed_roles" + K: LEFT, "key.session_calls" + K: 1,
            "key.session_sensitive_calls" + K: 1, "key.sessions_only_trusted" + K: False,
        },
    ),
    "a session of which the record does not say the key": (
        [took_on("operator", FIRST, OF_KEY, response={})],
        {
            **LEFT_ASIDE, "key.assumed_roles" + K: 1, "role.session_calls operator": LEFT,
            "role.session_suspect_calls operator": LEFT,
        },
    ),
    "a session of the user's own": (
        [took_on("", FIRST, OF_KEY, name="GetSessionToken", request={})],
        {**NONE, "key.sessions_made" + K: 1, "key.sessions_only_trusted" + K: "absent: not_all_followed"},
    ),
    "from our own networks alone": (
        [took_on("operator", FIRST, OF_KEY), did("ListUsers", FIRST, "operator", address=OFFICE)],
        {
            **NONE, "key.assumed_roles" + K: 1, "key.sessions_made" + K: 1, "key.session_calls" + K: 1,
            "key.sessions_only_trusted" + K: True,
            "role.session_calls operator": 1, "role.session_suspect_calls operator": 0,
        },
    ),
    "a session so young that its calls may still come": (
        [took_on("operator", FIRST, OF_KEY, at="-5m")],
        {
            "key.assumed_roles" + K: 1, "key.sessions_made" + K: 1, "key.session_calls" + K: "not_yet: cloudtrail_lag",
            "key.session_sensitive_calls" + K: "not_yet: cloudtrail_lag",
            "key.sessions_only_trusted" + K: "not_yet: cloudtrail_lag", "key.sessions_followed" + K: "not_yet: cloudtrail_lag",
            "role.session_calls operator": 0, "role.session_suspect_calls operator": 0,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_FOLLOWED)
def test_what_is_no_session_of_the_key_or_says_nothing_is_told_so(what: str) -> None:
    events, expected = NOT_FOLLOWED[what]
    assert seen(events) == expected


def test_only_so_many_sessions_are_followed_and_those_that_strangers_made_first() -> None:
    many = [took_on(f"role-{n}", f"ASIASESSION00000000{n}", OF_KEY, at=f"-{20 + n}m") for n in range(9)]
    strangers = took_on("operator", FIRST, OF_KEY, at="-59m", address=ATTACKER)
    told = seen([*many, strangers, CHAIN[1]])
    assert told["key.assumed_roles" + K] == 10
    assert told["key.session_sensitive_calls" + K] == 1
    assert told["key.sessions_only_trusted" + K] is False
    assert told["key.sessions_followed" + K] is False
    assert told["role.session_suspect_calls operator"] == 1
    assert told["role.session_suspect_calls role-0"] == "absent: not_all_followed"
    assert len([name for name in told if name.startswith("role.session_calls")]) == SESSIONS


def test_of_two_roles_that_were_taken_on_only_the_one_that_strangers_worked_in_is_suspect() -> None:
    told = seen([*CHAIN[:2], took_on("reader", SECOND, OF_KEY), did("ListBuckets", SECOND, "reader", address=OFFICE)])
    suspect = {name: value for name, value in told.items() if name.startswith("role.session_suspect_calls")}
    assert suspect == {"role.session_suspect_calls operator": 1, "role.session_suspect_calls reader": 0}


def test_a_chain_ends_after_so_many_roles() -> None:
    keys = [KEY, *(f"ASIACHAIN0000000000{n}" for n in range(6))]
    chain = [
        took_on(f"role-{n}", keys[n + 1], OF_KEY if n == 0 else {"key": keys[n], "role": f"role-{n - 1}"})
        for n in range(6)
    ]
    told = seen(chain)
    assert told["key.assumed_roles" + K] == DEPTH + 1
    assert told["role.session_calls role-3"] == "absent: not_all_followed"


UNSEEN = {
    "key.session_sensitive_calls" + K: LEFT, "key.sessions_only_trusted" + K: LEFT, "key.sessions_followed" + K: False,
}  # fmt: skip


def quietly(keys: list[str], role: str) -> list[dict[str, Any]]:
    """In each session one harmless call from the office."""
    return [did("ListUsers", key, role, address=OFFICE) for key in keys]


def test_sessions_that_were_left_aside_are_no_zero_and_clear_nobody() -> None:
    keys = [f"ASIADECOYSESSION000{n}" for n in range(SESSIONS + 1)]
    made = [took_on("operator", key, OF_KEY, at=f"-{30 + n}m") for n, key in enumerate(keys)]
    told = seen([*made, *quietly(keys, "operator"), did("StopLogging", keys[-1], "operator", source="cloudtrail")])
    assert told == UNSEEN | {
        "key.assumed_roles" + K: 1, "key.sessions_made" + K: SESSIONS + 1, "key.session_calls" + K: SESSIONS,
        "role.session_calls operator": SESSIONS,
        "role.session_suspect_calls operator": LEFT,
    }  # fmt: skip
    silent = seen(made)
    assert {silent[name] for name in ("key.session_calls" + K, "role.session_calls operator")} == {LEFT}


def test_a_chain_deeper_than_is_followed_is_no_zero_and_clears_nobody() -> None:
    keys = [KEY, *(f"ASIACHAIN0000000000{n}" for n in range(DEPTH + 1))]
    chain = [
        took_on(f"role-{n}", keys[n + 1], OF_KEY if n == 0 else {"key": keys[n], "role": f"role-{n - 1}"})
        for n in range(DEPTH + 1)
    ]
    told = seen([*chain, did("StopLogging", keys[-1], f"role-{DEPTH}", source="cloudtrail")])
    assert {name: told[name] for name in UNSEEN} == UNSEEN


def test_many_sessions_in_one_role_do_not_hide_the_only_one_in_another() -> None:
    keys = [f"ASIADECOYSESSION000{n}" for n in range(9)]
    made = [took_on("harmless", key, OF_KEY, at=f"-{20 + n}m") for n, key in enumerate(keys)]
    told = seen([*made, took_on("operator", FIRST, OF_KEY, at="-59m"), CHAIN[1]])
    assert told["key.session_sensitive_calls" + K] == 1


def test_sessions_that_the_deadline_left_aside_are_failed() -> None:
    def late() -> bool:
        return True

    arn = f"arn:aws:iam::{ACCOUNT}:role/operator"
    record = {"eventName": "AssumeRole", "requestParameters": {"roleArn": arn},
              "responseElements": {"credentials": {"accessKeyId": FIRST}}}  # fmt: skip
    event = activity(json.dumps(record))
    assert event is not None
    followed = follow([event], lambda key: ([], ""), lambda each: 0, late, ACCOUNT)
    assert (followed.gap, followed.all_followed, followed.left) == ("deadline", False, {arn})


def test_a_session_of_another_account_takes_no_look_up() -> None:
    """It would find nothing, and each is one of two a second."""
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:role/far"
    event = activity(json.dumps({"eventName": "AssumeRole", "eventSource": "sts.amazonaws.com",
             "requestParameters": {"roleArn": arn},
             "responseElements": {"credentials": {"accessKeyId": FIRST}}}))  # fmt: skip
    assert event is not None
    asked: list[str] = []
    followed = follow([event], lambda key: (asked.append(key) or [], ""), lambda each: 0, lambda: False, ACCOUNT)
    assert (asked, followed.all_followed, followed.left) == ([], False, {arn})


def test_while_the_making_of_one_may_still_come_no_session_is_no_zero() -> None:
    fresh = FINDING.model_copy(update={"last_seen": NOW, "remote_addresses": []})
    told = values(ask("cloudtrail_lookup", WORLD, fresh))
    names = ("key.sessions_made", "key.sensitive_calls", "key.denied_share")
    assert {told[name + K] for name in names} == {"not_yet: cloudtrail_lag"}


def test_no_session_is_looked_up_after_the_deadline() -> None:
    world = changed("cloudtrail.events", [*WORLD["cloudtrail"]["events"], *CHAIN])
    on_time = gather("cloudtrail_lookup", *built(world))
    late = gather("cloudtrail_lookup", *built(world), timeout_at=lambda: True)
    assert late.calls < on_time.calls
    assert values(late)["key.sessions_only_trusted" + K] == "failed: deadline"


def test_the_finding_is_of_the_time_that_these_worlds_are_about() -> None:
    assert FINDING.last_seen is not None
    assert NOW - FINDING.last_seen > timedelta(minutes=15)
