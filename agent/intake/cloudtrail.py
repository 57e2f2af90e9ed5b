"""CloudTrail events that are alarms in themselves: guards switched off, root at work, credentials made."""

from fnmatch import fnmatchcase

from agent.finding import Finding, Origin, Situation
from agent.intake.naming import Naming
from agent.intake.node import Node, quote
from agent.intake.place import Arn, Place, account_of, partition_of, region_of
from agent.intake.subject import Principal, name_principal
from agent.target import TargetKind

_GUARDS: dict[str, frozenset[str]] = {
    "access-analyzer": frozenset({"DeleteAnalyzer"}),
    "cloudtrail": frozenset({"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors", "DeleteEventDataStore"}),
    "config": frozenset(
        {"StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel", "DeleteConfigRule"}
    ),
    "ec2": frozenset({"DeleteFlowLogs"}),
    "guardduty": frozenset(
        {
            "DeleteDetector", "UpdateDetector", "DisassociateFromAdministratorAccount", "DisassociateFromMasterAccount",
            "StopMonitoringMembers", "DisassociateMembers", "DeleteMembers", "CreateFilter", "ArchiveFindings", "CreateIPSet",
        }
    ),
    "inspector2": frozenset({"Disable"}),
    "macie2": frozenset({"DisableMacie", "UpdateMacieSession"}),
    "organizations": frozenset({"LeaveOrganization"}),
    "securityhub": frozenset(
        {
            "DisableSecurityHub", "DisableSecurityHubV2", "BatchDisableStandards", "DisassociateFromAdministratorAccount",
            "DisassociateFromMasterAccount", "DisassociateMembers", "DeleteMembers",
        }
    ),
}  # fmt: skip
"""Calls that may blind the account, by service as its event source begins."""
_PARTIAL: dict[str, frozenset[str]] = {
    "access-analyzer": frozenset({"DeleteAnalyzer"}),
    "config": frozenset({"DeleteConfigRule"}),
    "guardduty": frozenset({"CreateFilter", "ArchiveFindings", "CreateIPSet"}),
    "inspector2": frozenset({"Disable"}),
    "macie2": frozenset({"UpdateMacieSession"}),
    "securityhub": frozenset({"BatchDisableStandards"}),
}
"""Those of them after which the account still sees most of what goes on."""
_ONLY_WITH: dict[tuple[str, str], tuple[str, str]] = {
    ("guardduty", "CreateFilter"): ("action", "ARCHIVE"),
    ("iam", "DetachUserPolicy"): ("policyArn", "arn:aws*:iam::aws:policy/AWSCompromisedKeyQuarantine*"),
    ("iam", "UpdateAccessKey"): ("status", "Active"),
    ("macie2", "UpdateMacieSession"): ("status", "PAUSED"),
}
"""Calls that are alarms only if the request says so: the parameter, and a shell pattern for its value."""
_CREDENTIALS = frozenset(
    {"CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile", "UpdateAccessKey", "DetachUserPolicy"}
)
"""Calls of IAM by which somebody may sign in who could not."""
_SEVERITIES = {Situation.AUDIT_TAMPERING: 70, Situation.ROOT_USE: 70, Situation.CREDENTIAL_ABUSE: 40}
"""CloudTrail states none: what blinds the account and what root does count as high, a new credential as medium."""
_IN_PART = 40
"""A call that blinds it in part."""
_REFUSED_CALL = 1
"""A call that was refused changed nothing."""


def parse(record: Node) -> Finding:
    """One record of a management event. Raises Unfit where it is none, or is no alarm."""
    name, source = record.at("eventName").needed(128), record.at("eventSource").needed(128)
    identity = record.at("userIdentity").object()
    service = source.partition(".")[0]
    situation = _situation(name, service, identity, record.at("requestParameters"))
    if situation is None:
        raise record.at("eventName").unsupported(f"a call that is no alarm by itself: {quote(name)}")
    place = Place(
        account=account_of(record.at("recipientAccountId")),
        region=region_of(record.at("awsRegion")),
        partition=partition_of(Arn.parse(identity.at("arn").text)),
    )
    naming = Naming(place)
    _name_trail(naming, source, record.at("requestParameters"))
    actor = _principal(identity)
    name_principal(naming, actor)
    refused = _refused(name, record)
    if situation is Situation.CREDENTIAL_ABUSE and not refused:
        _name_credential(naming, name, actor, record)
    if _from_here_or_outside(record, place):
        naming.address(record.at("sourceIPAddress").value)
    at = naming.moment(record.at("eventTime"))
    return naming.finding(
        key=f"cloudtrail:{place.account}:{place.region}:{record.at('eventID').needed(64)}",
        version=naming.version(record.at("eventTime")),
        origin=Origin.CLOUDTRAIL,
        type=f"CloudTrail:{name}",
        situation=situation,
        severity=_REFUSED_CALL if refused else _severity(situation, service, name),
        title=f"{name} by {identity.at('type').text or 'somebody'}",
        description=record.at("errorMessage").text,
        seen=(at, at),
    )


def alarming() -> dict[str, frozenset[str]]:
    """Calls that are alarms whoever makes them, by service as its event source begins: what a rule has to bring."""
    return _GUARDS | {"iam": _GUARDS.get("iam", frozenset()) | _CREDENTIALS}


def _situation(name: str, service: str, identity: Node, request: Node) -> Situation | None:
    parameter, pattern = _ONLY_WITH.get((service, name), ("", ""))
    alarms = not parameter or fnmatchcase(request.loose(parameter).text or "", pattern)
    if alarms and name in _GUARDS.get(service, frozenset()):
        return Situation.AUDIT_TAMPERING
    if identity.at("type").text == "Root":
        # what a service does on behalf of the account is done as root too
        return None if identity.at("invokedBy").text else Situation.ROOT_USE
    return Situation.CREDENTIAL_ABUSE if alarms and service == "iam" and name in _CREDENTIALS else None


def _severity(situation: Situation, service: str, name: str) -> int:
    in_part = situation is Situation.AUDIT_TAMPERING and name in _PARTIAL.get(service, frozenset())
    return _IN_PART if in_part else _SEVERITIES[situation]


def _from_here_or_outside(record: Node, place: Place) -> bool:
    """Not through a VPC endpoint of another account, or of one that is not said: its owner chooses what addresses are behind it."""
    through = record.at("vpcEndpointId").text or record.at("vpcEndpointAccountId").text
    return not through or record.at("vpcEndpointAccountId").text == place.account


def _refused(name: str, record: Node) -> bool:
    """Whether nothing came of it. A sign-in that fails bears no code."""
    failed = name == "ConsoleLogin" and record.at("responseElements", "ConsoleLogin").text == "Failure"
    return failed or record.at("errorCode").text is not None


def _name_credential(naming: Naming, name: str, actor: Principal, record: Node) -> None:
    """The credential that somebody made or let loose and whose it is: with no user named, the caller's own."""
    request, made = record.at("requestParameters"), record.at("responseElements", "accessKey")
    own = actor.user_name if actor.kind == "IAMUser" else None
    user = made.at("userName").text or request.at("userName").text or own
    key_id = made.at("accessKeyId").text if name == "CreateAccessKey" else None
    if name == "UpdateAccessKey":
        key_id = request.at("accessKeyId").text
    naming.add(TargetKind.ACCESS_KEY, key_id, owner=user)
    naming.add(TargetKind.USER, user)


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
