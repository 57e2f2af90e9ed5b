"""The generated parts of the CloudFormation templates: rules, managed policies and roles, as YAML between two marks."""

from typing import Any

import yaml
from pydantic import JsonValue

from agent.intake.cloudtrail import alarming
from agent.record import JsonObject
from evals.roles import Policy, Statements, allow, model, needed, organization, own, policies, registry
from tools.guardrails import OWN_PATH
from tools.own_parts import FUNCTIONS, Function, Member

_PATH = f"/{OWN_PATH}/"
_NOTHING: JsonObject = {"Ref": "AWS::NoValue"}
HOME, SERVED = "IsServed", "HasMembers"
"""Conditions of the template: whether its own account is acted in, and whether there are member accounts."""
_WRITING = (Member.CONTAIN, Member.ROLLBACK)


def call_rules() -> str:
    """One EventBridge rule a service, for the calls that the parser takes for alarms whoever makes them."""
    return _yaml({_rule_id(service): _call_rule(service, names) for service, names in sorted(alarming().items())})


def template_roles() -> str:
    """Policies and roles of the tooling account: one role a function, and one policy for whoever may answer."""
    made: JsonObject = {}
    for policy in policies():
        made[policy.name] = _managed(policy, None if policy.name.startswith("Never") else HOME)
    for function in FUNCTIONS:
        made[f"{function.name.capitalize()}Role"] = _function_role(function)
    return _yaml(made)


def member_roles() -> str:
    """Policies and roles of a member account: one role for each function that acts there."""
    made: JsonObject = {policy.name: _managed(policy, None) for policy in policies()}
    for function in FUNCTIONS:
        if function.member is not None:
            made[f"{function.member.capitalize()}Role"] = _member_role(function, function.member)
    return _yaml(made)


def function_table() -> str:
    """One row a function, for the docs."""
    rows = [
        "| function | does | phases of [permissions](permissions.md) | role in a member account |",
        "|---|---|---|---|",
    ]
    for one in FUNCTIONS:
        phases = ", ".join(sorted(one.phases)) or "none"
        rows.append(f"| `{one.name}` | {one.does} | {phases} | {f'`{one.member}`' if one.member else 'none'} |")
    return "\n".join(rows)


def _rule_id(service: str) -> str:
    return "".join(part.capitalize() for part in service.split("-")) + "CallsRule"


def _call_rule(service: str, names: frozenset[str]) -> JsonObject:
    """Only AWS can write a source that begins with `aws.`, so nobody's own event passes for a record."""
    detail: JsonObject = {"eventSource": [{"prefix": f"{service}."}], "eventName": [*sorted(names)]}
    letters: JsonObject = {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": {"Fn::Sub": "${AWS::StackName}-calls-" + service},
            "Description": f"Calls of {service} that blind the account or make a credential.",
            "EventPattern": {
                "source": [{"prefix": "aws."}],
                "detail-type": ["AWS API Call via CloudTrail"],
                "detail": detail,
            },
            "Targets": [{"Id": "inbox", "Arn": {"Fn::GetAtt": ["Inbox", "Arn"]}, "DeadLetterConfig": letters}],
        },
    }


def _managed(policy: Policy, condition: str | None) -> JsonObject:
    made: JsonObject = {"Type": "AWS::IAM::ManagedPolicy"}
    if condition:
        made["Condition"] = condition
    made["Properties"] = {"Path": _PATH, "Description": policy.tells, "PolicyDocument": _document(policy.statements)}
    return made


def _function_role(function: Function) -> JsonObject:
    """The role of one function: its own parts, what its phases need where its account is served, and the denials."""
    wanted = needed(function)
    served = [one.name for one in policies() if one.name.rstrip("0123456789") in wanted]
    inline: list[JsonValue] = [
        _inline("own-parts", own(function)),
        _if("HasRegistryTable", _inline("registry", registry())),
    ]
    if any(phase == "model" for phase in function.phases):
        inline.append(_if("HasModel", _inline("model", model())))
    if function.member is not None:
        inline.append(_if(SERVED, _inline("member-accounts", _reach(function.member))))
    if function.member is Member.READ:
        inline.append(_if(SERVED, _inline("organization", organization())))
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": "${AWS::StackName}-" + function.name},
            "Path": _PATH,
            "AssumeRolePolicyDocument": _document(
                [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
            ),
            "ManagedPolicyArns": [*_never(), *[_if(HOME, {"Ref": name}) for name in served]],
            "Policies": inline,
        },
    }


def _member_role(function: Function, member: Member) -> JsonObject:
    wanted = [*needed(function), "NeverPolicy"]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": {"Fn::Sub": "${MemberRoleName}-" + member},
            "Path": _PATH,
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": _document([_trust(function)]),
            "ManagedPolicyArns": [{"Ref": one.name} for one in policies() if one.name.rstrip("0123456789") in wanted],
        },
    }


def _trust(function: Function) -> JsonObject:
    """Only this one function of the tooling account, and only from our own organisation."""
    account = "arn:${AWS::Partition}:iam::${ToolingAccount}"
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": f"{account}:role{_PATH}${{ToolingStack}}-{function.name}"},
            "StringEquals": {
                "aws:PrincipalOrgID": {"Ref": "OrganizationId"},
                "sts:ExternalId": _if("HasExternalId", {"Ref": "ExternalId"}),
            },
        },
    }


def _reach(member: Member) -> Statements:
    """Taking on one role of a member account. Those that write stay out of the accounts that are never acted in."""
    place = f"arn:${{AWS::Partition}}:iam::*:role{_PATH}${{MemberRoleName}}-{member}"
    made = [
        allow(["sts:AssumeRole"], place, condition={"StringEquals": {"aws:ResourceOrgID": {"Ref": "OrganizationId"}}})
    ]
    if member in _WRITING:
        never: JsonObject = {"StringEquals": {"aws:ResourceAccount": {"Ref": "NeverActAccounts"}}}
        made.append({"Effect": "Deny", "Action": ["sts:AssumeRole"], "Resource": ["*"], "Condition": never})
    return made


def _never() -> list[JsonValue]:
    return [{"Ref": one.name} for one in policies() if one.name.startswith("Never")]


def _inline(name: str, made: Statements) -> JsonObject:
    return {"PolicyName": name, "PolicyDocument": _document(made)}


def _document(made: Statements) -> JsonObject:
    return {"Version": "2012-10-17", "Statement": [_with_places(one) for one in made]}


def _if(condition: str, then: JsonValue) -> JsonObject:
    return {"Fn::If": [condition, then, _NOTHING]}


def _with_places(value: JsonValue) -> JsonValue:
    """Every text that names a parameter, as a text that CloudFormation fills."""
    if isinstance(value, str):
        return {"Fn::Sub": value} if "${" in value else value
    if isinstance(value, list):
        return [_with_places(one) for one in value]
    if isinstance(value, dict):
        return {key: _with_places(one) for key, one in value.items()}
    return value


class _Plain(yaml.SafeDumper):
    """Writes the same thing twice rather than by an anchor, which CloudFormation does not read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(made: JsonObject) -> str:
    text: str = yaml.dump(made, Dumper=_Plain, sort_keys=False, width=140, default_flow_style=None)
    return "\n".join(f"  {line}" for line in text.splitlines())
