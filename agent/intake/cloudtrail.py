"""CloudTrail events that are alarms in themselves: guards switched off, root at work, credentials made."""

from agent.finding import Finding, Origin, Situation
from agent.intake.naming import Naming
from agent.intake.node import Node, quote
from agent.intake.place import Arn, Place, account_of, partition_of, region_of
from agent.intake.subject import Principal, name_principal
from agent.target import TargetKind

_GUARDS: dict[str, frozenset[str]] = {
    "cloudtrail": frozenset({"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"}),
    "config": frozenset({"StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel"}),
    "ec2": frozenset({"DeleteFlowLogs"}),
    "guardduty": frozenset(
        {"DeleteDetector", "UpdateDetector", "DisassociateFromAdministratorAccount", "StopMonitoringMembers"}
    ),
    "macie2": frozenset({"DisableMacie"}),
    "securityhub": frozenset({"DisableSecurityHub"}),
}
"""Calls that may blind the account, by service."""
_CREDENTIALS = frozenset({"CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile"})
_SEVERITIES = {Situation.AUDIT_TAMPERING: 70, Situation.ROOT_USE: 70, Situation.CREDENTIAL_ABUSE: 40}
"""CloudTrail states none: what blinds the account and what root does count as high, a new credential as medium."""
_REFUSED_CALL = 1
"""A call that was refused changed nothing."""


def parse(record: Node) -> Finding:
    """One record of a management event. Raises Unfit where it is none, or is no alarm."""
    name, source = record.at("eventName").needed(128), record.at("eventSource").needed(128)
    identity = record.at("userIdentity").object()
    situation = _situation(name, source.partition(".")[0], identity)
    if situation is None:
        raise record.at("eventName").unsupported(f"a call that is no alarm by itself: {quote(name)}")
    place = Place(
        account=account_of(record.at("recipientAccountId")),
        region=region_of(record.at("awsRegion")),
        partition=partition_of(Arn.parse(identity.at("arn").text)),
    )
    naming = Naming(place)
    _name_trail(naming, source, record.at("requestParameters"))
    name_principal(naming, _principal(identity))
    naming.address(record.at("sourceIPAddress").value)
    at = naming.moment(record.at("eventTime"))
    return naming.finding(
        key=f"cloudtrail:{place.account}:{place.region}:{record.at('eventID').needed(64)}",
        version=naming.version(record.at("eventTime")),
        origin=Origin.CLOUDTRAIL,
        type=f"CloudTrail:{name}",
        situation=situation,
        severity=_REFUSED_CALL if record.at("errorCode").text else _SEVERITIES[situation],
        title=f"{name} by {identity.at('type').text or 'somebody'}",
        description=record.at("errorMessage").text,
        seen=(at, at),
    )


def _situation(name: str, service: str, identity: Node) -> Situation | None:
    if name in _GUARDS.get(service, frozenset()):
        return Situation.AUDIT_TAMPERING
    if identity.at("type").text == "Root":
        # what a service does on behalf of the account is done as root too
        return None if identity.at("invokedBy").text else Situation.ROOT_USE
    return Situation.CREDENTIAL_ABUSE if service == "iam" and name in _CREDENTIALS else None


def _principal(identity: Node) -> Principal:
    issuer = identity.at("sessionContext", "sessionIssuer")
    return Principal(
        key_id=identity.at("accessKeyId").text,
        user_type=identity.at("type").text,
        user_name=identity.at("userName").text or issuer.at("userName").text,
        principal_id=identity.at("principalId").text,
        account=identity.at("accountId").text,
    )


def _name_trail(naming: Naming, source: str, request: Node) -> None:
    if source != "cloudtrail.amazonaws.com":
        return
    named = request.at("name").text or request.at("trailName").text or ""
    if named.startswith("arn:"):
        naming.add_resource("AwsCloudTrailTrail", [named])
    else:
        naming.add(TargetKind.TRAIL, named)


def alarming() -> dict[str, frozenset[str]]:
    """Calls that are alarms whoever makes them, by service as its event source begins: what a rule has to bring."""
    return _GUARDS | {"iam": _GUARDS.get("iam", frozenset()) | _CREDENTIALS}
