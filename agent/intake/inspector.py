"""Inspector findings: vulnerable packages and code, and ports that can be reached."""

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity
from agent.intake.naming import Naming
from agent.intake.node import Node, quote
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
    naming = Naming(_place(finding, arn))
    for item in finding.at("resources").elements():
        _name(naming, item)
    status = finding.at("status").text
    return naming.finding(
        key=key,
        version=naming.version(finding.at("updatedAt"), finding.at("lastObservedAt"), finding.at("firstObservedAt")),
        origin=Origin.INSPECTOR,
        type=finding_type,
        situation=Situation.VULNERABILITY,
        severity=severity.worded(finding.at("severity")),
        title=finding.at("title").text,
        description=finding.at("description").text,
        seen=(naming.moment(finding.at("firstObservedAt")), naming.moment(finding.at("lastObservedAt"))),
        lifecycle=Lifecycle(
            workflow="resolved" if status == "CLOSED" else "suppressed" if status == "SUPPRESSED" else "new"
        ),
    )


def _place(finding: Node, arn: Arn) -> Place:
    return Place(
        account=account_of(finding.at("awsAccountId"), arn),
        # An Inspector finding states its Region in its ARN alone.
        region=region_of(finding.at("region"), arn),
        partition=partition_of(arn),
    )


def _name(naming: Naming, item: Node) -> None:
    node, owner = item.at("id"), item.at("providerAccountId").text
    if node.text is None or (item.at("provider").text or "AWS").upper() != "AWS":
        naming.name(node.text)
    elif not (owner and naming.is_foreign(node.text, node.path, owner)):
        naming.add_resource(item.at("type").text, [node.text], item.at("region").text, node.path)
