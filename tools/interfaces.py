"""Reads the network interfaces of an instance, and says which of them are a service's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from agent.target import Target
from tools.aws import Aws, AwsCall, Phase

INTERFACES = "arn:{partition}:ec2:{region}:{account}:network-interface/*"
GROUPS = "arn:{partition}:ec2:{region}:{account}:security-group/*"
_OURS = frozenset({"interface", "efa", "efa-only", "trunk"})
"""Types of interface that belong to whoever runs the instance. Every other type serves others, or many."""


def listing(*phases: Phase) -> AwsCall:
    """DescribeNetworkInterfaces, for an action to declare in these phases."""
    return AwsCall("ec2", "DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces", "*", frozenset(phases))


@dataclass(frozen=True)
class Interface:
    """One interface of an instance."""

    id: str
    vpc: str
    groups: list[str]
    """In AWS's own order."""
    public: bool
    forwards: bool
    """SourceDestCheck is off: a NAT instance, a VPN, a firewall."""
    service: str
    """The service that it belongs to; empty if it is the instance's own."""


def of_instance(aws: Aws, call: AwsCall, target: Target) -> list[Interface]:
    """Every interface that is attached to the instance now, hidden ones included, by id."""
    found = pages(aws, call, "attachment.instance-id", target.id)
    return sorted((_interface(one, target.account) for one in found), key=lambda one: one.id)


def pages(aws: Aws, call: AwsCall, name: str, value: str) -> Iterator[dict[str, Any]]:
    """Every interface that a filter selects, as AWS answers it."""
    filters = [{"Name": name, "Values": [value]}]
    for page in aws.pages(call, Filters=filters, IncludeManagedResources=True):
        yield from cast(list[dict[str, Any]], page.get("NetworkInterfaces", []))


def _interface(found: dict[str, Any], account: str) -> Interface:
    return Interface(
        id=found["NetworkInterfaceId"],
        vpc=found["VpcId"],
        groups=[group["GroupId"] for group in found.get("Groups", [])],
        public=bool(found.get("Association", {}).get("PublicIp")),
        forwards=found.get("SourceDestCheck") is False,
        service=_service(found, account),
    )


def _service(found: dict[str, Any], account: str) -> str:
    operator, kind = found.get("Operator", {}), found.get("InterfaceType", "interface")
    if operator.get("Managed"):
        return str(operator.get("Principal") or "a service")
    if kind not in _OURS:
        return str(kind)
    if found.get("RequesterManaged"):
        return str(found.get("RequesterId") or "a service")
    return "" if found.get("OwnerId", account) == account else "another account"
