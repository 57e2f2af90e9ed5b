"""Inline policies of a role: whose role it is, what is there, and what still fits."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Gone, Phase

LIMIT = 10_240
"""IAM's quota for all inline policies of one role together, in characters without white space."""
_SERVICE_PATHS = ("/aws-service-role/", "/aws-reserved/")
"""Where AWS alone makes roles. How a role is called says nothing: that is for whoever makes it to choose."""

_ROLES = "arn:{partition}:iam::{account}:role/*"
_ALL = frozenset({Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO})
GET_ROLE = AwsCall("iam", "GetRole", "iam:GetRole", _ROLES, _ALL)
GET = AwsCall("iam", "GetRolePolicy", "iam:GetRolePolicy", _ROLES, _ALL)
LIST = AwsCall("iam", "ListRolePolicies", "iam:ListRolePolicies", _ROLES, frozenset({Phase.PLAN}))
PUT = AwsCall("iam", "PutRolePolicy", "iam:PutRolePolicy", _ROLES, frozenset({Phase.EXECUTE}), writes=True)
DELETE = AwsCall("iam", "DeleteRolePolicy", "iam:DeleteRolePolicy", _ROLES, frozenset({Phase.UNDO}), writes=True)
CALLS = frozenset({GET_ROLE, GET, LIST, PUT, DELETE})


def refusal(role: Mapping[str, Any]) -> str:
    """Why no policy can be put on the role, as GetRole describes it; empty if one can."""
    if role["Path"].startswith(_SERVICE_PATHS):
        return f"the role {role['RoleName']} belongs to AWS, which lets nobody put a policy on it"
    return ""


def document(aws: Aws, role: str, policy: str) -> JsonObject | None:
    """A policy's document, None if there is none of that name. Raises Gone if the role is gone."""
    answer = aws.call(GET, absent={"NoSuchEntity"}, RoleName=role, PolicyName=policy)
    return cast(JsonObject, answer["PolicyDocument"]) if answer else None


def document_of(aws: Aws, role: str, role_id: str | None, policy: str) -> JsonObject | None:
    """The same, of exactly this role. Raises Gone if it is gone, or if another has its name by now."""
    found = cast(dict[str, Any], aws.need(GET_ROLE, RoleName=role)["Role"])
    if found["RoleId"] != role_id:
        raise Gone(GET_ROLE.name, "AnotherRoleOfThisName")
    return document(aws, role, policy)


def names(aws: Aws, role: str) -> list[str]:
    """The names of its policies."""
    return [name for page in aws.pages(LIST, RoleName=role) for name in cast(list[str], page["PolicyNames"])]


def room(aws: Aws, role: str, there: Iterable[str]) -> int:
    """How many characters the policies that are `there` leave."""
    answers = [aws.call(GET, absent={"NoSuchEntity"}, RoleName=role, PolicyName=name) for name in there]
    return LIMIT - sum(size(answer["PolicyDocument"]) for answer in answers if answer)


def size(policy: Any) -> int:
    """Characters of a document that count towards the quota."""
    text = policy if isinstance(policy, str) else json.dumps(policy, separators=(",", ":"))
    return len("".join(text.split()))


def put(aws: Aws, role: str | None, policy: str, wanted: Any) -> None:
    """Put the policy there, whatever is there: compare first."""
    text = json.dumps(wanted, separators=(",", ":"))
    aws.need(PUT, RoleName=role, PolicyName=policy, PolicyDocument=text)


def delete(aws: Aws, role: str | None, policy: str) -> None:
    """Delete the policy: compare first."""
    aws.need(DELETE, RoleName=role, PolicyName=policy)
