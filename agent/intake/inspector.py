"""Inspector findings: vulnerable packages and code, and ports that can be reached."""

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity
from agent.intake.guardduty import version_of
from agent.intake.moments import first_moment
from agent.intake.naming import Naming
from agent.intake.node import Node, quote, untrusted
from agent.intake.place import Arn, Place, account_of, partition_of, region_of

_TYPES = frozenset({"CODE_VULNERABILITY", "NETWORK_REACHABILITY", "PACKAGE_VULNERABILITY"})


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    key, finding_type = finding.at("findingArn").needed(1024), finding.at("type").needed(256)
    if finding_type not in _TYPES:
        raise finding.at("type").unsupported(f"an Inspector type that we do not know: {quote(finding_type)}")
    arn = Arn.parse(key)
    if arn is None or arn.service != "inspector2":
        raise finding.at("findingArn").malformed(f"not the ARN of an Inspector finding: {quote(key)}")
    resources = finding.at("resources").elements()
    place = Place(
        account=account_of(finding.at("awsAccountId"), arn),
        # An Inspector finding states its Region in its ARN alone.
        region=region_of(finding.at("region"), arn),
        partition=partition_of(arn),
    )
    naming = Naming(place)
    for item in resources:
        owner = item.at("providerAccountId").text
        ours = (item.at("provider").text or "AWS").upper() == "AWS"
        if ours and owner and naming.is_foreign(item.at("id").text, item.at("id").path, owner):
            continue
        if ours and item.at("id").text:
            ids = [item.at("id").text or ""]
            naming.add_resource(item.at("type").text, ids, item.at("region").text, item.at("id").path)
        else:
            naming.name(item.at("id").text)
    status = finding.at("status").text
    return Finding(
        key=key,
        version=version_of(finding.at("updatedAt"), finding.at("lastObservedAt"), finding.at("firstObservedAt")),
        origin=Origin.INSPECTOR,
        type=finding_type,
        situation=Situation.VULNERABILITY,
        **place.model_dump(),
        severity=severity.worded(finding.at("severity")),
        title=untrusted(finding.at("title").text),
        description=untrusted(finding.at("description").text),
        first_seen=first_moment(finding.at("firstObservedAt").value),
        last_seen=first_moment(finding.at("lastObservedAt").value),
        targets=naming.targets,
        lifecycle=Lifecycle(
            workflow="resolved" if status == "CLOSED" else "suppressed" if status == "SUPPRESSED" else "new"
        ),
        named_resources=naming.named,
        foreign_resources=naming.foreign,
    )
