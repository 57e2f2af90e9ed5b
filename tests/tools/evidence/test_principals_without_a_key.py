"""A user, a session and a role of which no finding names a key: what they did, where, and who else works under the role."""

from typing import Any

import pytest
from asking import (
    ACCOUNT,
    ATTACKER,
    FINDING,
    INSTANCE,
    INSTANCE_TARGET,
    KEYLESS,
    OF_ROLE,
    OFFICE,
    ROLE_TARGET,
    USER_TARGET,
    ask,
    built,
    changed,
    gather,
    values,
)

from agent.finding import Finding
from tools.sandbox.faults import Fail, SandboxCall
from tools.source import sources

ARN = f"arn:aws:iam::{ACCOUNT}:role/team/worker"
ALONE = {
    "role.live_sessions": 1, "role.other_live_sessions": 0, "role.other_callers": 0, "role.services": 0,
    "role.instances": 0, "role.functions": 0,
}  # fmt: skip


def taken(number: int, name: str = "job", **more: Any) -> dict[str, Any]:
    """Somebody takes the role on."""
    return {
        "at": "-30m", "name": "AssumeRole", "source": "sts", "address": OFFICE,
        "request": {"roleArn": ARN, "roleSessionName": name},
        "response": {"credentials": {"accessKeyId": f"ASIAOTHERSESSION000{number}"}}, **more,
    }  # fmt: skip


def with_events(*more: dict[str, Any]) -> dict[str, Any]:
    return changed("cloudtrail.events", [*OF_ROLE["cloudtrail"]["events"], *more], OF_ROLE)


def of(kind: str, *more: dict[str, Any], finding: Finding = KEYLESS) -> dict[str, Any]:
    told = values(ask("cloudtrail_principals", with_events(*more), finding))
    return {name.split()[0]: value for name, value in told.items() if name.startswith(kind)}


def test_a_session_is_found_by_its_name_in_a_region_that_nobody_named_and_a_namesake_is_not_counted() -> None:
    namesake = {"at": "-40m", "name": "CreateUser", "role": "other", "user": "stolen", "address": ATTACKER}
    expected = {
        "session.calls": 1, "session.sensitive_calls": 1, "session.denied_share": 0,
        "session.only_trusted_addresses": False, "session.finding_address_trusted": False,
    }  # fmt: skip
    assert of("session.", namesake) == expected


def test_a_user_whose_key_is_not_named_is_asked_about_by_name_and_sessions_of_that_name_are_not() -> None:
    refused = {"at": "-40m", "name": "ListRoles", "user": "alice", "error": "AccessDenied", "address": OFFICE}
    session = {"at": "-40m", "name": "CreateUser", "role": "worker", "user": "alice", "address": ATTACKER}
    expected = {
        "user.calls": 3, "user.sensitive_calls": 0, "user.denied_share": 33, "user.only_trusted_addresses": False,
    }  # fmt: skip
    assert of("user.", refused, session) == expected


