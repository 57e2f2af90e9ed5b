"""What an AWS Config rule says of a resource now."""

import re
from typing import Any

from agent.finding import Finding
from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import ABSENT, NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
DETAILS = AwsCall("config", "GetComplianceDetailsByResource", "config:GetComplianceDetailsByResource", "*", _READ)
DISCOVERED = AwsCall("config", "ListDiscoveredResources", "config:ListDiscoveredResources", "*", _READ)
RULES = AwsCall("config", "DescribeConfigRules", "config:DescribeConfigRules", "*", _READ)
CALLS = frozenset({DETAILS, DISCOVERED, RULES})
_RESOURCE = re.compile(r"(?P<type>AWS::[0-9A-Za-z]+::[0-9A-Za-z]+):(?P<id>.+)", re.ASCII)
_NAMED_APART = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::RDS::DBInstance"})
"""Types whose name Config keeps apart from their id: the verdict has the id alone."""


def read(aws: Aws, finding: Finding) -> Reread:
    """By the resource: by the rule there may be thousands. Absent if the rule says nothing of it any more.

    Not if the rule is gone: whoever deletes it leaves what it judged as it is.
    """
    about = _RESOURCE.fullmatch(finding.key.removeprefix(f"config:{finding.account}:{finding.region}:{finding.type}:"))
    if about is None:
        return NO_IDENTIFIER
    wanted = {"configRuleName": finding.type, "resourceType": about["type"], "resourceId": about["id"]}
    for page in aws.pages(DETAILS, ResourceType=about["type"], ResourceId=about["id"]):
        for result in listed(page, "EvaluationResults"):
            if _qualifier(result) == wanted:
                named = _name(aws, about["type"], about["id"]) if about["type"] in _NAMED_APART else None
                return known("aws.config", "Config Rules Compliance Change", _detail(finding, wanted, result, named))
    rule = aws.call(RULES, absent={"NoSuchConfigRuleException"}, ConfigRuleNames=[finding.type])
    there = [one.get("ConfigRuleName") for one in listed(rule or {}, "ConfigRules")]
    return ABSENT if finding.type in there else Reread(outcome="failed", note="rule_gone")


def _qualifier(result: Any) -> dict[str, Any]:
    """What was judged, by which rule, as an event spells it."""
    held = (result.get("EvaluationResultIdentifier") or {}).get("EvaluationResultQualifier") or {}
    return {name: held.get(name[0].upper() + name[1:]) for name in ("configRuleName", "resourceType", "resourceId")}


def _name(aws: Aws, kind: str, identity: str) -> str | None:
    answer = aws.need(DISCOVERED, resourceType=kind, resourceIds=[identity])
    found = [one for one in listed(answer, "resourceIdentifiers") if one.get("resourceId") == identity]
    return found[0].get("resourceName") if found else None


def _detail(finding: Finding, wanted: dict[str, str], result: Any, named: str | None) -> JsonObject:
    verdict = {
        "complianceType": result.get("ComplianceType"),
        "resultRecordedTime": result.get("ResultRecordedTime"),
        "annotation": result.get("Annotation"),
    }
    detail = wanted | ({"resourceName": named} if named else {})
    return {**detail, "awsAccountId": finding.account, "awsRegion": finding.region, "newEvaluationResult": verdict}
