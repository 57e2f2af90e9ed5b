"""What we put right in moto's EC2, seen from outside."""

from typing import Any

import pytest
from ec2_scene import (
    ADMIN,
    ALONE,
    ALONE_ENI,
    DATA,
    ENI,
    ENI_B,
    FOREIGN,
    INSTANCE,
    LAMBDA_ENI,
    MANAGED_ENI,
    OTHER_SUBNET,
    SIBLING,
    SIBLING_ENI,
    SPOT,
    SUBNET,
    SUBNET_B,
    VOLUME,
    VPC,
    WEB,
    WORLD,
    ec2_of,
    groups_of,
    instance,
    made,
    refusal,
)

UNKNOWN = "sg-0123456789abcdef0"


def found(ec2: Any, name: str, *values: str) -> list[str]:
    asked = [{"Name": name, "Values": list(values)}]
    told = ec2.describe_instances(Filters=asked, IncludeManagedResources=True)["Reservations"]
    return [one["InstanceId"] for reservation in told for one in reservation["Instances"]]


def interfaces(ec2: Any, name: str, *values: str) -> list[str]:
    asked = [{"Name": name, "Values": list(values)}]
    told = ec2.describe_network_interfaces(Filters=asked, IncludeManagedResources=True)["NetworkInterfaces"]
    return [one["NetworkInterfaceId"] for one in told]


def attribute(ec2: Any, name: str) -> Any:
    told = ec2.describe_instance_attribute(InstanceId=INSTANCE, Attribute=name)
    return told[name[0].upper() + name[1:]]["Value"]


def test_an_interface_has_exactly_the_groups_that_it_was_given_and_its_siblings_keep_theirs() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=ENI, Groups=[ADMIN])
    assert (groups_of(sandbox, ENI), groups_of(sandbox, ENI_B), groups_of(sandbox, SIBLING_ENI)) == (
        [ADMIN],
        [ADMIN, WEB],
        [WEB],
    )
    ec2.modify_network_interface_attribute(NetworkInterfaceId=ENI_B, Groups=[WEB])
    assert (groups_of(sandbox, ENI), groups_of(sandbox, ENI_B)) == ([ADMIN], [WEB])
    told = instance(sandbox)
    assert [group["GroupId"] for group in told["SecurityGroups"]] == [ADMIN]
    assert [[one["GroupId"] for one in eni["Groups"]] for eni in told["NetworkInterfaces"]] == [[ADMIN], [WEB]]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=ENI_B, Groups=[ADMIN, WEB])
    assert groups_of(sandbox, ENI_B) == [ADMIN, WEB]


@pytest.mark.parametrize(
    ("interface", "changed", "code"),
    [
        (ENI, {"Groups": [UNKNOWN]}, "InvalidGroup.NotFound"),
        (ENI, {"Groups": [FOREIGN]}, "InvalidParameterValue"),
        (ENI, {"Groups": [ADMIN, FOREIGN]}, "InvalidParameterValue"),
        (ENI, {"Groups": []}, "InvalidParameterCombination"),
        (ENI, {"Groups": [ADMIN], "SourceDestCheck": {"Value": False}}, "InvalidParameterCombination"),
        (LAMBDA_ENI, {"Groups": [ADMIN]}, "AuthFailure"),
        (MANAGED_ENI, {"Groups": [FOREIGN]}, "OperationNotPermitted"),
        ("eni-0123456789abcdef0", {"Groups": [ADMIN]}, "InvalidNetworkInterfaceID.NotFound"),
    ],
)
def test_an_interface_refuses_what_is_not_its_own_to_have(interface: str, changed: Any, code: str) -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    assert refusal(ec2.modify_network_interface_attribute, NetworkInterfaceId=interface, **changed) == code
    assert (groups_of(sandbox, ENI), groups_of(sandbox, MANAGED_ENI)) == ([WEB], [FOREIGN])


