"""What AWS's public API answers of instances, with all that hangs on each, and of addresses in block lists."""

from typing import Any

from tools.sandbox.engine import Sandbox

_ATTRIBUTES = ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior")
_GROUP_OF_OURS = ("stanch:quarantine", "stanch:untracked")
_CUT = "stanch:cut"


def instances(sandbox: Sandbox, account: str, region: str) -> dict[str, Any]:
    """Every instance by its id: itself, its interfaces, disks, groups, targets and what its role denies it."""
    ec2 = sandbox.client("ec2", account, region)
    listed = [one for r in ec2.describe_instances()["Reservations"] for one in r["Instances"]]
    cards = ec2.describe_network_interfaces()["NetworkInterfaces"]
    snapshots = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    members, serving = _members(sandbox, account, region), _serving(sandbox, account, region)
    denied = _denied(sandbox, account)
    found = {}
    for one in listed:
        name = one["InstanceId"]
        tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
        disks = {disk["Ebs"]["VolumeId"]: disk["Ebs"] for disk in one.get("BlockDeviceMappings", [])}
        found[f"instance {name}"] = {
            "state": one["State"]["Name"],
            "attributes": [_attribute(ec2, name, each) for each in _ATTRIBUTES],
            "tags": {key: value for key, value in tags.items() if key != _CUT},
            "cut": tags.get(_CUT),
            "interfaces": {card["NetworkInterfaceId"]: card["Groups"] for card in cards if _of(card, name)},
            "disks": {disk: held["DeleteOnTermination"] for disk, held in disks.items()},
            "snapshots": sum(each["VolumeId"] in disks for each in snapshots),
            "scaling": members.get(name),
            "targets": [each for each in serving if each[1] in {name, *_addresses(cards, name)}],
            "denied": [each for each in denied if name in each],
        }
    return found


def addresses(sandbox: Sandbox, account: str, region: str) -> dict[str, Any]:
    """Every entry of a block list, with the lists that hold it."""
    found: dict[str, list[str]] = {}
    for scope, where in (("REGIONAL", region), ("CLOUDFRONT", "us-east-1")):
        client = sandbox.client("wafv2", account, where)
        for one in client.list_ip_sets(Scope=scope)["IPSets"]:
            held = client.get_ip_set(Name=one["Name"], Scope=scope, Id=one["Id"])["IPSet"]
            for entry in held["Addresses"]:
                found.setdefault(f"address {entry}", []).append(one["ARN"])
    return found


def _attribute(ec2: Any, instance: str, name: str) -> str:
    answer = ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)
    return str(sorted((key, value) for key, value in answer.items() if key != "ResponseMetadata"))


def _of(card: dict[str, Any], instance: str) -> bool:
    return bool(card.get("Attachment", {}).get("InstanceId") == instance)


def _addresses(cards: list[dict[str, Any]], instance: str) -> list[str]:
    return [card["PrivateIpAddress"] for card in cards if _of(card, instance)]


def _members(sandbox: Sandbox, account: str, region: str) -> dict[str, Any]:
    """By instance: its lifecycle, and how many the group would have if none were on standby."""
    client = sandbox.client("autoscaling", account, region)
    found = {}
    for group in client.describe_auto_scaling_groups()["AutoScalingGroups"]:
        resting = sum(one["LifecycleState"] == "Standby" for one in group["Instances"])
        whole = group["DesiredCapacity"] + resting
        found |= {one["InstanceId"]: [one["LifecycleState"], whole] for one in group["Instances"]}
    return found


def _serving(sandbox: Sandbox, account: str, region: str) -> list[tuple[str, str, int]]:
    client = sandbox.client("elbv2", account, region)
    found = []
    for group in client.describe_target_groups()["TargetGroups"]:
        health = client.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        there = [one["Target"] for one in health if one["TargetHealth"]["State"] != "draining"]
        found += [(group["TargetGroupName"], str(one["Id"]), int(one["Port"])) for one in there]
    return sorted(found)


def _denied(sandbox: Sandbox, account: str) -> list[str]:
    """What roles deny by inline policies that name an instance."""
    iam = sandbox.client("iam", account, "us-east-1")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    named = [(role, name) for role in roles for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]
    return [str(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]) for role, name in named]
