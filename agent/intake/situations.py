"""Which kind of trouble a finding type is: the one table between the services' names and our playbook."""

from fnmatch import fnmatchcase

from agent.finding import Situation, Traffic

GUARDDUTY: list[tuple[str, Situation]] = [
    ("Policy:IAMUser/RootCredentialUsage", Situation.ROOT_USE),
    ("Stealth:IAMUser/CloudTrailLoggingDisabled", Situation.AUDIT_TAMPERING),
    ("*:IAMUser/InstanceCredentialExfiltration*", Situation.ROLE_SESSION_ABUSE),
    ("*:IAMUser/*", Situation.CREDENTIAL_ABUSE),
    ("*:IAM/*", Situation.CREDENTIAL_ABUSE),
    ("Policy:S3/*", Situation.PUBLIC_BUCKET),
    ("Stealth:S3/*", Situation.AUDIT_TAMPERING),
    ("*:S3/*", Situation.BUCKET_DATA_ACCESS),
    ("Recon:EC2/PortProbe*", Situation.INBOUND_ATTACK),
    ("UnauthorizedAccess:EC2/SSHBruteForce", Situation.INBOUND_ATTACK),
    ("UnauthorizedAccess:EC2/RDPBruteForce", Situation.INBOUND_ATTACK),
    ("UnauthorizedAccess:EC2/TorIPCaller", Situation.INBOUND_ATTACK),
    ("*:EC2/*", Situation.INSTANCE_COMPROMISE),
    ("*:Runtime/*", Situation.INSTANCE_COMPROMISE),
    ("*:Lambda/*", Situation.INSTANCE_COMPROMISE),
    ("*:ECS/*", Situation.INSTANCE_COMPROMISE),
    ("*:Container/*", Situation.INSTANCE_COMPROMISE),
    ("*:Kubernetes/*", Situation.KUBERNETES),
    ("*:EKS/*", Situation.KUBERNETES),
    ("*:RDS/*", Situation.DATABASE),
]

EITHER_WAY = (
    "UnauthorizedAccess:EC2/SSHBruteForce",
    "UnauthorizedAccess:EC2/RDPBruteForce",
    "UnauthorizedAccess:EC2/TorIPCaller",
    "UnauthorizedAccess:EC2/MaliciousIPCaller*",
)
"""Types in which the instance may be either side: the direction of the connection says which. Of all others the type does."""

GUARDDUTY_PURPOSES = frozenset(
    {
        "AttackSequence",
        "Backdoor",
        "Behavior",
        "CredentialAccess",
        "CryptoCurrency",
        "DefenseEvasion",
        "Discovery",
        "Execution",
        "Exfiltration",
        "Impact",
        "InitialAccess",
        "Object",
        "PenTest",
        "Persistence",
        "Policy",
        "PrivilegeEscalation",
        "Recon",
        "Stealth",
        "Trojan",
        "UnauthorizedAccess",
    }
)
"""The first word of every GuardDuty type. A type that begins otherwise is not one that we know."""

MACIE: list[tuple[str, Situation]] = [
    ("SensitiveData:S3Object/*", Situation.SENSITIVE_DATA),
    ("Policy:IAMUser/S3BucketPublic*", Situation.PUBLIC_BUCKET),
    ("Policy:IAMUser/S3BlockPublicAccessDisabled", Situation.PUBLIC_BUCKET),
    ("Policy:IAMUser/S3Bucket*", Situation.POSTURE),
]
"""Shared or replicated to another account is not public: blocking public access would change nothing there."""

CONTROLS: list[tuple[str, Situation]] = [
    ("S3.[1238]", Situation.PUBLIC_BUCKET),
    ("PCI.S3.[126]", Situation.PUBLIC_BUCKET),
    ("CT.S3.[1238]", Situation.PUBLIC_BUCKET),
    ("CloudTrail.6", Situation.PUBLIC_BUCKET),
    ("CIS.2.3", Situation.PUBLIC_BUCKET),
    ("CIS.2.1.5*", Situation.PUBLIC_BUCKET),
    ("CIS.2.1.4*", Situation.PUBLIC_BUCKET),
    ("*", Situation.POSTURE),
]
"""Security Hub controls. CIS 2.3 (v1.2.0) is the trail's bucket in public, 2.1.5 (v1.4.0) and 2.1.4 (v3.0.0) its block."""

CHECKS: list[tuple[str, Situation]] = [
    ("*s3[-_]*public*", Situation.PUBLIC_BUCKET),
    ("*", Situation.POSTURE),
]
"""Config rules and checks of scanners, by name."""

INSPECTOR: list[tuple[str, Situation]] = [("*", Situation.VULNERABILITY)]

HEALTH: list[tuple[str, Situation]] = [
    ("AWS_RISK_CREDENTIALS_*", Situation.CREDENTIAL_ABUSE),
    ("AWS_RISK_IAM_QUARANTINE*", Situation.CREDENTIAL_ABUSE),
    ("AWS_ABUSE_*", Situation.INSTANCE_COMPROMISE),
    ("*", Situation.OPERATIONS),
]


def situation(table: list[tuple[str, Situation]], finding_type: str) -> Situation | None:
    """The first row whose pattern fits, case and all; nothing if none does."""
    return next((found for pattern, found in table if fnmatchcase(finding_type, pattern)), None)


def guardduty_situation(
    finding_type: str, user_type: str | None, traffic: Traffic | None, is_actor: bool
) -> Situation | None:
    """The situation of a GuardDuty type; who acted decides between user, role and root, and who attacks whom.

    `is_actor` is what `resourceRole` says. By itself it decides nothing: only where a brute force has no direction.
    """
    found = situation(GUARDDUTY, finding_type)
    if finding_type.partition(":")[0] not in GUARDDUTY_PURPOSES:
        return None
    if found is Situation.CREDENTIAL_ABUSE and user_type in ("Role", "AssumedRole"):
        return Situation.ROLE_SESSION_ABUSE
    if found is Situation.CREDENTIAL_ABUSE and user_type == "Root":
        return Situation.ROOT_USE
    if any(fnmatchcase(finding_type, pattern) for pattern in EITHER_WAY):
        return _by_direction(finding_type, traffic, is_actor) or found
    return found


def _by_direction(finding_type: str, traffic: Traffic | None, is_actor: bool) -> Situation | None:
    direction = traffic.direction if traffic else "unknown"
    if direction == "outbound":
        return Situation.INSTANCE_COMPROMISE
    if direction == "inbound":
        return Situation.INBOUND_ATTACK
    return Situation.INSTANCE_COMPROMISE if is_actor and finding_type.endswith("BruteForce") else None
