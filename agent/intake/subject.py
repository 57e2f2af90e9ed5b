"""What a GuardDuty finding names, whatever road it came by, and the rule for which of it the finding is about.

The type and the principal decide. Which block is present, or `resourceRole` by itself, does not: findings about S3 and
about keys carry an instance block too.
"""

import re

from agent.intake.naming import Naming
from agent.record import Record
from agent.target import TargetKind

_WITH_ACTOR = frozenset({"Discovery", "Exfiltration", "Impact", "PenTest", "UnauthorizedAccess"})
"""Purposes of S3 types in which somebody reads or destroys with a key: then the key is a subject too."""
_SCANS = frozenset({"EC2/MaliciousFile!AMI", "EC2/MaliciousFile!Snapshot"})
"""Malware found in an image or a snapshot: no instance is seen to do anything."""

SIGNED_IN = "AWSReservedSSO_"
"""How the roles begin in which people sign in through IAM Identity Center."""


class Principal(Record):
    """Who acted, as the service wrote it."""

    key_id: str | None = None
    user_type: str | None = None
    user_name: str | None = None
    principal_id: str | None = None
    account: str | None = None
    """Whose it is, where that is said."""

    @property
    def unique_id(self) -> str | None:
        """A user's own id, where it is one: that of a session has a name behind it, and examples have words."""
        return self.principal_id if re.fullmatch(r"AIDA[A-Z0-9]{12,28}", self.principal_id or "") else None

    @property
    def kind(self) -> str | None:
        """The type of the principal. Long-term keys belong to users, even where an old record does not say so."""
        if self.user_type is None and (self.key_id or "").startswith("AKIA"):
            return "IAMUser"
        return self.user_type


class Machine(Record):
    """An instance with its interfaces."""

    id: str
    interfaces: list[str] = []


class Subject(Record):
    """All that one finding names, by kind."""

    principals: list[Principal] = []
    buckets: list[str] = []
    machines: list[Machine] = []
    databases: list[str] = []
    clusters: list[str] = []
    nodes: list[str] = []
    """Of the cluster: Kubernetes names whoever calls with a node's own credentials after the node."""
    functions: list[str] = []
    trails: list[str] = []
    interfaces: list[str] = []
    """Those that are named by themselves, whatever instance they are of."""
    snapshots: list[str] = []
    images: list[str] = []
    others: list[str] = []
    resource_type: str | None = None

    @property
    def user_type(self) -> str | None:
        """The type of the first principal."""
        return next((principal.kind for principal in self.principals), None)


def name_subject(naming: Naming, finding_type: str, subject: Subject) -> None:
    """Add the targets that a finding of this type is about; what else it names is only named."""
    for principal in subject.principals:
        name_actor(naming, principal)
    purpose, _, rest = finding_type.partition(":")
    family = rest.partition("/")[0]
    if family in ("IAMUser", "IAM"):
        _name_principals(naming, finding_type, subject)
    elif family == "S3":
        _name_buckets(naming, purpose, finding_type, subject)
    elif family in ("Kubernetes", "EKS") or (family == "Runtime" and subject.resource_type == "EKSCluster"):
        _add_all(naming, TargetKind.OTHER, subject.clusters)
        _add_all(naming, TargetKind.NODE, subject.nodes)
    elif family == "RDS":
        _add_all(naming, TargetKind.DATABASE, subject.databases)
    elif family == "Lambda":
        _add_all(naming, TargetKind.FUNCTION, subject.functions)
    elif rest in _SCANS:
        _add_all(naming, TargetKind.SNAPSHOT, subject.snapshots)
        _add_all(naming, TargetKind.IMAGE, subject.images)
    elif family == "EC2" or (family == "Runtime" and subject.resource_type in ("Instance", None)):
        _name_machines(naming, subject)
    _name_others(naming, subject, sequence=purpose == "AttackSequence")


def _name_others(naming: Naming, subject: Subject, sequence: bool) -> None:
    """What the finding is not about. A sequence lists the instances that it touched, whatever it is about."""
    for text in [*(machine.id for machine in subject.machines if sequence), *subject.others]:
        if not any(target.id == text for target in naming.targets):
            naming.name(text)


def _name_principals(naming: Naming, finding_type: str, subject: Subject) -> None:
    if "/InstanceCredentialExfiltration" in finding_type:
        for principal in subject.principals:
            naming.add(TargetKind.ROLE, principal.user_name)
        _name_machines(naming, subject)
        return
    if finding_type.endswith("/CloudTrailLoggingDisabled"):
        for trail in subject.trails:
            if trail.startswith("arn:"):
                naming.add_resource("AwsCloudTrailTrail", [trail])
            else:
                naming.add(TargetKind.TRAIL, trail)
    for principal in subject.principals:
        name_principal(naming, principal)


def name_principal(naming: Naming, who: Principal) -> None:
    """A user's key and the user; a role's session and the role; of root, services and strangers only the name."""
    name_actor(naming, who)
    if who.account not in (None, naming.place.account):
        naming.name(who.user_name)
        naming.name(who.key_id)
    elif who.kind == "IAMUser":
        temporary = (who.key_id or "").startswith("ASIA")
        if temporary:
            naming.add(TargetKind.USER, who.user_name, unique_id=who.unique_id)
        naming.add(TargetKind.ACCESS_KEY, who.key_id, owner=who.user_name)
        if not temporary:
            naming.add(TargetKind.USER, who.user_name, unique_id=who.unique_id)
    elif who.kind in ("AssumedRole", "Role"):
        if re.fullmatch(r"AROA[A-Z0-9]{12,28}:[\w+=,.@-]{2,64}", who.principal_id or ""):
            naming.add(TargetKind.ROLE_SESSION, who.principal_id, owner=who.user_name)
        naming.add(TargetKind.ROLE, who.user_name)
        naming.name(who.key_id)
    else:
        naming.name(who.user_name)
        naming.name(who.key_id)


def name_actor(naming: Naming, who: Principal) -> None:
    """A user of the account by name; of a session that Identity Center began, the person whose name it bears.

    Whoever assumes another role names the session as they like, so such a name says nothing about anybody.
    """
    if who.account not in (None, naming.place.account):
        return
    naming.actor(who.user_name)
    if (who.user_name or "").startswith(SIGNED_IN):
        naming.actor((who.principal_id or "").partition(":")[2])


def _name_buckets(naming: Naming, purpose: str, finding_type: str, subject: Subject) -> None:
    if finding_type == "Policy:S3/AccountBlockPublicAccessDisabled":
        for bucket in subject.buckets:
            naming.name(bucket)
        return
    _add_all(naming, TargetKind.BUCKET, subject.buckets)
    if purpose in _WITH_ACTOR or purpose == "AttackSequence":
        for principal in subject.principals:
            name_principal(naming, principal)


def _name_machines(naming: Naming, subject: Subject) -> None:
    for machine in subject.machines:
        if naming.add(TargetKind.INSTANCE, machine.id):
            _add_all(naming, TargetKind.INTERFACE, machine.interfaces)
    _add_all(naming, TargetKind.INTERFACE, subject.interfaces)


def _add_all(naming: Naming, kind: TargetKind, names: list[str]) -> None:
    for name in names:
        naming.add(kind, name)