def test_a_new_interface_is_refused_groups_that_are_not_there() -> None:
    ec2 = ec2_of(made())
    for group, code in ((UNKNOWN, "InvalidGroup.NotFound"), (FOREIGN, "InvalidParameterValue")):
        assert refusal(ec2.create_network_interface, SubnetId=SUBNET, Groups=[group]) == code
    made_one = ec2.create_network_interface(SubnetId=SUBNET, Groups=[ADMIN], Description="ours")["NetworkInterface"]
    assert [group["GroupId"] for group in made_one["Groups"]] == [ADMIN]


def test_an_instances_own_groups_can_be_changed_only_while_it_has_one_interface() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    assert refusal(ec2.modify_instance_attribute, InstanceId=INSTANCE, Groups=[ADMIN]) == "InvalidInstanceID"
    ec2.modify_instance_attribute(InstanceId=SIBLING, Groups=[ADMIN])
    assert groups_of(sandbox, SIBLING_ENI) == [ADMIN]
    assert refusal(ec2.modify_instance_attribute, InstanceId=SIBLING, Groups=[FOREIGN]) == "InvalidParameterValue"


def test_protection_is_read_back_and_enforced_until_it_is_taken_off() -> None:
    ec2 = ec2_of(made())
    calls = {"DisableApiTermination": ec2.terminate_instances, "DisableApiStop": ec2.stop_instances}
    for name in ("DisableApiStop", "DisableApiTermination"):
        ec2.modify_instance_attribute(InstanceId=INSTANCE, **{name: {"Value": True}})
        assert attribute(ec2, name[0].lower() + name[1:]) is True
        assert refusal(calls[name], InstanceIds=[SIBLING, INSTANCE]) == "OperationNotPermitted"
        assert found(ec2, "instance-state-name", "running") == [INSTANCE, SIBLING, SPOT, ALONE]
        ec2.modify_instance_attribute(InstanceId=INSTANCE, **{name: {"Value": False}})
        assert attribute(ec2, name[0].lower() + name[1:]) is False
    ec2.stop_instances(InstanceIds=[INSTANCE])
    ec2.terminate_instances(InstanceIds=[INSTANCE])


def test_the_older_way_to_set_an_attribute_sets_it_too() -> None:
    ec2 = ec2_of(made())
    ec2.modify_instance_attribute(InstanceId=INSTANCE, Attribute="disableApiTermination", Value="true")
    assert attribute(ec2, "disableApiTermination") is True
    assert refusal(ec2.terminate_instances, InstanceIds=[INSTANCE]) == "OperationNotPermitted"


def test_the_shutdown_behaviour_is_kept_and_leaves_the_groups_alone() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    for value in ("terminate", "stop"):
        ec2.modify_instance_attribute(InstanceId=INSTANCE, InstanceInitiatedShutdownBehavior={"Value": value})
        assert attribute(ec2, "instanceInitiatedShutdownBehavior") == value
    wrong = {"InstanceInitiatedShutdownBehavior": {"Value": "hibernate"}}
    assert refusal(ec2.modify_instance_attribute, InstanceId=INSTANCE, **wrong) == "InvalidParameterValue"
    assert groups_of(sandbox, ENI) == [WEB]


def test_delete_on_termination_is_kept_for_each_device_and_read_back_both_ways() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    for device, keep in (("/dev/xvda", False), ("/dev/sdf", True)):
        mapping = [{"DeviceName": device, "Ebs": {"DeleteOnTermination": keep}}]
        ec2.modify_instance_attribute(InstanceId=INSTANCE, BlockDeviceMappings=mapping)
    told = ec2.describe_instance_attribute(InstanceId=INSTANCE, Attribute="blockDeviceMapping")["BlockDeviceMappings"]
    for mappings in (told, instance(sandbox)["BlockDeviceMappings"]):
        assert [(one["Ebs"]["VolumeId"], one["Ebs"]["DeleteOnTermination"]) for one in mappings] == [
            (VOLUME, False),
            (DATA, True),
        ]
    unknown = [{"DeviceName": "/dev/sdz", "Ebs": {"DeleteOnTermination": True}}]
    assert (
        refusal(ec2.modify_instance_attribute, InstanceId=INSTANCE, BlockDeviceMappings=unknown)
        == "InvalidInstanceAttributeValue"
    )


