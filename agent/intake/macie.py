"""Macie findings: policy findings about buckets, and sensitive data in their objects."""

from agent.finding import Finding, Lifecycle, Origin
from agent.intake import severity, situations
from agent.intake.hub import macie_key
from agent.intake.naming import Naming
from agent.intake.node import Node, quote
from agent.intake.place import Arn, Place, account_of, partition_of, region_of
from agent.intake.subject import Principal, name_actor
from agent.target import TargetKind


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    finding_type = finding.at("type").needed(256)
    situation = situations.situation(situations.MACIE, finding_type)
    if situation is None:
        raise finding.at("type").unsupported(f"a Macie type that we do not know: {quote(finding_type)}")
    affected = finding.at("resourcesAffected").object()
    bucket = affected.at("s3Bucket").object()
    place = Place(
        account=account_of(finding.at("accountId")),
        region=region_of(finding.at("region")),
        partition=partition_of(
            Arn.parse(bucket.at("arn").text), Arn.parse(f"arn:{finding.at('partition').text}:s3:::x")
        ),
    )
    naming = Naming(place)
    naming.add(TargetKind.BUCKET, bucket.at("name").text)
    naming.name(affected.at("s3Object", "path").text)
    name_actor(naming, _actor(finding.at("policyDetails", "actor", "userIdentity")))
    naming.address(finding.at("policyDetails", "actor", "ipAddressDetails", "ipAddressV4").value)
    return naming.finding(
        key=macie_key(place, finding.at("id").needed()),
        version=naming.version(finding.at("updatedAt"), finding.at("createdAt")),
        origin=Origin.MACIE,
        type=finding_type,
        situation=situation,
        severity=severity.of_macie(finding.at("severity")),
        title=finding.at("title").text,
        description=finding.at("description").text,
        seen=(naming.moment(finding.at("createdAt")), naming.moment(finding.at("updatedAt"))),
        lifecycle=Lifecycle(archived=finding.at("archived").flag, sample=finding.at("sample").flag),
    )


def _actor(identity: Node) -> Principal:
    """Who changed the bucket. Of a role, the role's name and the session's id."""
    user, role = identity.at("iamUser"), identity.at("assumedRole")
    who = user if isinstance(user.value, dict) else role
    name = user.at("userName").text or role.at("sessionContext", "sessionIssuer", "userName").text
    return Principal(user_name=name, principal_id=who.at("principalId").text, account=who.at("accountId").text)