SHARED: dict[str, tuple[list[dict[str, Any]], dict[str, int]]] = {
    "nobody else": ([], {}),
    "somebody else": ([taken(1, user="bob")], {"role.live_sessions": 2, "role.other_live_sessions": 1, "role.other_callers": 1}),
    "one who came twice": (
        [taken(1, user="bob"), taken(2, "other", user="bob")],
        {"role.live_sessions": 3, "role.other_live_sessions": 2, "role.other_callers": 1},
    ),
    "one whose session is over": ([taken(1, user="bob", at="-61m")], {}),
    "one who was refused": ([taken(1, user="bob", error="AccessDenied")], {}),
    "an instance, whose session lasts longer": (
        [taken(1, "i-0aaaaaaaaaaaaaaa1", address="ec2.amazonaws.com", at="-5h")],
        {"role.live_sessions": 2, "role.other_live_sessions": 1, "role.other_callers": 1, "role.services": 1,
         "role.instances": 1},
    ),
    "two functions": (
        [taken(n, f"function-{n}", address="lambda.amazonaws.com") for n in (1, 2)],
        {"role.live_sessions": 3, "role.other_live_sessions": 2, "role.other_callers": 1, "role.services": 1,
         "role.functions": 2},
    ),
    "a person who names the session after an instance": (
        [taken(1, "i-0aaaaaaaaaaaaaaa1", user="bob")],
        {"role.live_sessions": 2, "role.other_live_sessions": 1, "role.other_callers": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("who", SHARED)
def test_the_sessions_that_a_revoke_would_cut_are_counted_by_who_made_them(who: str) -> None:
    events, more = SHARED[who]
    told = of("role.", *events)
    assert {name: told[name] for name in ALONE} == ALONE | more


def test_what_the_role_did_is_followed_through_its_sessions() -> None:
    told = of("role.")
    assert (told["role.calls"], told["role.sensitive_calls"], told["role.only_trusted_addresses"]) == (1, 1, False)


def test_a_role_that_too_many_took_on_is_counted_as_far_as_it_was_followed() -> None:
    told = of("role.", *(taken(n, f"job-{n}", user="bob") for n in range(9)))
    assert told["role.other_live_sessions"] == 9
    assert told["role.calls"] == 1  # the session of the finding is looked at before others'
    assert told["role.denied_share"] == "absent: not_all_followed"


def test_a_session_that_works_although_nobody_saw_it_made_counts_and_leaves_the_others_unknown() -> None:
    world = changed("cloudtrail.events", OF_ROLE["cloudtrail"]["events"][-1:], OF_ROLE)
    told = values(ask("cloudtrail_principals", world))
    assert (told["role.calls worker"], told["role.live_sessions worker"]) == (1, "absent: making_not_seen")


def test_a_role_that_nobody_was_seen_to_take_on_is_not_said_to_have_done_nothing() -> None:
    told = values(ask("cloudtrail_principals", changed("cloudtrail.events", [], OF_ROLE)))
    assert (told["role.calls worker"], told["role.live_sessions worker"]) == ("absent: no_sessions", 0)


def test_an_instance_is_asked_about_by_the_name_that_ec2_gives_its_sessions() -> None:
    call = {"at": "-40m", "name": "GetSecretValue", "source": "secretsmanager", "role": "worker", "user": INSTANCE}
    finding = FINDING.model_copy(update={"targets": [ROLE_TARGET, INSTANCE_TARGET]})
    assert of("role.sensitive", {**call, "address": ATTACKER}, finding=finding) == {"role.sensitive_calls": 2}


def test_a_role_that_is_gone_has_no_sessions() -> None:
    told = values(ask("cloudtrail_principals", changed("iam.roles", [], OF_ROLE)))
    assert {value for name, value in told.items() if name.startswith("role.")} == {"absent: no_role"}


def unread(call: SandboxCall) -> Fail | None:
    there = call.region == "us-east-2" and call.operation == "LookupEvents"
    return Fail("AccessDenied", 403) if there else None


def test_where_nothing_was_read_is_said_and_what_was_seen_elsewhere_still_counts() -> None:
    sandbox, world = built(with_events(taken(1, user="bob")))
    sandbox.faults.before.append(unread)
    told = values(gather("cloudtrail_principals", sandbox, world))
    assert told["activity.regions_unread finding"] == "us-east-2"
    assert "us-east-2" not in told["activity.regions finding"]
    assert told["role.live_sessions worker"] == 2
    assert told["role.functions worker"] == told["role.denied_share worker"] == "failed: AccessDenied"


def test_after_the_deadline_the_regions_that_were_left_out_are_named() -> None:
    told = values(gather("cloudtrail_principals", *built(OF_ROLE), timeout_at=lambda: True))
    assert told["activity.regions finding"] == "eu-west-1"
    assert {"us-east-1", "us-east-2"} <= set(told["activity.regions_unread finding"].split(", "))


def test_where_the_finding_names_a_key_its_user_is_not_asked_about_again() -> None:
    source = sources()["cloudtrail_principals"]
    assert not source.wanted(FINDING)
    assert source.wanted(FINDING.model_copy(update={"targets": [USER_TARGET]}))
    assert source.wanted(FINDING.model_copy(update={"targets": [ROLE_TARGET]}))