@pytest.mark.parametrize("asked", [{}, {"DisableApiStop": {"Value": True}, "EbsOptimized": {"Value": True}}])
def test_one_attribute_is_changed_at_a_time(asked: Any) -> None:
    ec2 = ec2_of(made())
    assert refusal(ec2.modify_instance_attribute, InstanceId=INSTANCE, **asked) == "InvalidParameterCombination"


def test_a_managed_instance_is_changed_by_its_operator_only() -> None:
    ec2 = ec2_of(made(WORLD.replace("type: m5.large", "type: m5.large\n      managed: true")))
    changed = {"DisableApiTermination": {"Value": True}}
    assert refusal(ec2.modify_instance_attribute, InstanceId=ALONE, **changed) == "OperationNotPermitted"


def test_a_spot_instance_has_no_termination_protection_and_a_one_time_one_does_not_stop() -> None:
    ec2 = ec2_of(made())
    protect = {"DisableApiTermination": {"Value": True}}
    assert refusal(ec2.modify_instance_attribute, InstanceId=SPOT, **protect) == "UnsupportedOperation"
    assert refusal(ec2.stop_instances, InstanceIds=[SPOT]) == "UnsupportedOperation"
    ec2.modify_instance_attribute(InstanceId=SPOT, DisableApiTermination={"Value": False})
    persistent = ec2_of(made(WORLD.replace("spot: true", "spot: true, market: persistent")))
    persistent.stop_instances(InstanceIds=[SPOT])
    assert found(persistent, "instance-state-name", "stopped") == [SPOT]


def test_a_terminated_instance_leaves_its_interfaces_and_the_volumes_that_are_kept() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    ec2.terminate_instances(InstanceIds=[INSTANCE])
    assert instance(sandbox)["NetworkInterfaces"] == []
    assert interfaces(ec2, "attachment.instance-id", INSTANCE) == []
    assert interfaces(ec2, "subnet-id", SUBNET_B) == [ENI_B]
    assert [
        one["VolumeId"]
        for one in ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [VOLUME, DATA]}])["Volumes"]
    ] == [DATA]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("iam-instance-profile.arn", "arn:aws:iam::111122223333:instance-profile/web", [INSTANCE, SIBLING]),
        ("instance-lifecycle", "spot", [SPOT]),
        ("network-interface.network-interface-id", ENI_B, [INSTANCE]),
        ("network-interface.group-id", ADMIN, [INSTANCE]),
        ("network-interface.subnet-id", OTHER_SUBNET, [ALONE]),
        ("network-interface.addresses.private-ip-address", "10.0.2.11", [INSTANCE]),
        ("network-interface.addresses.association.public-ip", "203.0.113.7", [INSTANCE]),
        ("private-ip-address", "10.0.1.11", [SIBLING]),
        ("tag:Name", "web-1", [INSTANCE]),
        ("vpc-id", "vpc-0bbb1234567890abc", [ALONE]),
    ],
)
def test_instances_are_found_by(name: str, value: str, expected: list[str]) -> None:
    assert found(ec2_of(made()), name, value) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("association.public-ip", "203.0.113.7", [ENI_B]),
        ("addresses.association.public-ip", "198.51.100.20", [ENI]),
        ("addresses.private-ip-address", "10.0.2.11", [ENI_B]),
        ("attachment.status", "detached", [LAMBDA_ENI]),
        ("availability-zone", "eu-west-1b", [ENI_B]),
        ("group-id", ADMIN, [ENI_B]),
        ("interface-type", "branch", [MANAGED_ENI]),
        ("operator.managed", "true", [MANAGED_ENI]),
        ("source-dest-check", "false", [ALONE_ENI]),
        ("attachment.instance-id", INSTANCE, [ENI, ENI_B]),
    ],
)
def test_interfaces_are_found_by(name: str, value: str, expected: list[str]) -> None:
    told = interfaces(ec2_of(made()), name, value)
    assert [one for one in told if one.startswith("eni-0") and one.endswith("1234567890abc")] == expected


