"""A seeded sandbox answers, over the public API, what the world says of instances, networks and balancing."""

import json

import pytest
from ec2_scene import (
    ACCOUNT,
    ADMIN,
    ALONE,
    ALONE_ENI,
    DATA,
    ENI,
    ENI_B,
    INSTANCE,
    LAMBDA_ENI,
    MANAGED_ENI,
    REGION,
    SIBLING,
    SPOT,
    SUBNET,
    SUBNET_B,
    VOLUME,
    VPC,
    WEB,
    WORLD,
    ec2_of,
    groups_of,
    health,
    instance,
    made,
    refusal,
)

from tools.sandbox.engine import Sandbox, instance_credentials
from tools.sandbox.seed import seed
from tools.sandbox.world import World


def test_an_instance_has_the_ids_addresses_groups_profile_and_tags_that_the_world_says() -> None:
    told = instance(made())
    assert (told["InstanceId"], told["State"]["Name"], told["InstanceType"]) == (INSTANCE, "running", "t3.medium")
    assert [
        (one["NetworkInterfaceId"], one["SubnetId"], one["PrivateIpAddress"], [g["GroupId"] for g in one["Groups"]])
        for one in told["NetworkInterfaces"]
    ] == [(ENI, SUBNET, "10.0.1.10", [WEB]), (ENI_B, SUBNET_B, "10.0.2.10", [ADMIN, WEB])]
    assert told["VpcId"] == VPC
    assert told["Placement"]["AvailabilityZone"] == f"{REGION}a"
    assert told["PublicIpAddress"] == "198.51.100.20"
    assert told["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/web"
    assert {"Key": "Name", "Value": "web-1"} in told["Tags"]
    assert told["LaunchTime"].isoformat().startswith("2026-02-26T12:00:00")


def test_its_volumes_are_those_of_the_world_or_one_of_its_own() -> None:
    sandbox = made()
    mappings = instance(sandbox)["BlockDeviceMappings"]
    assert [(one["DeviceName"], one["Ebs"]["VolumeId"], one["Ebs"]["DeleteOnTermination"]) for one in mappings] == [
        ("/dev/xvda", VOLUME, True),
        ("/dev/sdf", DATA, False),
    ]
    volumes = ec2_of(sandbox).describe_volumes(VolumeIds=[DATA])["Volumes"][0]
    assert (volumes["Size"], volumes["AvailabilityZone"]) == (100, f"{REGION}a")
    assert len(instance(sandbox, SIBLING)["BlockDeviceMappings"]) == 1


@pytest.mark.parametrize("state", ["running", "stopped", "terminated", "shutting-down"])
def test_an_instance_is_in_the_state_that_the_world_says(state: str) -> None:
    sandbox = made(WORLD.replace(f"id: {ALONE}", f"id: {ALONE}\n      state: {state}"))
    told = instance(sandbox, ALONE)
    assert told["State"]["Name"] == state
    assert (told["NetworkInterfaces"] == []) is (state == "terminated")


def test_a_spot_instance_says_so() -> None:
    told = instance(made(), SPOT)
    assert told["InstanceLifecycle"] == "spot"
    assert told["SpotInstanceRequestId"].startswith("sir-")


def test_an_interface_says_whose_it_is_and_what_it_is_for() -> None:
    ec2 = ec2_of(made())
    told = {
        one["NetworkInterfaceId"]: one
        for one in ec2.describe_network_interfaces(IncludeManagedResources=True)["NetworkInterfaces"]
    }
    assert (told[LAMBDA_ENI]["RequesterManaged"], told[LAMBDA_ENI]["InterfaceType"]) == (True, "lambda")
    assert (told[MANAGED_ENI]["Operator"]["Managed"], told[MANAGED_ENI]["InterfaceType"]) == (True, "branch")
    assert (told[ENI]["RequesterManaged"], told[ENI]["InterfaceType"]) == (False, "interface")
    assert "Operator" not in told[ENI]
    assert told[ALONE_ENI]["SourceDestCheck"] is False
    assert [one["PrivateIpAddress"] for one in told[ENI_B]["PrivateIpAddresses"]] == ["10.0.2.10", "10.0.2.11"]


def test_managed_resources_are_shown_to_who_asks_for_them() -> None:
    ec2 = ec2_of(made(WORLD.replace("type: m5.large", "type: m5.large\n      managed: true")))
    asked = {"Filters": [{"Name": "attachment.instance-id", "Values": [ALONE]}]}
    for include, interfaces, instances in ((False, [ALONE_ENI], []), (True, [ALONE_ENI, MANAGED_ENI], [ALONE])):
        told = ec2.describe_network_interfaces(IncludeManagedResources=include, **asked)["NetworkInterfaces"]
        assert [one["NetworkInterfaceId"] for one in told] == interfaces
        wanted = [{"Name": "instance-id", "Values": [ALONE]}]
        found = ec2.describe_instances(IncludeManagedResources=include, Filters=wanted)["Reservations"]
        assert [one["Instances"][0]["InstanceId"] for one in found] == instances
    by_id = ec2.describe_network_interfaces(NetworkInterfaceIds=[MANAGED_ENI])["NetworkInterfaces"]
    assert len(by_id) == 1


def test_groups_have_the_worlds_rules_and_no_others() -> None:
    ec2 = ec2_of(made())
    told = {one["GroupId"]: one for one in ec2.describe_security_groups()["SecurityGroups"]}
    assert [(rule["FromPort"], rule["IpRanges"]) for rule in told[WEB]["IpPermissions"]] == [
        (443, [{"CidrIp": "0.0.0.0/0"}]),
        (22, []),
    ]
    assert [pair["GroupId"] for pair in told[WEB]["IpPermissions"][1]["UserIdGroupPairs"]] == [ADMIN]
    assert told[WEB]["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
    assert (told[ADMIN]["IpPermissionsEgress"], told[ADMIN]["Tags"]) == ([], [{"Key": "team", "Value": "ops"}])


def test_the_default_group_of_a_vpc_can_have_an_id() -> None:
    world = WORLD.replace("  profiles:", f"    - {{id: sg-0ddd1234567890abc, vpc: {VPC}, name: default}}\n  profiles:")
    sandbox = made(world)
    assert groups_of(sandbox, instance(sandbox, SPOT)["NetworkInterfaces"][0]["NetworkInterfaceId"]) == [
        "sg-0ddd1234567890abc"
    ]
    assert refusal(ec2_of(sandbox).delete_security_group, GroupId="sg-0ddd1234567890abc") == "CannotDelete"


def test_the_resolver_of_a_vpc_is_the_one_that_the_world_says() -> None:
    ec2 = ec2_of(made())
    servers = {}
    for vpc in ec2.describe_vpcs(VpcIds=[VPC, "vpc-0bbb1234567890abc"])["Vpcs"]:
        options = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"][0]
        servers[vpc["VpcId"]] = [one["Value"] for one in options["DhcpConfigurations"][0]["Values"]]
    assert servers == {VPC: ["10.0.0.53"], "vpc-0bbb1234567890abc": ["AmazonProvidedDNS"]}


def test_the_accounts_own_addresses_are_there() -> None:
    sandbox = made()
    told = {one["PublicIp"]: one.get("InstanceId") for one in ec2_of(sandbox).describe_addresses()["Addresses"]}
    assert told == {"203.0.113.7": INSTANCE, "203.0.113.8": "", "203.0.113.9": ""}
    gateway = ec2_of(sandbox).describe_nat_gateways()["NatGateways"][0]["NatGatewayAddresses"][0]
    assert (gateway["PublicIp"], gateway["PrivateIp"]) == ("203.0.113.9", "10.0.1.5")


def test_targets_are_registered_with_their_ports_and_groups_keep_the_worlds_instances() -> None:
    sandbox = made()
    assert health(sandbox, "web") == [
        (INSTANCE, 80, "healthy"),
        (INSTANCE, 8080, "healthy"),
        (SIBLING, 80, "healthy"),
    ]
    autoscaling = sandbox.client("autoscaling", ACCOUNT, REGION)
    group = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]
    assert (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]) == (1, 2, 3)
    told = autoscaling.describe_auto_scaling_instances(InstanceIds=[INSTANCE, ALONE])["AutoScalingInstances"]
    assert [(one["InstanceId"], one["AutoScalingGroupName"], one["LifecycleState"]) for one in told] == [
        (INSTANCE, "web", "InService")
    ]
    assert len(ec2_of(sandbox).describe_instances()["Reservations"]) == 4


