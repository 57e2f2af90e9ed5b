"""Security Hub findings in ASFF: controls, and the findings of GuardDuty, Macie, Inspector, Health and others in it."""

import re

from pydantic import JsonValue

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity, situations
from agent.intake.guardduty import is_sample
from agent.intake.hub import SeenResource, key_of, name_resources, native_type, origin_of, subject_of
from agent.intake.naming import Naming, type_key
from agent.intake.node import Node, untrusted
from agent.intake.place import Arn, Place, account_of, agreeing, is_region, partition_of, region_of
from agent.intake.subject import Principal, name_subject
from agent.intake.traffic import Flow, asff_flows, traffic_of, web_addresses

_COMPLIANCE = {"PASSED": "passed", "FAILED": "failed", "WARNING": "warning", "NOT_AVAILABLE": "not_available"}
_WORKFLOW = {"NEW": "new", "NOTIFIED": "notified", "RESOLVED": "resolved", "SUPPRESSED": "suppressed"}
_REMOTE = re.compile(r"(?:.*/)?remoteIpDetails(?:\.\d+_)?/ipAddressV[46]")


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    product = finding.at("ProductArn")
    product_arn = product.needed(1024)
    origin = origin_of(product)
    place = _place(finding)
    resources = [_resource(item) for item in finding.at("Resources").elements()]
    finding_type = type_of(finding, origin)
    naming = Naming(place)
    flows = asff_flows(finding, of_guardduty=origin is Origin.GUARDDUTY)
    situation = _name(naming, finding, origin, finding_type, resources, flows)
    return naming.finding(
        key=key_of(origin, product_arn, finding.at("Id"), place),
        version=naming.version(finding.at("UpdatedAt"), finding.at("CreatedAt")),
        origin=origin,
        type=finding_type,
        situation=situation,
        severity=severity.of_asff(finding),
        title=finding.at("Title").text,
        description=finding.at("Description").text,
        seen=(
            naming.moment(finding.at("FirstObservedAt"), finding.at("CreatedAt")),
            naming.moment(finding.at("LastObservedAt"), finding.at("UpdatedAt")),
        ),
        lifecycle=_lifecycle(finding, origin, naming),
        traffic=traffic_of(flows),
        product_arn=product_arn,
        hub_id=finding.at("Id").needed(),
    )


def type_of(finding: Node, origin: Origin) -> str:
    """The native type, or the control id, or failing both what generated the finding."""
    generator = finding.at("GeneratorId")
    if origin is Origin.SECURITY_HUB:
        return control_of(finding) or generator.needed(256)
    if origin in (Origin.GUARDDUTY, Origin.MACIE, Origin.INSPECTOR):
        # The provider's own types first: the top-level ones can be edited by others.
        types = [item.text or "" for item in finding.at("FindingProviderFields", "Types").items()]
        types += [item.text or "" for item in finding.at("Types").items()]
        found = native_type(origin, types)
        if found is None:
            raise finding.at("Types").malformed("holds no type of the service that found it")
        return found[:256]
    return (Arn.parse(generator.text) and generator.needed(256).rsplit("/", 1)[-1]) or generator.needed(256)


def control_of(finding: Node) -> str | None:
    """The control id, from the four places in which it may stand."""
    fields = finding.at("ProductFields")
    for node in (finding.at("Compliance", "SecurityControlId"), fields.at("ControlId")):
        if node.text:
            return node.needed(64)
    generator = finding.at("GeneratorId").text or ""
    rule = fields.at("RuleId").text or ""
    if not rule and (found := re.search(r"cis-aws-foundations-benchmark/v/[\d.]+/(?:rule/)?([\d.]+)$", generator)):
        rule = found[1]
    if re.fullmatch(r"\d+(\.\d+){1,3}", rule, re.ASCII):
        return f"CIS.{rule}"
    tail = generator.rsplit("/", 1)[-1]
    return tail if re.fullmatch(r"([A-Z]{2,3}\.)?[A-Za-z0-9]{2,32}\.\d{1,3}", tail, re.ASCII) else None


def _place(finding: Node) -> Place:
    own, product = Arn.parse(finding.at("Id").text), Arn.parse(finding.at("ProductArn").text)
    # A finding without a Region of its own stands in the one whose Security Hub keeps it.
    spare = [resource.at("Region") for resource in finding.at("Resources").items()]
    region = finding.at("Region")
    if region.value is None and not any(arn and arn.region for arn in (product, own)):
        region = next((node for node in spare if is_region(node.text)), region)
    return Place(
        # Only GuardDuty promises that the ARN by which it names a finding is of the account that the finding is about.
        account=agreeing(finding.at("AwsAccountId"), account_of(finding.at("AwsAccountId")), own, "guardduty"),
        region=region_of(region, product, own),
        partition=partition_of(own, product),
    )


