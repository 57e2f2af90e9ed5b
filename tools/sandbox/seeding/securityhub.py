"""Security Hub in a world: findings that GetFindings answers and BatchUpdateFindings changes. The newer one is on with it."""

from typing import Annotated, Any, Literal
from uuid import NAMESPACE_OID, uuid5

from pydantic import Field

from agent.record import JsonObject, Record, iso
from tools.sandbox.seeding import securityhub_v2
from tools.sandbox.seeding.events import Carried
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import BucketName
from tools.sandbox.seeding.shape import fitted, is_news
from tools.sandbox.seeding.when import When, resolve

_NORMALIZED = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}


_OF_THE_CUSTOMER = ("Workflow", "WorkflowState", "Note", "UserDefinedFields", "VerificationState")
"""What a finding that is imported again does not overwrite."""


class HubResource(Record):
    """A resource that a finding is about, by its ASFF type and id."""

    type: str
    id: str
    details: JsonObject = {}


class HubFinding(Record):
    """A control's finding in shorthand, or `full` in ASFF or, for the newer Security Hub, in OCSF."""

    control: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+\.\d+$")] = "S3.2"
    id: str | None = None
    """By default made from the control and the resource."""
    bucket: BucketName | None = None
    """Short for a resource of type AwsS3Bucket."""
    resources: list[HubResource] = []
    severity: Literal["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"] = "HIGH"
    at: When = "-20m"
    title: str | None = None
    compliance: Literal["PASSED", "FAILED", "WARNING", "NOT_AVAILABLE"] = "FAILED"
    workflow: Literal["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"] = "NEW"
    record_state: Literal["ACTIVE", "ARCHIVED"] = "ACTIVE"
    region: str | None = None
    raw: JsonObject = {}
    """Laid over the finding last."""
    full: JsonObject | None = None


class SecurityHubSection(Record):
    """The `securityhub` key of a world."""

    enabled: bool = True
    findings: list[HubFinding] = []


def finding(place: Place, short: HubFinding) -> JsonObject:
    """The finding in ASFF, or as it is given in full."""
    if short.full is not None:
        return short.full
    resources = list(short.resources)
    if short.bucket is not None:
        resources.append(HubResource(type="AwsS3Bucket", id=f"arn:{place.partition}:s3:::{short.bucket}"))
    control = f"arn:{place.partition}:securityhub:{place.region}:{place.account}:security-control/{short.control}"
    about = [short.control, place.account, place.region, *(resource.id for resource in resources)]
    identity = short.id or f"{control}/finding/{uuid5(NAMESPACE_OID, ' '.join(about))}"
    at = iso(resolve(short.at, place.now))
    severity: JsonObject = {
        "Label": short.severity,
        "Normalized": _NORMALIZED[short.severity],
        "Original": short.severity,
    }
    made: JsonObject = {
        "SchemaVersion": "2018-10-08",
        "Id": identity,
        "ProductArn": f"arn:{place.partition}:securityhub:{place.region}::product/aws/securityhub",
        "ProductName": "Security Hub",
        "CompanyName": "AWS",
        "Region": place.region,
        "GeneratorId": f"security-control/{short.control}",
        "AwsAccountId": place.account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": at,
        "LastObservedAt": at,
        "CreatedAt": at,
        "UpdatedAt": at,
        "Severity": severity,
        "Title": short.title or f"{short.control} is not met",
        "Description": short.title or f"{short.control} is not met",
        "ProductFields": {"aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS"},
        "Resources": [_resource(place, resource) for resource in resources],
        "Compliance": {"Status": short.compliance, "SecurityControlId": short.control},
        "WorkflowState": "NEW",
        "Workflow": {"Status": short.workflow},
        "RecordState": short.record_state,
        "FindingProviderFields": {"Severity": severity},
    }
    return merged(made, short.raw)


def _resource(place: Place, resource: HubResource) -> JsonObject:
    base: JsonObject = {"Type": resource.type, "Id": resource.id, "Partition": place.partition, "Region": place.region}
    return base | ({"Details": {resource.type: resource.details}} if resource.details else {})


def seed(place: Place, section: SecurityHubSection) -> None:
    """Turn Security Hub on, and put the findings where GetFindings finds them, each in its own Region."""
    if not section.enabled:
        return
    _enable(place)
    securityhub_v2.enable(place)
    for short in section.findings:
        here = place.at(short.region)
        made = finding(here, short)
        keep = securityhub_v2.put if securityhub_v2.is_kept(made) else _keep
        keep(here, made)


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own finding where it can be read again, unless nothing identifies it, or one as new is there."""
    if all(isinstance(carried.body.get(field), str) for field in ("Id", "ProductArn")):
        own = (carried.body["Id"], carried.body["ProductArn"])
        known = (one.data for one in _enable(place).findings if (one.data["Id"], one.data["ProductArn"]) == own)
        if is_news(carried.body, next(known, None), "UpdatedAt"):
            _keep(place, carried.body)


def _enable(place: Place) -> Any:
    backend = place.backend("securityhub")
    backend.enable_security_hub()
    return backend


def _keep(place: Place, body: JsonObject) -> None:
    """BatchImportFindings would refuse what other tools, and older ones, have imported."""
    from moto.securityhub.models import Finding

    fit = fitted(place, "securityhub", "AwsSecurityFinding", body)
    findings = _enable(place).findings
    for known in findings:
        if (known.data["Id"], known.data["ProductArn"]) == (fit["Id"], fit["ProductArn"]):
            known.data.update({name: value for name, value in fit.items() if name not in _OF_THE_CUSTOMER})
            return
    findings.append(Finding(str(fit["Id"]), fit))
