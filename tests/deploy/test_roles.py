"""Least privilege by construction, of the roles as the templates make them (law 11)."""

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import policy_sentry
import pytest
from policy_sentry.querying.actions import get_action_data
from stack import MEMBER, REGION, REGISTRY_ACCOUNT, TOOLING, Role, roles, stack

from evals.roles import declared
from tools.guardrails import NEVER
from tools.own_parts import FUNCTIONS
from tools.registry_table import PERMISSION

ROLES = {f"{name}-{key}": role for name in ("template", "member") for key, role in roles(name).items()}
EVENTS, EXECUTE = ROLES["template-EventsRole"], ROLES["template-ExecuteRole"]
APPROVALS, CLOCK = ROLES["template-ApprovalsRole"], ROLES["template-ClockRole"]
READ, CONTAIN, ROLLBACK = (ROLES[f"member-{key}Role"] for key in ("Read", "Contain", "Rollback"))
EVERY = pytest.mark.parametrize("role", ROLES.values(), ids=ROLES.keys())

_LISTED_WITH_A_WEB_ACL = "checked by ListResourcesForWebACL for what a web ACL protects, which nobody knows beforehand"
_READ_BY_ATHENA = "checked by Athena for the tables of a query, which the registry names"
ANY_RESOURCE = {
    "glue:GetDatabase": _READ_BY_ATHENA,
    "glue:GetPartitions": _READ_BY_ATHENA,
    "glue:GetTable": _READ_BY_ATHENA,
    "amplify:ListResourcesForWebACL": _LISTED_WITH_A_WEB_ACL,
    "apprunner:ListAssociatedServicesForWebAcl": _LISTED_WITH_A_WEB_ACL,
    "appsync:ListResourcesForWebACL": _LISTED_WITH_A_WEB_ACL,
    "cognito-idp:ListResourcesForWebACL": _LISTED_WITH_A_WEB_ACL,
    "elasticloadbalancing:DescribeWebACLAssociation": _LISTED_WITH_A_WEB_ACL,
    "cloudwatch:DescribeAlarms": "anything narrower than `*` makes AWS leave out composite alarms",
}
"""Allowed on any resource although IAM knows one, and why."""
ONLY_A_QUERY = {"athena:StartQueryExecution", "athena:StopQueryExecution"}
"""IAM calls them writes: a query can write what its caller may write, and the callers here may write no table and no object."""
CHANGING = {
    "PutObject",
    "DeleteObject",
    "CreateTable",
    "UpdateTable",
    "DeleteTable",
    "CreateDatabase",
    "BatchCreatePartition",
}
ESCALATING = {
    "lambda:InvokeFunction": "of our own functions alone: one hands a run over to another",
    "sts:AssumeRole": "of our own role in member accounts alone",
    "iam:PutUserPolicy": "denies a user everything; IAM has no condition on what a policy says, so code and Cedar hold it",
    "iam:PutRolePolicy": "denies one instance's sessions everything; held by code and Cedar as well",
}
"""What could raise somebody's rights and is allowed nevertheless, and why."""
GLOBAL_KEYS = {"aws:ResourceAccount", "aws:ResourceOrgID", "aws:RequestedRegion"}
"""Condition keys that every action has."""


def rows(action: str) -> list[dict[str, Any]]:
    service, name = action.split(":")
    found = get_action_data(service, name)
    return found[service] if found else []


def level(action: str) -> str:
    return str(rows(action)[0]["access_level"])


def fits(resource: str, documented: str) -> bool:
    """Whether a resource of a policy can be one of the documented form."""
    form = re.sub(r"\$\{[^}]+\}", "*", documented)
    ours, theirs = resource.split(":", 5), form.split(":", 5)
    pairs = zip(ours, theirs, strict=True)
    return all(fnmatchcase(a, b) or fnmatchcase(b, a) or fnmatchcase(a.replace("*", "x"), b) for a, b in pairs)


def denied_for_ever(role: Role) -> list[str]:
    denials = [one for one in role.statements if one["Effect"] == "Deny" and "Condition" not in one]
    return [pattern for one in denials if one["Resource"] == ["*"] for pattern in one["Action"]]


@EVERY
def test_every_allowed_action_exists_and_is_named_whole(role: Role) -> None:
    assert sorted(action for action in role.actions if "*" in action or not rows(action)) == []


