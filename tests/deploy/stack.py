"""The templates as CloudFormation would read them: SAM's macro applied, and every intrinsic function worked out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

DEPLOY = Path(__file__).parents[2] / "deploy"
TOOLING, MEMBER, REGION = "111122223333", "444455556666", "eu-central-1"
REGISTRY_ACCOUNT = "222233334444"
"""Where the registry's table lies: neither where Stanch runs nor where it acts."""
_PSEUDO = {
    "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::StackName": "stanch", "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}  # fmt: skip
CHOSEN = {
    "template": {
        "ServedRegions": REGION, "OrganizationId": "o-abcdefghij", "ServeThisAccount": "true", "ExternalId": "from-outside",
        "ModelId": "eu.anthropic.claude-sonnet-4-6", "FoundationModel": "anthropic.claude-sonnet-4-6",
        "AlertEmail": "security@example.com",
        "CustomAction": f"arn:aws:securityhub:eu-west-1:{TOOLING}:action/custom/contain",
        "RegistryTable": f"arn:aws:dynamodb:{REGION}:{REGISTRY_ACCOUNT}:table/stanch-registry",
    },
    "member": {
        "ServedRegions": REGION, "OrganizationId": "o-abcdefghij", "ToolingAccount": TOOLING,
        "ExternalId": "from-outside",
    },
}  # fmt: skip
"""Every condition of the templates holds with these."""
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/stanch/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/stanch/{name}",
}
_REF_IS_ARN = ("AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::IAM::ManagedPolicy")


class Stack:
    """One template with parameters and conditions filled in."""

    def __init__(self, name: str, account: str, chosen: dict[str, str]) -> None:
        self.template: dict[str, Any] = yaml_parse((DEPLOY / f"{name}.yaml").read_text(encoding="utf-8"))
        parameters = self.template["Parameters"]
        self.values: dict[str, Any] = {**_PSEUDO, "AWS::AccountId": account}
        for parameter, declared in parameters.items():
            value = chosen.get(parameter, declared.get("Default"))
            self.values[parameter] = str(value).split(",") if declared["Type"] == "CommaDelimitedList" else value
        if "Transform" in self.template:
            for one in self.template["Resources"].values():
                if "CodeUri" in one["Properties"]:
                    one["Properties"]["CodeUri"] = "s3://packages/stanch.zip"
            session = boto3.session.Session(region_name=REGION)
            self.template = Translator({}, Parser(), boto_session=session).translate(self.template, chosen)
        self.account = account
        resources = self.template["Resources"]
        self.resources: dict[str, Any] = {
            key: self.worked_out(one) for key, one in resources.items() if self._made(one.get("Condition"))
        }

    def kind(self, kind: str) -> dict[str, Any]:
        """The properties of every resource of a type, by logical id."""
        return {key: one.get("Properties", {}) for key, one in self.resources.items() if one["Type"] == kind}

    def worked_out(self, value: Any) -> Any:
        """The value without intrinsic functions."""
        if isinstance(value, list):
            return [one for one in map(self.worked_out, value) if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, given),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, given)
        made = {key: self.worked_out(one) for key, one in value.items()}
        return {key: one for key, one in made.items() if one is not None}

    def _function(self, name: str, given: Any) -> Any:
        match name:
            case "Ref":
                return self.values[given] if given in self.values else self._named(given)
            case "Fn::GetAtt":
                resource, attribute = given.split(".") if isinstance(given, str) else given
                return self._arn(resource) if attribute == "Arn" else f"{resource}.{attribute}"
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._filled(found[1]), given)
            case "Fn::If":
                return self.worked_out(given[1] if self._made(given[0]) else given[2])
            case "Fn::Equals":
                return self.worked_out(given[0]) == self.worked_out(given[1])
            case "Fn::Not":
                return not self.worked_out(given[0])
        raise NotImplementedError(name)

    def _filled(self, name: str) -> str:
        return self._function("Fn::GetAtt", name) if "." in name else str(self._function("Ref", name))

    def _made(self, condition: str | None) -> bool:
        return condition is None or bool(self.worked_out(self.template["Conditions"][condition]))

    def _named(self, resource: str) -> str:
        return self._arn(resource) if self.template["Resources"][resource]["Type"] in _REF_IS_ARN else resource

    def _arn(self, resource: str) -> str:
        pattern = _ARNS[self.template["Resources"][resource]["Type"]]
        return "arn:aws:" + pattern.format(region=REGION, account=self.account, name=resource)


@dataclass(frozen=True)
class Role:
    """One role with everything that is attached to it."""

    name: str
    trust: list[dict[str, Any]]
    statements: list[dict[str, Any]]

    def granted(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each action, resource and condition that is allowed."""
        for one in self.statements:
            if one["Effect"] == "Allow":
                for action in one["Action"]:
                    for resource in one["Resource"]:
                        yield action, resource, one.get("Condition", {})

    @property
    def actions(self) -> set[str]:
        return {action for action, _, _ in self.granted()}


@cache
def stack(name: str, **changed: str) -> Stack:
    """A template by name, with the parameters of `CHOSEN` and those that a test changes."""
    return Stack(name, TOOLING if name == "template" else MEMBER, {**CHOSEN[name], **changed})


@cache
def roles(name: str, **changed: str) -> dict[str, Role]:
    """The roles of a template, by logical id."""
    made = stack(name, **changed)
    managed = {
        made._arn(key): one["PolicyDocument"]["Statement"] for key, one in made.kind("AWS::IAM::ManagedPolicy").items()
    }
    found = {}
    for key, role in made.kind("AWS::IAM::Role").items():
        attached = [one for arn in role["ManagedPolicyArns"] for one in managed[arn]]
        inline = [one for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]]
        found[key] = Role(key, role["AssumeRolePolicyDocument"]["Statement"], attached + inline)
    return found
