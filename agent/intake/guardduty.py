"""GuardDuty findings: as an EventBridge detail, as the API returns them, or dumped in snake case."""

import json
import re

from pydantic import JsonValue

from agent.finding import Finding, Lifecycle, Origin
from agent.intake import severity
from agent.intake.hub import SeenResource, subject_of
from agent.intake.naming import Naming
from agent.intake.node import Node, quote
from agent.intake.place import Arn, Place, account_of, agreeing, partition_of, region_of
from agent.intake.sequence import with_sequence
from agent.intake.situations import guardduty_situation
from agent.intake.subject import Machine, Principal, Subject, name_subject
from agent.intake.traffic import guardduty_flows, traffic_of, web_addresses

TYPE = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+/[A-Za-z0-9.!&-]+")

_NODE = "system:node:"
"""How Kubernetes calls a node that makes a request, before the name of the node."""

_REMOTES = [
    ("networkConnectionAction",),
    ("awsApiCallAction",),
    ("kubernetesApiCallAction",),
    ("rdsLoginAttemptAction",),
]


def parse(finding: Node) -> Finding:
    """One finding. Raises Unfit where it is none."""
    type_node, service = finding.loose("type"), finding.loose("service").object()
    finding_type = type_node.needed(256)
    if not TYPE.fullmatch(finding_type):
        raise type_node.unsupported(f"not a GuardDuty finding type: {quote(finding_type)}")
    arn = Arn.parse(finding.loose("arn").text)
    place = _place(finding, arn)
    naming = Naming(place)
    subject = _subject(naming, finding, service)
    flows = guardduty_flows(service.loose("action"))
    traffic, is_actor = traffic_of(flows), service.loose("resourceRole").text == "ACTOR"
    situation = guardduty_situation(finding_type, subject.user_type, traffic, is_actor)
    if situation is None:
        raise type_node.unsupported(f"a GuardDuty type that we do not know: {quote(finding_type)}")
    name_subject(naming, finding_type, _ours(naming, subject, finding.loose("resource")))
    _name_remotes(naming, service)
    naming.attackers(situation, web_addresses(flows))
    return naming.finding(
        key=_key(finding, arn, place),
        version=naming.version(finding.loose("updatedAt"), finding.loose("createdAt")),
        origin=Origin.GUARDDUTY,
        type=finding_type,
        situation=situation,
        severity=severity.of_ten(finding.loose("severity")),
        title=finding.loose("title").text,
        description=finding.loose("description").text,
        seen=(
            naming.moment(service.loose("eventFirstSeen"), finding.loose("createdAt")),
            naming.moment(service.loose("eventLastSeen"), finding.loose("updatedAt")),
        ),
        lifecycle=_lifecycle(finding, service),
        traffic=traffic,
    )


def _place(finding: Node, arn: Arn | None) -> Place:
    account = finding.loose("accountId")
    return Place(
        account=agreeing(account, account_of(account, arn), arn, "guardduty"),
        region=region_of(finding.loose("region"), arn),
        partition=partition_of(arn),
    )


def _lifecycle(finding: Node, service: Node) -> Lifecycle:
    titled = (finding.loose("title").text or "").startswith("[SAMPLE]")
    return Lifecycle(
        archived=service.loose("archived").flag or finding.loose("archived").flag,
        sample=titled or is_sample(service.loose("additionalInfo").value),
    )


def is_sample(info: JsonValue, depth: int = 2) -> bool:
    """Whether additional information says `sample: true`, as a field or as JSON in a string."""
    if isinstance(info, str) and depth:
        try:
            return is_sample(json.loads(info), depth - 1)
        except (ValueError, RecursionError):
            return False
    if isinstance(info, dict):
        node = Node(info)
        return node.loose("sample").flag or (depth > 0 and is_sample(node.loose("value").value, depth - 1))
    return False


def _key(finding: Node, arn: Arn | None, place: Place) -> str:
    if arn and arn.service == "guardduty" and "/finding/" in arn.resource:
        return finding.loose("arn").needed(1024)
    return f"guardduty:{place.account}:{place.region}:{finding.loose('id').needed()}"


