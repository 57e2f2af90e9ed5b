"""Where Security Hub keeps a finding, and its entry there as a target."""

from agent.finding import Finding, Origin
from agent.plan import digest_of
from agent.record import JsonObject
from agent.target import Target, TargetKind

_PRODUCTS = {Origin.GUARDDUTY: "guardduty", Origin.MACIE: "macie", Origin.INSPECTOR: "inspector"}


def kept_at(finding: Finding) -> JsonObject | None:
    """Where Security Hub keeps the finding. A native finding has its service's product and its own ARN there."""
    if finding.product_arn and finding.hub_id:
        return {"finding_id": finding.hub_id, "product_arn": finding.product_arn}
    product = _PRODUCTS.get(finding.origin)
    if product is None or not finding.key.startswith("arn:"):
        return None
    arn = f"arn:{finding.partition}:securityhub:{finding.region}::product/aws/{product}"
    return {"finding_id": finding.key, "product_arn": arn}


def entry(finding: Finding, where: JsonObject) -> Target:
    """The finding's own entry in Security Hub."""
    return Target(
        kind=TargetKind.OTHER, id=f"hub-finding-{digest_of(where)[:16]}", account=finding.account,
        region=finding.region, partition=finding.partition,
    )  # fmt: skip