def test_switching_the_source_check_shows_on_the_instance_and_on_its_interface() -> None:
    sandbox = made()
    ec2 = ec2_of(sandbox)
    ec2.modify_instance_attribute(InstanceId=SIBLING, SourceDestCheck={"Value": False})
    told = instance(sandbox, SIBLING)
    assert (told["SourceDestCheck"], told["NetworkInterfaces"][0]["SourceDestCheck"]) == (False, False)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=SIBLING_ENI, SourceDestCheck={"Value": True})
    told = instance(sandbox, SIBLING)
    assert (told["SourceDestCheck"], told["NetworkInterfaces"][0]["SourceDestCheck"]) == (True, True)


def test_a_group_that_is_used_or_referenced_cannot_be_deleted() -> None:
    ec2 = ec2_of(made())
    assert refusal(ec2.delete_security_group, GroupId=WEB) == "DependencyViolation"
    new = ec2.create_security_group(GroupName="new", Description="new", VpcId=VPC)["GroupId"]
    pair = [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": new}]}]
    ec2.authorize_security_group_ingress(GroupId=ADMIN, IpPermissions=pair)
    assert refusal(ec2.delete_security_group, GroupId=new) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=ADMIN, IpPermissions=pair)
    ec2.delete_security_group(GroupId=new)
    assert refusal(ec2.delete_security_group, GroupId=new) == "InvalidGroup.NotFound"


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_revoking_by_rule_says_what_was_revoked_and_an_unknown_rule_is_refused(direction: str) -> None:
    ec2 = ec2_of(made())
    outward = direction == "egress"
    told = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [WEB]}])["SecurityGroupRules"]
    rules = [rule["SecurityGroupRuleId"] for rule in told if rule["IsEgress"] is outward]
    revoke = getattr(ec2, f"revoke_security_group_{direction}")
    answer = revoke(GroupId=WEB, SecurityGroupRuleIds=rules)
    assert [one["SecurityGroupRuleId"] for one in answer["RevokedSecurityGroupRules"]] == rules
    assert {(one["GroupId"], one["IsEgress"]) for one in answer["RevokedSecurityGroupRules"]} == {(WEB, outward)}
    assert refusal(revoke, GroupId=WEB, SecurityGroupRuleIds=rules) == "InvalidSecurityGroupRuleId.NotFound"
    group = ec2.describe_security_groups(GroupIds=[WEB])["SecurityGroups"][0]
    assert group["IpPermissionsEgress" if outward else "IpPermissions"] == []


def test_snapshots_are_taken_of_every_volume_pending_at_first_with_the_tags_that_they_are_given() -> None:
    ec2 = ec2_of(made())
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "stanch:run", "Value": "r-1"}]}]
    taken = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": INSTANCE}, TagSpecifications=tags, CopyTagsFromSource="volume"
    )["Snapshots"]
    assert [(one["VolumeId"], one["State"]) for one in taken] == [(VOLUME, "pending"), (DATA, "pending")]
    told = ec2.describe_snapshots(Filters=[{"Name": "tag:stanch:run", "Values": ["r-1"]}])["Snapshots"]
    assert [(one["VolumeId"], one["State"]) for one in told] == [(VOLUME, "completed"), (DATA, "completed")]
    assert {tag["Key"]: tag["Value"] for tag in told[0]["Tags"]} == {"stanch:run": "r-1", "team": "web"}
    fewer = ec2.create_snapshots(InstanceSpecification={"InstanceId": INSTANCE, "ExcludeDataVolumeIds": [DATA]})
    assert [one["VolumeId"] for one in fewer["Snapshots"]] == [VOLUME]
    assert len(ec2.describe_snapshots()["Snapshots"]) == 3


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
        ("eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound"),
        (UNKNOWN, "InvalidGroup.NotFound"),
    ],
)
def test_only_what_is_there_gets_a_tag(identity: str, code: str) -> None:
    ec2 = ec2_of(made())
    assert refusal(ec2.create_tags, Resources=[identity], Tags=[{"Key": "a", "Value": "b"}]) == code


def test_an_instances_profile_has_the_profiles_own_id() -> None:
    sandbox = made()
    profile = sandbox.client("iam", "111122223333", "eu-west-1").get_instance_profile(InstanceProfileName="web")
    assert instance(sandbox)["IamInstanceProfile"]["Id"] == profile["InstanceProfile"]["InstanceProfileId"]