def _resource(item: Node) -> SeenResource:
    details, text = item.at("Details"), item.at("Id").text
    machine = details.at("AwsEc2Instance", "NetworkInterfaces").items()
    cards = [card.at("NetworkInterfaceId").text for card in machine]
    return SeenResource(
        type=item.at("Type").text,
        ids=[text] if text else [],
        region=item.at("Region").text,
        where=item.at("Id").path,
        elsewhere=not (item.at("Partition").text or "aws").startswith("aws"),
        key=_key(details.at("AwsIamAccessKey"), text) if type_key(item.at("Type").text) == "awsiamaccesskey" else None,
        interfaces=[card for card in cards if card],
    )


def _key(details: Node, text: str | None) -> Principal:
    named = (text or "").rsplit(":", 1)[-1]
    return Principal(
        key_id=details.at("AccessKeyId").text or (named if named not in ("", "null") else None),
        user_type=details.at("PrincipalType").text,
        user_name=details.at("UserName").text or details.at("PrincipalName").text,
        principal_id=details.at("PrincipalId").text,
        account=details.at("AccountId").text,
    )


def _name(
    naming: Naming,
    finding: Node,
    origin: Origin,
    finding_type: str,
    resources: list[SeenResource],
    flows: list[Flow],
) -> Situation:
    fields = finding.at("ProductFields").object()
    kept = fields.value if isinstance(fields.value, dict) else {}
    if origin is not Origin.GUARDDUTY:
        name_resources(naming, resources)
        return situation_of(origin, finding_type, finding.at("Types"))
    trails = [text for name, text in sorted(kept.items()) if name.endswith("AWS::CloudTrail::Trail")]
    subject = subject_of(naming, resources, [text for text in trails if isinstance(text, str)])
    role = fields.at("aws/guardduty/service/resourceRole").text or fields.at("resourceRole").text
    found = situations.guardduty_situation(finding_type, subject.user_type, traffic_of(flows), role == "ACTOR")
    if found is None:
        raise finding.at("Types").unsupported("a GuardDuty type that we do not know")
    name_subject(naming, finding_type, subject)
    _name_remotes(naming, finding, kept, flows)
    naming.attackers(found, web_addresses(flows))
    return found


def _name_remotes(naming: Naming, finding: Node, kept: dict[str, JsonValue], flows: list[Flow]) -> None:
    for name, value in sorted(kept.items()):
        if _REMOTE.fullmatch(name):
            naming.address(value)
    for kind in ("NetworkConnectionAction", "AwsApiCallAction"):
        naming.address(finding.at("Action", kind, "RemoteIpDetails", "IpAddressV4").value)
    for probe in finding.at("Action", "PortProbeAction", "PortProbeDetails").items():
        naming.address(probe.at("RemoteIpDetails", "IpAddressV4").value)
    for flow in flows:
        for text in flow.addresses:
            naming.address(text)


def situation_of(origin: Origin, finding_type: str, where: Node) -> Situation:
    """The situation of a finding of any origin but GuardDuty."""
    if origin is Origin.MACIE:
        found = situations.situation(situations.MACIE, finding_type)
        if found is None:
            raise where.unsupported("a Macie type that we do not know")
        return found
    tables = {
        Origin.SECURITY_HUB: situations.CONTROLS,
        Origin.HEALTH: situations.HEALTH,
        Origin.INSPECTOR: situations.INSPECTOR,
    }
    return situations.situation(tables.get(origin, situations.CHECKS), finding_type) or Situation.POSTURE


def _lifecycle(finding: Node, origin: Origin, naming: Naming) -> Lifecycle:
    fields, note = finding.at("ProductFields"), finding.at("Note")
    sample = finding.at("Sample").flag
    if origin is Origin.GUARDDUTY:
        info = "aws/guardduty/service/additionalInfo"
        sample = sample or fields.at(f"{info}/sample").flag or (finding.at("Title").text or "").startswith("[SAMPLE]")
        sample = sample or any(is_sample(fields.at(name).value) for name in (info, f"{info}/value", "additionalInfo"))
    return Lifecycle.model_validate(
        {
            "archived": finding.at("RecordState").text == "ARCHIVED",
            "sample": sample,
            "compliance": _COMPLIANCE.get(finding.at("Compliance", "Status").text or ""),
            "workflow": _WORKFLOW.get(
                finding.at("Workflow", "Status").text or finding.at("WorkflowState").text or "", "new"
            ),
            "note": untrusted(note.at("Text").text) if note.at("Text").text else None,
            "note_by": untrusted(note.at("UpdatedBy").text).text[:512] if note.at("UpdatedBy").text else None,
            "note_at": naming.moment(note.at("UpdatedAt")),
        }
    )
