"""OCSF findings: Security Hub's own (classes 2002 to 2007), Security Lake's mappings of it, and scanners' reports."""

import json

from agent.finding import Finding, Lifecycle, Origin, Reason, Situation
from agent.intake import severity, situations
from agent.intake.asff import situation_of
from agent.intake.hub import AWS_PRODUCT, SeenResource, key_of, name_resources, native_type, origin_of, subject_of
from agent.intake.naming import Naming, type_key
from agent.intake.node import Node, Unfit, quote, untrusted
from agent.intake.place import Arn, Place, account_of, is_region, partition_of, region_of
from agent.intake.subject import Principal, name_subject
from agent.intake.traffic import Flow, ocsf_flows, traffic_of, web_addresses

_CLASSES = range(2001, 2008)
_STATUS = {3: "suppressed", 4: "resolved"}
_STATUS_WORDS = {"suppressed": "suppressed", "resolved": "resolved"}
_COMPLIANCE = {"pass": "passed", "passed": "passed", "fail": "failed", "failed": "failed", "warning": "warning"}


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    _must_be_ours(finding)
    # 1.0.0-rc.2 says `finding` where later versions say `finding_info`.
    info = finding.at("finding") if finding.at("finding_info").value is None else finding.at("finding_info").object()
    product = finding.at("metadata", "product", "uid")
    product_uid = product.needed(1024)
    origin = origin_of(product)
    place = _place(finding, info)
    naming = Naming(place)
    finding_type = _type(finding, info, origin)
    flows = ocsf_flows(list(finding.at("evidences").items()), finding_type)
    situation = _name(naming, finding, info, origin, finding_type, flows)
    kept = AWS_PRODUCT.fullmatch(product_uid) is not None or product_uid.startswith("arn:")
    return naming.finding(
        key=key_of(origin, product_uid, info.at("uid"), place),
        version=naming.version(*_times(info, "modified_time"), *_times(info, "created_time"), *_times(finding, "time")),
        origin=origin,
        type=finding_type,
        situation=situation,
        severity=severity.of_ocsf(finding),
        title=info.at("title").text,
        description=info.at("desc").text,
        seen=(
            naming.moment(*_times(info, "first_seen_time"), *_times(info, "created_time")),
            naming.moment(*_times(info, "last_seen_time"), *_times(info, "modified_time")),
        ),
        lifecycle=_lifecycle(finding, origin),
        traffic=traffic_of(flows),
        product_arn=product_uid if kept else None,
        hub_id=info.at("uid").needed() if kept else None,
    )


def _must_be_ours(finding: Node) -> None:
    if finding.at("class_uid").value not in _CLASSES:
        raise finding.at("class_uid").unsupported("not an OCSF class of findings (2001 to 2007)")
    provider = finding.at("cloud", "provider").text or "AWS"
    if provider.lower() != "aws":
        raise Unfit(
            Reason.NOT_AWS, finding.at("cloud", "provider").path, f"a finding about {quote(provider)}, not about AWS"
        )


def _times(node: Node, name: str) -> list[Node]:
    return [node.at(f"{name}_dt"), node.at(name), node.at(f"finding.info.{name}_dt")]


def _place(finding: Node, info: Node) -> Place:
    own, product = Arn.parse(info.at("uid").text), Arn.parse(finding.at("metadata", "product", "uid").text)
    cloud = finding.at("cloud").object()
    account = cloud.at("account", "uid") if cloud.at("account_uid").value is None else cloud.at("account_uid")
    region = cloud.at("region")
    if region.text == "global":
        region = next((item.at("region") for item in _resources(finding) if is_region(item.at("region").text)), region)
    return Place(
        account=account_of(account),
        region=region_of(region, own, product),
        partition=partition_of(own, product),
    )


def _type(finding: Node, info: Node, origin: Origin) -> str:
    types = [item.text or "" for item in info.at("types").items()]
    if origin in (Origin.GUARDDUTY, Origin.MACIE, Origin.INSPECTOR):
        found = native_type(origin, types)
        if found is None:
            raise info.at("types").malformed("holds no type of the service that found it")
        return found[:256]
    product = finding.at("metadata", "product")
    feature = (product.at("feature", "uid").text or "").rsplit("/", 1)[-1]
    for node in (finding.at("compliance", "control"), finding.at("unmapped", "ProductFields.ControlId")):
        if node.text:
            return node.needed(256)
    if origin is Origin.SECURITY_HUB and feature:
        return product.at("feature", "uid").needed(256).rsplit("/", 1)[-1]
    if finding.at("metadata", "event_code").text:
        return finding.at("metadata", "event_code").needed(256)
    return next(info.at("types").items(), info.at("types")).needed(256)