def test_an_instance_can_be_in_standby_from_the_start() -> None:
    world = WORLD.replace("target_groups: [web], tags", f"standby: [{INSTANCE}], target_groups: [web], tags")
    autoscaling = made(world).client("autoscaling", ACCOUNT, REGION)
    told = autoscaling.describe_auto_scaling_instances(InstanceIds=[INSTANCE])["AutoScalingInstances"]
    assert told[0]["LifecycleState"] == "Standby"
    assert autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"] == 1


def test_an_instances_own_credentials_are_of_a_session_with_its_id_as_name() -> None:
    sandbox = made()
    who = sandbox.clients(instance_credentials(sandbox, ACCOUNT, "web", INSTANCE)).client("sts", ACCOUNT, REGION)
    assert who.get_caller_identity()["UserId"].endswith(f":{INSTANCE}")
    assert instance_credentials(sandbox, ACCOUNT, "web", INSTANCE) == instance_credentials(
        sandbox, ACCOUNT, "web", INSTANCE
    )


def test_a_deny_for_one_instances_session_leaves_its_sibling_working() -> None:
    sandbox = made()
    iam = sandbox.client("iam", ACCOUNT, REGION)
    role = iam.get_role(RoleName="web")["Role"]["RoleId"]
    condition = {"StringLike": {"aws:userid": f"{role}:{INSTANCE}"}}
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert (_lists(sandbox, INSTANCE), _lists(sandbox, SIBLING)) == (True, True)
    iam.put_role_policy(RoleName="web", PolicyName="deny", PolicyDocument=document)
    assert (_lists(sandbox, INSTANCE), _lists(sandbox, SIBLING)) == (False, True)
    iam.delete_role_policy(RoleName="web", PolicyName="deny")
    assert (_lists(sandbox, INSTANCE), _lists(sandbox, SIBLING)) == (True, True)


def _lists(sandbox: Sandbox, identity: str) -> bool:
    s3 = sandbox.clients(instance_credentials(sandbox, ACCOUNT, "web", identity)).client("s3", ACCOUNT, REGION)
    try:
        s3.list_buckets()
    except s3.exceptions.ClientError:
        return False
    return True


def test_seeding_twice_changes_nothing_and_two_sandboxes_are_the_same_to_the_byte() -> None:
    sandbox = made()
    once = sandbox.snapshot()
    seed(sandbox, World.parse(WORLD))
    assert sandbox.snapshot() == once
    assert made().snapshot() == once


def test_a_restored_sandbox_is_corrected_as_the_first_one_was() -> None:
    sandbox = Sandbox.restore(made().snapshot())
    assert groups_of(sandbox, ENI_B) == [ADMIN, WEB]
    assert refusal(ec2_of(sandbox).delete_security_group, GroupId=WEB) == "DependencyViolation"
