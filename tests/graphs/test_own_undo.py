"""A key that we gave back is no alarm; one that anybody else let loose is, whatever the role is called that did it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import ACCOUNT, KEY, SPARE, USER, USER_WORLD, Desk, desk, event

from agent.event import Event
from agent.finding import Finding
from agent.record import iso
from graphs.intake import chosen, screened
from graphs.undo import undo_run

OURS, THEIRS = f"arn:aws:iam::{ACCOUNT}:role/stanch/deploy", "arn:aws:iam::999988887777:role/stanch/deploy"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A key was deactivated, and given back."""
    made = desk(tmp_path_factory.mktemp("undone"), USER_WORLD, event("guardduty_credential_abuse"))
    run = made.deliver()
    undo_run(made.service, run.run_id, None, "rosa")
    return made


def passed_over(at: Desk, own: str = OURS, **detail: Any) -> str | None:
    """Why the call by the role `deploy` is not worked, if it is not."""
    body = event("cloudtrail_key_activated")
    by = event("cloudtrail_delete_detector")["detail"]["userIdentity"]
    request = {"userName": USER, "accessKeyId": KEY, "status": "Active"}
    body["detail"] |= {"userIdentity": by, "requestParameters": request, "eventTime": iso(at.sandbox.now()), **detail}
    came = Event(body=body, received_at=at.sandbox.now(), via="eventbridge")
    found = chosen(came, 0)
    assert isinstance(found, Finding)
    registry = at.service.registry.model_copy(update={"own_parts": [own]})
    refusal = screened(found, came, 0, replace(at.service, registry=registry))
    return refusal.reason.value if refusal else None


def later(at: Desk, **much: float) -> str:
    return iso(at.sandbox.now() + timedelta(**much))


@pytest.mark.parametrize("own", ["deploy", OURS])
def test_the_key_that_we_gave_back_just_now_is_an_echo(at: Desk, own: str) -> None:
    assert passed_over(at, own) == "echo"
    assert passed_over(at, own, eventTime=later(at, minutes=-4)) == "echo"


def test_any_other_call_is_an_alarm(at: Desk) -> None:
    other = {"userName": USER, "accessKeyId": SPARE, "status": "Active"}
    tried = {
        "another key": passed_over(at, requestParameters=other),
        "long before": passed_over(at, eventTime=later(at, minutes=-6)),
        "long after": passed_over(at, eventTime=later(at, minutes=6)),
        "a role of another account has the name": passed_over(at, THEIRS),
        "a role of another name": passed_over(at, "stanch-execute"),
        "another call": passed_over(at, eventName="StopLogging", eventSource="cloudtrail.amazonaws.com"),
    }
    assert tried == dict.fromkeys(tried)


def test_a_key_that_stands_deactivated_was_not_given_back_by_us(tmp_path: Path) -> None:
    at = desk(tmp_path, USER_WORLD, event("guardduty_credential_abuse"))
    at.deliver()
    assert passed_over(at) is None
