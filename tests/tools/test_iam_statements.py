"""Least privilege by construction: every declared permission exists in IAM and fits its resource (law 11)."""

import re
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from tools.action import actions
from tools.aws import AwsCall, Phase
from tools.iam import statements
from tools.source import sources

_CALLS = {name: unit.CALLS for name, unit in actions().items()} | {name: unit.CALLS for name, unit in sources().items()}
_DECLARED = [
    pytest.param(call, id=f"{name}-{call.operation}")
    for name, calls in sorted(_CALLS.items())
    for call in sorted(calls, key=lambda call: call.name)
]


def _rows(permission: str) -> list[dict[str, Any]]:
    service, action = permission.split(":")
    found = get_action_data(service, action)
    return found[service] if found else []


def _pieces(arn: str) -> list[str]:
    """An ARN's six parts, with everything that stands for something made a star."""
    return re.sub(r"\*+", "*", re.sub(r"\$?\{[^}]+\}", "*", arn)).split(":", 5)


def _fits(ours: str, documented: str) -> bool:
    """Whether our pattern grants an example of the documented form, or is itself an example of it."""
    pairs = list(zip(_pieces(ours), _pieces(documented), strict=True))
    return all(_matches(a, b, ".+") or _matches(b, a, "[^/]+") for a, b in pairs)


def _matches(pattern: str, example: str, star: str) -> bool:
    return re.fullmatch(star.join(map(re.escape, pattern.split("*"))), example.replace("*", "x")) is not None


@pytest.mark.parametrize(
    ("expected", "ours", "documented"),
    [
        (True, "arn:{partition}:s3:::*", "arn:${Partition}:s3:::${BucketName}"),
        (True, "arn:{partition}:s3:::*/*", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        (False, "arn:{partition}:s3:::*/*", "arn:${Partition}:s3:::${BucketName}"),
        (False, "arn:{partition}:iam::{account}:role/*", "arn:${Partition}:iam::${Account}:user/${UserName}"),
        (False, "arn:{partition}:iam:{region}:{account}:user/*", "arn:${Partition}:iam::${Account}:user/${UserName}"),
    ],
)
def test_a_pattern_fits_only_its_own_kind_of_resource(expected: bool, ours: str, documented: str) -> None:
    assert _fits(ours, documented) is expected


@pytest.mark.parametrize("call", _DECLARED)
def test_the_permission_exists_in_iam(call: AwsCall) -> None:
    unknown = [permission for permission in (call.permission, *call.needs) if not _rows(permission)]
    assert not unknown, f"{unknown} are no IAM actions"


@pytest.mark.parametrize("call", _DECLARED)
def test_the_resource_is_of_a_type_that_the_permission_takes(call: AwsCall) -> None:
    documented = {row["resource_arn_format"] for row in _rows(call.permission)}
    if call.resource == "*":
        assert documented == {"*"}, f"{call.permission} has a resource level: {sorted(documented)}"
    else:
        fitting = [arn for arn in documented if arn != "*" and _fits(call.resource, arn)]
        assert fitting, f"{call.permission} takes {sorted(documented)}, not {call.resource}"


ONLY_A_QUERY = {"athena:StartQueryExecution", "athena:StopQueryExecution"}
"""IAM calls them writes, since SQL can write what its caller may write. Who may ask here may write no table and no object."""


@pytest.mark.parametrize("call", _DECLARED)
def test_a_call_that_writes_is_said_to_write_and_a_read_is_not(call: AwsCall) -> None:
    levels = {row["access_level"] for row in _rows(call.permission)}
    writes = bool(levels & {"Write", "Permissions management", "Tagging"}) and call.permission not in ONLY_A_QUERY
    assert call.writes == writes, sorted(levels)


def test_statements_grant_only_the_phases_asked_for() -> None:
    calls = actions()["iam_deny_user"].CALLS
    granted = {
        phase: {action for statement in statements(calls, [phase]) for action in statement["Action"]}  # type: ignore[union-attr]
        for phase in (Phase.PLAN, Phase.EXECUTE, Phase.UNDO)
    }
    assert "iam:PutUserPolicy" in granted[Phase.EXECUTE]
    assert "iam:DeleteUserPolicy" not in granted[Phase.EXECUTE]
    assert "iam:DeleteUserPolicy" in granted[Phase.UNDO]
    assert not granted[Phase.PLAN] & {"iam:PutUserPolicy", "iam:DeleteUserPolicy"}


def test_statements_are_one_for_each_resource_with_its_places_filled() -> None:
    calls = actions()["iam_deactivate_key"].CALLS
    assert statements(calls, [Phase.EXECUTE], {"partition": "aws", "account": "111122223333"}) == [
        {
            "Effect": "Allow",
            "Action": ["iam:ListAccessKeys", "iam:UpdateAccessKey"],
            "Resource": "arn:aws:iam::111122223333:user/*",
        }
    ]


def test_an_unsigned_call_is_granted_nothing() -> None:
    calls = actions()["s3_block_public_access"].CALLS
    assert any(call.unsigned for call in calls)
    assert "s3:GetObject" not in str(statements(calls, list(Phase)))


def test_what_aws_checks_beside_a_call_s_own_permission_is_granted_too() -> None:
    calls = actions()["wafv2_block_address"].CALLS
    granted = {str(one["Resource"]): one["Action"] for one in statements(calls, [Phase.VERIFY])}
    assert "elasticloadbalancing:DescribeWebACLAssociation" in str(granted["*"])
    assert "elasticloadbalancing" not in str(statements(calls, [Phase.EXECUTE]))