def _resources(finding: Node) -> list[Node]:
    one = finding.at("resource")
    return finding.at("resources").elements() + ([one.object()] if one.value is not None else [])


def _resource(item: Node) -> SeenResource:
    kind, data = item.at("type").text, _data(item)
    ids = [text for text in (item.at("uid").text, item.at("uid_alt").text) if text]
    owner = item.at("owner", "account", "uid").text
    return SeenResource(
        type=kind,
        # An ARN says more than a name: it says whose.
        ids=sorted(ids, key=lambda text: not text.startswith("arn:")),
        region=item.at("region").text,
        where=(item.at("uid") if item.at("uid").text else item).path,
        owner=owner,
        elsewhere=not (item.at("cloud_partition").text or "aws").startswith("aws"),
        key=_key(data, ids) if type_key(kind) == "awsiamaccesskey" else None,
    )


def _data(item: Node) -> Node:
    """The details, which older mappings hold as JSON in a string."""
    for name in ("data", "details"):
        node = item.at(name)
        if isinstance(node.value, dict):
            return node
        if node.text and len(node.text) < 300_000:
            try:
                return Node(json.loads(node.text), node.path)
            except (ValueError, RecursionError):
                continue
    return Node(None, item.path)


def _key(data: Node, ids: list[str]) -> Principal:
    named = (ids[0] if ids else "").rsplit(":", 1)[-1]
    inner = data.at("AwsIamAccessKey") if data.at("AwsIamAccessKey").value is not None else data
    return Principal(
        key_id=inner.loose("accessKeyId").text or (named if named not in ("", "null") else None),
        user_type=inner.loose("userType").text or inner.at("PrincipalType").text,
        user_name=inner.loose("userName").text or inner.at("PrincipalName").text,
        principal_id=inner.loose("principalId").text,
    )


def _name(naming: Naming, finding: Node, info: Node, origin: Origin, finding_type: str, flows: list[Flow]) -> Situation:
    resources = [_resource(item) for item in _resources(finding)]
    if origin is not Origin.GUARDDUTY:
        name_resources(naming, resources)
        return situation_of(origin, finding_type, info.at("types"))
    evidences = list(finding.at("evidences").items())
    trails = [item.at("data", "affected_resource", "AWS::CloudTrail::Trail").text for item in evidences]
    roles = [item.at("data", "resource_role").text for item in evidences]
    subject = subject_of(naming, resources, [text for text in trails if text])
    found = situations.guardduty_situation(finding_type, subject.user_type, traffic_of(flows), "ACTOR" in roles)
    if found is None:
        raise info.at("types").unsupported("a GuardDuty type that we do not know")
    name_subject(naming, finding_type, subject)
    for item in evidences:
        outbound = (item.at("connection_info", "direction").text or "").lower() == "outbound"
        naming.address(item.at("dst_endpoint" if outbound else "src_endpoint", "ip").value)
    naming.attackers(found, web_addresses(flows))
    return found


def _lifecycle(finding: Node, origin: Origin) -> Lifecycle:
    status = finding.at("status_id") if finding.at("status_id").value is not None else finding.at("state_id")
    word = (finding.at("status").text or finding.at("state").text or "").lower()
    code = status.value if isinstance(status.value, int) and not isinstance(status.value, bool) else None
    workflow = _STATUS.get(code) if code is not None else _STATUS_WORDS.get(word)
    if finding.at("activity_id").value == 3 and workflow is None:
        workflow = "resolved"
    outcome = finding.at("compliance", "status").text or finding.at("status_code").text or ""
    comment = finding.at("comment").text
    return Lifecycle.model_validate(
        {
            "archived": code == 5 or finding.at("unmapped", "RecordState").text == "ARCHIVED",
            "sample": origin is Origin.GUARDDUTY
            and (finding.at("finding_info", "title").text or "").startswith("[SAMPLE]"),
            "compliance": _COMPLIANCE.get(outcome.lower()),
            "workflow": workflow or "new",
            "note": untrusted(comment) if comment else None,
        }
    )
