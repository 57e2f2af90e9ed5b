"""What is wrong: one finding, normalised from whatever shape it came in."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from agent.record import Moment, Record
from agent.target import AccountId, Partition, Region, Target


class Origin(StrEnum):
    """The service that found it, whatever road the finding took to us."""

    GUARDDUTY = "guardduty"
    SECURITY_HUB = "securityhub"
    MACIE = "macie"
    INSPECTOR = "inspector"
    CONFIG = "config"
    ACCESS_ANALYZER = "access_analyzer"
    CLOUDTRAIL = "cloudtrail"
    CLOUDWATCH = "cloudwatch"
    HEALTH = "health"
    THIRD_PARTY = "third_party"


class Situation(StrEnum):
    """What kind of trouble a finding type is; the playbook has rules for each."""

    CREDENTIAL_ABUSE = "credential_abuse"
    ROLE_SESSION_ABUSE = "role_session_abuse"
    ROOT_USE = "root_use"
    PUBLIC_BUCKET = "public_bucket"
    BUCKET_DATA_ACCESS = "bucket_data_access"
    SENSITIVE_DATA = "sensitive_data"
    INSTANCE_COMPROMISE = "instance_compromise"
    INBOUND_ATTACK = "inbound_attack"
    KUBERNETES = "kubernetes"
    DATABASE = "database"
    AUDIT_TAMPERING = "audit_tampering"
    VULNERABILITY = "vulnerability"
    POSTURE = "posture"
    OPERATIONS = "operations"


class Reason(StrEnum):
    """Why an event did not become a finding to work on: the closed list."""

    ACCOUNT_NOT_SERVED = "account_not_served"
    ARCHIVED = "archived"
    BELOW_SEVERITY = "below_severity"
    DUPLICATE = "duplicate"
    ECHO = "echo"
    FOREIGN_RESOURCE = "foreign_resource"
    FORGED_PRODUCT = "forged_product"
    MALFORMED = "malformed"
    NO_FINDINGS = "no_findings"
    NOT_AWS = "not_aws"
    NOT_FOUND = "not_found"
    OLD = "old"
    PASSED = "passed"
    REGION_NOT_SERVED = "region_not_served"
    RESOLVED = "resolved"
    SAMPLE = "sample"
    SUPPRESSED = "suppressed"
    UNSUPPORTED = "unsupported"


REFUSED_FOR = frozenset(
    {
        Reason.ACCOUNT_NOT_SERVED,
        Reason.FOREIGN_RESOURCE,
        Reason.FORGED_PRODUCT,
        Reason.MALFORMED,
        Reason.NOT_AWS,
        Reason.NOT_FOUND,
        Reason.REGION_NOT_SERVED,
        Reason.UNSUPPORTED,
    }
)
"""Reasons that end a run `refused`: the input was not ours to work. The others end it `skipped`."""


class Refusal(Record):
    """Why we do not work on something: a value, with the place that made us say so."""

    reason: Reason
    where: str
    """A path into the event, like `detail.findings[2].Resources[0].Id`."""
    detail: str
    """One clear line; holds no text of the finding beyond a bounded, printable excerpt."""

    @property
    def status(self) -> Literal["refused", "skipped"]:
        """The status of the run that this refusal ends."""
        return "refused" if self.reason in REFUSED_FOR else "skipped"


class Untrusted(Record):
    """Text that somebody else chose. It is shown fenced or escaped, and never parsed into anything."""

    text: Annotated[str, Field(max_length=4096)]


class Traffic(Record):
    """The network traffic that a finding is about, from fields that its service wrote."""

    direction: Literal["inbound", "outbound", "unknown"] = "unknown"
    local_port: int | None = None
    remote_port: int | None = None
    protocol: str = ""
    web: bool = False
    """Whether it was a web request: the local port is a web port, or the service saw HTTP."""
    only_web: bool | None = False
    """Whether all else that the service saw was one, too: a finding may be about many probes. None: it may name not all."""


class Lifecycle(Record):
    """Where the finding stands in the service that keeps it."""

    archived: bool = False
    sample: bool = False
    compliance: Literal["passed", "failed", "warning", "not_available"] | None = None
    workflow: Literal["new", "notified", "resolved", "suppressed"] = "new"
    note: Untrusted | None = None
    note_by: str | None = None
    note_at: Moment | None = None
    """When the note was written: a finding that its service changed later is no echo of ours."""


class Foreign(Record):
    """A resource of another account than the finding's: never a target."""

    id: Annotated[str, Field(max_length=256)]
    where: str
    """Its path in the event."""


class Finding(Record):
    """One thing that is wrong, about typed targets."""

    key: Annotated[str, Field(min_length=1, max_length=1024)]
    """The stable key: the finding's ARN, or its product and id. The same finding by another road has the same key."""
    version: str
    """Changes when the service changes the finding (its `UpdatedAt`), not when we write to it."""
    origin: Origin
    type: Annotated[str, Field(max_length=256)]
    """The service's own name: a GuardDuty or Macie type, a Security Hub control id, a rule name."""
    situation: Situation
    account: AccountId
    region: Region
    partition: Partition = "aws"
    severity: Annotated[int, Field(ge=0, le=100)]
    """0-100, from the finding provider's own severity: the floor that nothing the model says can lower."""
    title: Untrusted
    description: Untrusted
    first_seen: Moment | None = None
    last_seen: Moment | None = None
    targets: list[Target] = []
    """What the finding is about, most specific first. The type and the principal decide, not which block is present."""
    actors: list[Annotated[str, Field(max_length=256)]] = []
    """Names of who acted by what the service says, targets or not: they have no say in what is done about it."""
    remote_addresses: list[Target] = []
    """Addresses that the service saw on the other side. Kind `address`."""
    traffic: Traffic | None = None
    lifecycle: Lifecycle = Lifecycle()
    product_arn: str | None = None
    """Set when Security Hub keeps this finding: with `hub_id`, what BatchUpdateFindings takes (for a `productv2` its V2)."""
    hub_id: str | None = None
    named_resources: list[str] = []
    """Resource ids that no target kind covers, for the report only."""
    foreign_resources: list[Foreign] = []
    """Named resources that belong to another account. With no target beside them there is nothing of ours to work on."""
    left_out: list[Annotated[str, Field(max_length=256)]] = []
    """What was not understood and left out, with its place: a date that is none, an id of the wrong form. For the report only."""


class Parsed(Record):
    """What one event holds: each finding, or why it is none."""

    findings: list[Finding | Refusal]
