"""Reads the instance that an action is about, and says why an action does not take it."""

from typing import Any, cast

from agent.plan import Inapplicable
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Gone, Phase

ENDED = frozenset({"shutting-down", "terminated"})
"""States from which an instance does not come back. DescribeInstances shows them for about an hour."""

INSTANCES = "arn:{partition}:ec2:{region}:{account}:instance/*"


def describing(*phases: Phase) -> AwsCall:
    """DescribeInstances, for an action to declare in these phases."""
    return AwsCall("ec2", "DescribeInstances", "ec2:DescribeInstances", "*", frozenset(phases))


def find(aws: Aws, describe: AwsCall, instance: str) -> dict[str, Any]:
    """The instance as DescribeInstances answers it, with its reservation's OwnerId. Raises Gone also when it is ended."""
    answer = aws.need(describe, InstanceIds=[instance], IncludeManagedResources=True)
    for reservation in cast(list[dict[str, Any]], answer.get("Reservations", [])):
        for found in reservation.get("Instances", []):
            if found["InstanceId"] != instance:
                continue
            if found["State"]["Name"] in ENDED:
                raise Gone(describe.name, found["State"]["Name"])
            return {**found, "OwnerId": reservation.get("OwnerId", "")}
    raise Gone(describe.name, "NoSuchInstance")


def subject(aws: Aws, describe: AwsCall, target: Target, action: str) -> dict[str, Any] | Inapplicable:
    """The instance to plan on, or why there is no planning: another kind of target, gone, or another account's."""
    if target.kind is not TargetKind.INSTANCE:
        return Inapplicable(action=action, target=target, reason="wrong_kind")
    try:
        found = None if target.account != aws.account else find(aws, describe, target.id)
    except Gone as gone:
        return Inapplicable(action=action, target=target, reason="gone", detail=f"{gone.call}: {gone.code}")
    if found is None or found["OwnerId"] != target.account:
        detail = "the instance lives in another account"
        return Inapplicable(action=action, target=target, reason="unverified_target", detail=detail)
    return found


def tag(instance: dict[str, Any], key: str) -> str | None:
    """The value of a tag. None if it has no such tag."""
    return next((str(one["Value"]) for one in instance.get("Tags", []) if one["Key"] == key), None)
