"""A step that is one look asks AWS nothing twice, and takes no answer for what another asker would not have got."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tools.aws import Aws, AwsCall, Gone, Phase
from tools.sandbox.engine import Sandbox

ACCOUNT, REGION = "111122223333", "us-east-1"
GET_USER = AwsCall("iam", "GetUser", "iam:GetUser", "*", frozenset({Phase.PLAN}))
TAG_USER = AwsCall("iam", "TagUser", "iam:TagUser", "*", frozenset({Phase.PLAN}), writes=True)


def looking() -> Aws:
    sandbox = Sandbox.fresh(7, datetime(2026, 11, 20, 12, tzinfo=UTC))
    sandbox.client("iam", ACCOUNT, REGION).create_user(UserName="alice")
    return Aws(sandbox.clients(), ACCOUNT, REGION, "aws", Phase.PLAN, frozenset({GET_USER, TAG_USER}), seen={})


def test_the_same_read_is_asked_once_and_another_one_anew() -> None:
    aws = looking()
    assert aws.call(GET_USER, UserName="alice") == aws.call(GET_USER, UserName="alice")
    assert aws.tally.by_phase == {"plan": {"iam:GetUser": 1}}
    aws.of("444455556666").call(GET_USER, absent={"NoSuchEntity"}, UserName="alice")
    assert aws.tally.by_phase == {"plan": {"iam:GetUser": 2}}


def test_who_counts_no_absence_as_an_answer_gets_the_error_all_the_same() -> None:
    aws = looking()
    assert aws.call(GET_USER, absent={"NoSuchEntity"}, UserName="bob") is None
    for _ in range(2):
        with pytest.raises(Gone):
            aws.need(GET_USER, UserName="bob")


def test_a_write_is_never_taken_for_done_already() -> None:
    aws = looking()
    for _ in range(2):
        aws.call(TAG_USER, UserName="alice", Tags=[{"Key": "a", "Value": "b"}])
    assert len(aws.tally.writes) == 2


def test_without_such_a_step_everything_is_asked() -> None:
    aws = replace(looking(), seen=None)
    for _ in range(2):
        aws.call(GET_USER, UserName="alice")
    assert aws.tally.by_phase == {"plan": {"iam:GetUser": 2}}