@EVERY
def test_every_resource_is_of_a_type_that_its_action_takes(role: Role) -> None:
    offenders = []
    for action, resource, _ in role.granted():
        documented = {row["resource_arn_format"] for row in rows(action)}
        if resource == "*":
            if documented != {"*"} and action not in ANY_RESOURCE:
                offenders.append(f"{action} on * has {documented - {'*'}}")
        elif not any(fits(resource, form) for form in documented - {"*"}):
            offenders.append(f"{action} takes {documented}, not {resource}")
    assert offenders == []


@EVERY
def test_every_condition_key_is_one_that_its_action_has(role: Role) -> None:
    offenders = []
    for action, _, condition in role.granted():
        known = {re.sub(r"\$\{[^}]+\}$", "", key) for row in rows(action) for key in row["condition_keys"]}
        keys = {key for block in condition.values() for key in block}
        offenders += [f"{action}: {key}" for key in keys - known - GLOBAL_KEYS if not _prefixed(key, known)]
    assert offenders == []


def _prefixed(key: str, known: set[str]) -> bool:
    return any(each.endswith("/") and key.startswith(each) for each in known)


@EVERY
def test_nothing_is_allowed_that_is_denied_for_ever(role: Role) -> None:
    denied = denied_for_ever(role)
    assert [action for action in sorted(role.actions) for pattern in denied if fnmatchcase(action, pattern)] == []


@EVERY
def test_every_role_is_denied_what_no_role_may_do(role: Role) -> None:
    sids = {str(one.get("Sid")) for one in role.statements if one["Effect"] == "Deny"}
    assert {never.sid for never in NEVER} | {"NeverElsewhere"} <= sids


@EVERY
def test_what_could_raise_rights_is_allowed_only_for_a_reason_and_never_anywhere(role: Role) -> None:
    listed = Path(policy_sentry.__file__).parent / "shared" / "data" / "audit" / "privilege-escalation.txt"
    raising = role.actions & set(listed.read_text(encoding="utf-8").split())
    assert raising <= ESCALATING.keys()
    assert [resource for action, resource, _ in role.granted() if action in raising and resource == "*"] == []


def test_who_speaks_to_the_model_writes_nothing_but_to_our_own_parts() -> None:
    ours = {
        permission
        for one in FUNCTIONS
        if one.name == "events"
        for grant in one.grants
        for permission in grant.permissions
    }
    beyond = EVENTS.actions - ours - {"bedrock:InvokeModel", "sts:AssumeRole"}
    assert {action for action in beyond if level(action) not in ("Read", "List")} <= ONLY_A_QUERY
    outside = [(a, r) for a, r, _ in EVENTS.granted() if a in ours and f":{TOOLING}:" not in r]
    elsewhere = {r for action, r in outside if action != PERMISSION}  # the registry's table is only read
    assert elsewhere == {"arn:aws:s3:::CaseFiles/*"}, "the ARN of a bucket names no account"
    assert {action for action in READ.actions if level(action) not in ("Read", "List")} == ONLY_A_QUERY


def test_every_function_that_reads_the_registry_may_get_items_of_its_table_and_nothing_else_there() -> None:
    table = f"arn:aws:dynamodb:{REGION}:{REGISTRY_ACCOUNT}:table/stanch-registry"
    functions = {key: role for key, role in ROLES.items() if key.startswith("template-")}
    reading = {
        key: {action for action, place, _ in role.granted() if place == table} for key, role in functions.items()
    }
    assert set(reading) == {f"template-{name}Role" for name in ("Events", "Execute", "Approvals", "Clock")}
    assert set(map(frozenset, reading.values())) == {frozenset({PERMISSION})}
    without = roles("template", RegistryTable="")
    assert [place for role in without.values() for _, place, _ in role.granted() if "registry" in place.lower()] == []


def test_who_may_ask_athena_may_write_no_table_and_no_object_and_only_in_our_own_workgroups() -> None:
    asking = [role for role in ROLES.values() if role.actions & ONLY_A_QUERY]
    assert READ in asking
    for role in asking:
        logs = {action for action, place, _ in role.granted() if "CaseFiles" not in place}
        written = {action for action in logs if action.startswith(("glue:", "s3:", "lakeformation:"))}
        assert {action for action in written if level(action) == "Write" and action.split(":")[1] in CHANGING} == set()
        places = {resource for action, resource, _ in role.granted() if action in ONLY_A_QUERY}
        assert all(re.search(r":workgroup/stanch\*$", place) for place in places), places


