"""AWS Config: a rule whose verdict about a resource changed."""

from typing import Literal

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity, situations
from agent.intake.guardduty import version_of
from agent.intake.moments import first_moment
from agent.intake.naming import Naming
from agent.intake.node import Node, untrusted
from agent.intake.place import Place, account_of, partition_of, region_of

_OUTCOMES: dict[str, Literal["passed", "failed", "not_available"]] = {
    "COMPLIANT": "passed",
    "NON_COMPLIANT": "failed",
    "NOT_APPLICABLE": "not_available",
    "INSUFFICIENT_DATA": "not_available",
}


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
    outcome_node = result.at("complianceType")
    outcome = outcome_node.needed(64)
    if outcome not in _OUTCOMES:
        raise outcome_node.malformed("not a compliance type of Config")
    kind, name = change.at("resourceType").needed(128), change.at("resourceId").needed(640)
    naming = Naming(place)
    naming.add_resource(kind, [name])
    changed = result.at("resultRecordedTime")
    return Finding(
        key=f"config:{place.account}:{place.region}:{rule}:{kind}:{name}",
        version=version_of(changed, change.at("notificationCreationTime")),
        origin=Origin.CONFIG,
        type=rule,
        situation=situations.situation(situations.CHECKS, rule) or Situation.POSTURE,
        **place.model_dump(),
        severity=severity.UNSAID,
        title=untrusted(f"{rule}: {outcome}"),
        description=untrusted(result.at("annotation").text),
        last_seen=first_moment(changed.value),
        targets=naming.targets,
        lifecycle=Lifecycle(compliance=_OUTCOMES[outcome]),
        named_resources=naming.named,
        foreign_resources=naming.foreign,
    )
