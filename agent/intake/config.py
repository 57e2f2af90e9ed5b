"""AWS Config: a rule whose verdict about a resource changed."""

from typing import Literal

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity, situations
from agent.intake.naming import Naming
from agent.intake.node import Node
from agent.intake.place import Place, account_of, partition_of, region_of

_OUTCOMES: dict[str, Literal["passed", "failed", "not_available"]] = {
    "COMPLIANT": "passed",
    "NON_COMPLIANT": "failed",
    "NOT_APPLICABLE": "not_available",
    "INSUFFICIENT_DATA": "not_available",
}
_NAMED_APART = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::RDS::DBInstance"})
"""Types whose id is one that no API takes: the name stands beside it, if at all. Of others a name may be a tag."""


def parse(change: Node) -> Finding:
    """One compliance change. Raises Unfit where it is none."""
    message = change.at("messageType").text or "ComplianceChangeNotification"
    if message != "ComplianceChangeNotification":
        raise change.at("messageType").unsupported("a change of a resource, not of its compliance")
    rule = change.at("configRuleName").needed(128)
    place = Place(
        account=account_of(change.at("awsAccountId")),
        region=region_of(change.at("awsRegion")),
        partition=partition_of(),
    )
    result = change.at("newEvaluationResult").object()
    outcome = result.at("complianceType").needed(64)
    if outcome not in _OUTCOMES:
        raise result.at("complianceType").malformed("not a compliance type of Config")
    kind, name = change.at("resourceType").needed(128), change.at("resourceId").needed(640)
    naming = Naming(place)
    called = change.at("resourceName").text if kind in _NAMED_APART else None
    naming.add_resource(kind, [name, called] if called else [name], typed=True)
    return naming.finding(
        key=f"config:{place.account}:{place.region}:{rule}:{kind}:{name}",
        version=naming.version(result.at("resultRecordedTime"), change.at("notificationCreationTime")),
        origin=Origin.CONFIG,
        type=rule,
        situation=situations.situation(situations.CHECKS, rule) or Situation.POSTURE,
        severity=severity.UNSAID,
        title=f"{rule}: {outcome}",
        description=result.at("annotation").text,
        seen=(None, naming.moment(result.at("resultRecordedTime"))),
        lifecycle=Lifecycle(compliance=_OUTCOMES[outcome]),
    )