def test_who_speaks_to_the_model_reaches_members_by_the_reading_role_alone() -> None:
    reached = {resource for action, resource, _ in EVENTS.granted() if action == "sts:AssumeRole"}
    assert reached == {"arn:aws:iam::*:role/stanch/stanch-read"}


def test_who_speaks_to_the_model_cannot_sign_an_approval() -> None:
    signing = {role.name for role in ROLES.values() if "secretsmanager:GetSecretValue" in role.actions}
    assert signing == {"ExecuteRole", "ApprovalsRole", "ClockRole"}


def test_only_the_events_function_speaks_to_a_model_and_only_to_the_configured_one() -> None:
    speaking = {role.name for role in ROLES.values() if any(action.startswith("bedrock:") for action in role.actions)}
    assert speaking == {"EventsRole"}
    assert {resource for action, resource, _ in EVENTS.granted() if action == "bedrock:InvokeModel"} == {
        f"arn:aws:bedrock:eu-central-1:{TOOLING}:inference-profile/eu.anthropic.claude-sonnet-4-6",
        "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-6",
    }


def test_without_a_model_nobody_speaks_to_one() -> None:
    quiet = roles("template", ModelId="", FoundationModel="none")
    assert [name for name, role in quiet.items() if "bedrock:InvokeModel" in role.actions] == []


@pytest.mark.parametrize(
    ("phase", "writers"), [("execute", (EXECUTE, CONTAIN)), ("undo", (CLOCK, ROLLBACK))], ids=["execute", "undo"]
)
def test_the_writes_of_a_phase_are_granted_to_one_function_and_its_member_role(
    phase: str, writers: tuple[Role, ...]
) -> None:
    wanted = {call.permission for call in declared() if phase in call.phases and call.writes and not call.unsigned}
    other = {"execute": "undo", "undo": "execute"}[phase]
    others = {call.permission for call in declared() if other in call.phases and call.writes}
    assert all(wanted <= role.actions for role in writers)
    idle = [role for role in ROLES.values() if role not in writers]
    assert [role.name for role in idle if (wanted - others) & role.actions] == []


def test_containing_attaches_only_our_own_groups_and_giving_back_any() -> None:
    def tags(role: Role) -> set[str]:
        action = "ec2:ModifyNetworkInterfaceAttribute"
        held = [c for done, resource, c in role.granted() if done == action and "security-group" in resource]
        return {key for one in held for block in (one or {"": {"any": ""}}).values() for key in block}

    assert tags(CONTAIN) == {"aws:ResourceTag/stanch:quarantine", "aws:ResourceTag/stanch:untracked"}
    assert tags(ROLLBACK) == {"any"}


def test_an_account_that_is_not_served_is_neither_read_nor_written() -> None:
    for name, role in roles("template", ServeThisAccount="false", OrganizationId="").items():
        ours = {p for one in FUNCTIONS for grant in one.grants for p in grant.permissions} | {"bedrock:InvokeModel"}
        assert role.actions - ours == set(), name


def test_each_member_role_trusts_one_function_of_one_account_of_the_organisation() -> None:
    trusted = {}
    for key, role in roles("member").items():
        (only,) = role.trust
        assert only["Principal"] == {"AWS": f"arn:aws:iam::{TOOLING}:root"}
        equal = {"aws:PrincipalOrgID": "o-abcdefghij", "sts:ExternalId": "from-outside"}
        assert only["Condition"]["StringEquals"] == equal
        trusted[key] = only["Condition"]["ArnEquals"]["aws:PrincipalArn"]
    function = f"arn:aws:iam::{TOOLING}:role/stanch/stanch-"
    assert trusted == {
        "ReadRole": f"{function}events", "ContainRole": f"{function}execute", "RollbackRole": f"{function}clock"
    }  # fmt: skip


def test_the_names_that_are_taken_on_are_those_that_a_member_account_has() -> None:
    made = {f"arn:aws:iam::*:role/stanch/{one['RoleName']}" for one in stack("member").kind("AWS::IAM::Role").values()}
    reached = {
        resource
        for role in roles("template").values()
        for action, resource, _ in role.granted()
        if action == "sts:AssumeRole"
    }
    assert reached == made
    assert all(MEMBER not in name for name in reached)
