"""IAM Access Analyzer: a resource that somebody outside can use."""

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake.naming import Naming, type_key
from agent.intake.node import Node
from agent.intake.place import Arn, Place, account_of, partition_of, region_of
from agent.target import GLOBAL

_PUBLIC, _SHARED = 70, 40
"""Access Analyzer states no severity: open to everybody counts as high, to somebody as medium."""


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    identity, resource = finding.at("id").needed(), finding.at("resource").needed(1024)
    kind, arn = finding.at("resourceType").needed(128), Arn.parse(resource)
    account = finding.at("accountId")
    spare = Arn(arn.partition, "iam", GLOBAL, "", "x") if arn and arn.service == "iam" else None
    place = Place(
        account=account_of(finding.at("resourceOwnerAccount") if account.value is None else account),
        region=region_of(finding.at("region"), arn, spare),
        partition=partition_of(arn),
    )
    naming = Naming(place)
    naming.add_resource(kind, [resource], where=finding.at("resource").path)
    public, status = finding.at("isPublic").flag, finding.at("status").text
    is_bucket = type_key(kind) == "awss3bucket"
    return naming.finding(
        key=f"access-analyzer:{place.account}:{identity}",
        version=naming.version(finding.at("updatedAt"), finding.at("analyzedAt"), finding.at("createdAt")),
        origin=Origin.ACCESS_ANALYZER,
        type=f"{finding.at('findingType').text or 'ExternalAccess'}:{kind}"[:256],
        situation=Situation.PUBLIC_BUCKET if is_bucket and public else Situation.POSTURE,
        severity=_PUBLIC if public else _SHARED,
        title=f"{kind} can be used from outside the zone of trust",
        description=finding.at("error").text,
        seen=(naming.moment(finding.at("createdAt")), naming.moment(finding.at("analyzedAt"))),
        lifecycle=Lifecycle(
            archived=status == "ARCHIVED",
            workflow="resolved" if status == "RESOLVED" or finding.at("isDeleted").flag else "new",
        ),
    )