def _texts(*nodes: Node) -> list[str]:
    return [node.text for node in nodes if node.text]


def _subject(naming: Naming, finding: Node, service: Node) -> Subject:
    resource = finding.loose("resource").object()
    cluster = resource.loose("eksClusterDetails")
    affected = service.loose("action", "awsApiCallAction", "affectedResources")
    scanned = _scanned(naming, resource)
    base = Subject(
        principals=_principals(resource.loose("accessKeyDetails").object()),
        buckets=_texts(*(bucket.loose("name") for bucket in resource.loose("s3BucketDetails").items())),
        machines=_machines(resource.loose("instanceDetails").object()),
        databases=_texts(
            resource.loose("rdsDbInstanceDetails", "dbInstanceIdentifier"),
            resource.loose("rdsLimitlessDbDetails", "dbShardGroupIdentifier"),
        ),
        clusters=_texts(cluster.loose("name")),
        nodes=_nodes(resource.loose("kubernetesDetails", "kubernetesUserDetails", "username")),
        functions=_texts(resource.loose("lambdaDetails", "functionName")),
        trails=_texts(affected.at("AWS::CloudTrail::Trail")),
        snapshots=scanned.snapshots,
        images=scanned.images,
        others=[
            *_texts(
                resource.loose("ecsClusterDetails", "name"),
                resource.loose("containerDetails", "name"),
                resource.loose("recoveryPointDetails", "recoveryPointArn"),
            ),
            *scanned.others,
        ],
        resource_type=resource.loose("resourceType").text,
    )
    return with_sequence(naming, base, service.loose("detection", "sequence"))


def _nodes(caller: Node) -> list[str]:
    name = (caller.text or "").removeprefix(_NODE)
    return [name] if name and name != caller.text else []


def _scanned(naming: Naming, resource: Node) -> Subject:
    """The snapshot or image that was searched for malware."""
    found = {
        "AwsEc2Snapshot": resource.loose("ebsSnapshotDetails", "snapshotArn"),
        "AwsEc2Image": resource.loose("ec2ImageDetails", "imageArn"),
    }
    seen = [
        SeenResource(type=kind, ids=[node.text], region=None, where=node.path)
        for kind, node in found.items()
        if node.text
    ]
    return subject_of(naming, seen, [])


def _ours(naming: Naming, subject: Subject, resource: Node) -> Subject:
    """The subject without a cluster, with its nodes, or a database whose ARN says that it is another account's."""
    arns = (resource.loose("eksClusterDetails", "arn"), resource.loose("rdsDbInstanceDetails", "dbInstanceArn"))
    if any(naming.is_foreign(node.text, node.path) for node in arns):
        return subject.model_copy(update={"clusters": [], "databases": [], "nodes": []})
    return subject


def _principals(key: Node) -> list[Principal]:
    if key.value is None:
        return []
    return [
        Principal(
            key_id=key.loose("accessKeyId").text,
            user_type=key.loose("userType").text,
            user_name=key.loose("userName").text,
            principal_id=key.loose("principalId").text,
        )
    ]


def _machines(instance: Node) -> list[Machine]:
    name = instance.loose("instanceId").text
    if not name:
        return []
    cards = [card.loose("networkInterfaceId") for card in instance.loose("networkInterfaces").items()]
    return [Machine(id=name, interfaces=_texts(*cards))]


def _name_remotes(naming: Naming, service: Node) -> None:
    action = service.loose("action")
    remotes = [action.loose(*path, "remoteIpDetails") for path in _REMOTES]
    probes = action.loose("portProbeAction", "portProbeDetails").items()
    remotes += [probe.loose("remoteIpDetails") for probe in probes]
    for remote in remotes:
        naming.address(remote.loose("ipAddressV4").value)
        naming.address(remote.loose("ipAddressV6").value)
    for endpoint in service.loose("detection", "sequence", "endpoints").items():
        naming.address(endpoint.loose("ip").value)
