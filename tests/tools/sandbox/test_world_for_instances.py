"""The world of a finding holds the instances that it names, in networks that have its ids, whatever shape it came in."""

from typing import Any

import pytest

from tools.sandbox.engine import Sandbox
from tools.sandbox.from_finding import world_for
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ACCOUNT, INSTANCE, OTHER = "111122223333", "i-0aaa1234567890abc", "i-0bbb1234567890abc"
ENI, ENI_B = "eni-0aaa1234567890abc", "eni-0aab1234567890abc"
SUBNET, SUBNET_B, VPC = "subnet-0aaa1234567890abc", "subnet-0aab1234567890abc", "vpc-0aaa1234567890abc"
GROUP, GROUP_B = "sg-0aaa1234567890abc", "sg-0aab1234567890abc"


def interface(identity: str, subnet: str, address: str, group: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "networkInterfaceId": identity,
        "subnetId": subnet,
        "vpcId": VPC,
        "privateIpAddress": address,
        "securityGroups": [{"groupId": group, "groupName": name}],
        **more,
    }


TWO = [
    interface(ENI, SUBNET, "10.3.1.10", GROUP, "web", publicIp="198.51.100.20"),
    interface(ENI_B, SUBNET_B, "10.3.2.10", GROUP_B, "default"),
]


def guardduty(action: Any = None, **details: Any) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "region": "eu-west-1",
        "id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "type": "Backdoor:EC2/C&CActivity.B",
        "updatedAt": "2026-02-03T10:00:00.000Z",
        "resource": {"resourceType": "Instance", "instanceDetails": {"instanceId": INSTANCE, **details}},
        "service": {"serviceName": "guardduty", "action": action or {}},
    }


def asff(**details: Any) -> dict[str, Any]:
    identity = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}"
    resource = {
        "Type": "AwsEc2Instance",
        "Id": identity,
        "Details": {"AwsEc2Instance": details},
        "Tags": {"env": "prod"},
    }
    return {
        "SchemaVersion": "2018-10-08",
        "Id": "f-1",
        "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
        "AwsAccountId": ACCOUNT,
        "Region": "eu-west-1",
        "UpdatedAt": "2026-02-03T10:00:00.000Z",
        "Resources": [resource],
    }


def connection(direction: str, remote: str = "203.0.113.7", **more: Any) -> dict[str, Any]:
    inner = {
        "connectionDirection": direction,
        "localPortDetails": {"port": 22},
        "remotePortDetails": {"port": 4444},
        "remoteIpDetails": {"ipAddressV4": remote},
        "blocked": False,
    }
    return {"actionType": "NETWORK_CONNECTION", "networkConnectionAction": {**inner, **more}}


def networks(world: World) -> list[tuple[str, str, str, list[str]]]:
    return [
        (one.id, one.subnet, str(one.address), list(one.groups))
        for instance in world.ec2.instances
        for one in instance.interfaces
    ]


def made(event: Any) -> Sandbox:
    world = world_for(event)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world, event)
    return sandbox


def told(sandbox: Sandbox, identity: str = INSTANCE, region: str = "eu-west-1") -> dict[str, Any]:
    ec2 = sandbox.client("ec2", ACCOUNT, region)
    found: dict[str, Any] = ec2.describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]
    return found


def test_a_guardduty_instance_stands_in_its_networks_with_its_groups_and_profile() -> None:
    profile = {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/apps/web", "id": "AIPAEXAMPLE"}
    tags = [{"key": "Name", "value": "web-1"}]
    world = world_for(guardduty(networkInterfaces=TWO, iamInstanceProfile=profile, tags=tags))
    assert networks(world) == [(ENI, SUBNET, "10.3.1.10", [GROUP]), (ENI_B, SUBNET_B, "10.3.2.10", [GROUP_B])]
    sandbox = made(guardduty(networkInterfaces=TWO, iamInstanceProfile=profile, tags=tags))
    instance = told(sandbox)
    assert (instance["VpcId"], instance["SubnetId"], instance["PublicIpAddress"]) == (VPC, SUBNET, "198.51.100.20")
    assert instance["Tags"] == [{"Key": "Name", "Value": "web-1"}]
    assert instance["IamInstanceProfile"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/web"
    groups = [group["GroupName"] for eni in instance["NetworkInterfaces"] for group in eni["Groups"]]
    assert groups == ["web", "default"]
    iam = sandbox.client("iam", ACCOUNT, "eu-west-1")
    kept = iam.get_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    assert [role["RoleName"] for role in kept["Roles"]] == ["web"]


def test_placeholders_become_ids_that_are_the_same_every_time() -> None:
    generated = [interface("GeneratedEni", "GeneratedSubnet", "10.0.0.1", "GeneratedGroup", "GeneratedName")]
    event = guardduty(networkInterfaces=generated)
    assert networks(world_for(event)) == networks(world_for(event))
    identity, subnet, address, groups = networks(world_for(event))[0]
    assert (identity[:4], subnet[:7], address, groups[0][:3]) == ("eni-", "subnet-", "10.0.0.1", "sg-")


@pytest.mark.parametrize(
    "event",
    [
        guardduty(),
        guardduty(networkInterfaces=None),
        guardduty(networkInterfaces=[{"privateIpAddress": "not an address", "securityGroups": "x"}]),
        guardduty(networkInterfaces=[{"privateIpAddress": "203.0.113.7"}], tags="x", iamInstanceProfile={"arn": "x"}),
        {"detail": {"findings": [asff()]}},
        [guardduty(networkInterfaces=TWO), guardduty(networkInterfaces=TWO)],
    ],
)
def test_an_instance_of_which_little_is_said_is_there_all_the_same(event: Any) -> None:
    assert told(made(event))["State"]["Name"] == "running"


@pytest.mark.parametrize("identity", ["i-scanner", "", None, 7, "../../i-0aaa1234567890abc"])
def test_an_id_that_no_instance_has_makes_none(identity: Any) -> None:
    event = guardduty()
    event["resource"]["instanceDetails"]["instanceId"] = identity
    assert world_for(event).ec2.instances == []


def test_an_asff_instance_has_the_network_that_is_told_of_it() -> None:
    event = asff(
        VpcId=VPC,
        SubnetId=SUBNET,
        IpV4Addresses=["10.3.1.10", "203.0.113.20"],
        NetworkInterfaces=[{"NetworkInterfaceId": ENI}],
        IamInstanceProfileArn=f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
    )
    world = world_for({"detail": {"findings": [event]}})
    assert networks(world) == [(ENI, SUBNET, "10.3.1.10", [])]
    instance = world.ec2.instances[0]
    assert (instance.profile, instance.tags, world.ec2.vpcs[0].id) == ("web", {"env": "prod"}, VPC)


@pytest.mark.parametrize(
    ("resource", "tags"),
    [
        ({"type": "AWS::EC2::Instance", "uid": INSTANCE, "tags": [{"name": "env", "value": "prod"}]}, {"env": "prod"}),
        ({"type": "AwsEc2Instance", "uid": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}"}, {}),
        ({"type": "x", "uid": "x", "uid_alt": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}"}, {}),
        ({"type": "x", "data": {"instance_id": INSTANCE, "tags": [{"key": "a", "value": "b"}]}}, {"a": "b"}),
    ],
)
def test_an_ocsf_instance_is_there_with_its_tags(resource: Any, tags: dict[str, str]) -> None:
    finding = {
        "class_uid": 2004,
        "cloud": {"account": {"uid": ACCOUNT}, "region": "eu-west-1"},
        "resources": [resource],
    }
    world = world_for(finding)
    assert [(one.id, one.tags) for one in world.ec2.instances] == [(INSTANCE, tags)]
    assert world.account == ACCOUNT


def test_an_instance_lies_in_the_account_and_region_of_its_arn() -> None:
    finding = asff()
    finding["Resources"][0]["Id"] = f"arn:aws:ec2:ap-southeast-2:444455556666:instance/{INSTANCE}"
    world = world_for({"detail": {"findings": [finding]}})
    assert world.ec2.instances == []
    other = world.accounts[0]
    assert (other.account, other.ec2.vpcs[0].region) == ("444455556666", "ap-southeast-2")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (connection("OUTBOUND"), [("10.3.1.10", "203.0.113.7", 4444, "ACCEPT")]),
        (connection("INBOUND"), [("203.0.113.7", "10.3.1.10", 22, "ACCEPT")]),
        (connection("INBOUND", blocked=True), [("203.0.113.7", "10.3.1.10", 22, "REJECT")]),
        (connection("UNKNOWN"), []),
        (connection("OUTBOUND", remote="nowhere"), []),
        (
            {
                "actionType": "PORT_PROBE",
                "portProbeAction": {
                    "blocked": False,
                    "portProbeDetails": [
                        {"localPortDetails": {"port": 80}, "remoteIpDetails": {"ipAddressV4": "198.51.100.7"}},
                        {"localPortDetails": {"port": 8080}, "remoteIpDetails": {"ipAddressV4": "198.51.100.8"}},
                    ],
                },
            },
            [("198.51.100.7", "10.3.1.10", 80, "ACCEPT"), ("198.51.100.8", "10.3.1.10", 8080, "ACCEPT")],
        ),
        ({"actionType": "DNS_REQUEST", "dnsRequestAction": {"domain": "c2.example.com"}}, []),
    ],
)
def test_the_connections_of_a_finding_stand_in_flow_logs(action: Any, expected: Any) -> None:
    world = world_for(guardduty(action, networkInterfaces=TWO))
    flows = [(str(one.src), str(one.dst), one.dstport, one.action) for log in world.flow_logs for one in log.records]
    assert flows == expected
    assert {(log.vpc, log.interface) for log in world.flow_logs} == ({(VPC, ENI)} if expected else set())


def test_instances_that_claim_the_same_address_or_interface_do_not_share_it() -> None:
    second = guardduty(networkInterfaces=TWO)
    second["resource"]["instanceDetails"]["instanceId"] = OTHER
    event = [guardduty(networkInterfaces=TWO), second]
    taken = [(identity, address) for identity, _, address, _ in networks(world_for(event))]
    assert len(set(taken)) == len({identity for identity, _ in taken}) == 4
    sandbox = made(event)
    assert told(sandbox, OTHER)["State"]["Name"] == "running"


def test_a_later_finding_adds_its_instance_to_a_world_in_use() -> None:
    first = guardduty(networkInterfaces=TWO[:1])
    sandbox = made(first)
    second = guardduty(networkInterfaces=[interface(ENI_B, SUBNET_B, "10.3.1.99", GROUP, "web")])
    second["resource"]["instanceDetails"]["instanceId"] = OTHER
    seed(sandbox, world_for(second), second)
    assert told(sandbox)["NetworkInterfaces"][0]["NetworkInterfaceId"] == ENI
    assert told(sandbox, OTHER)["NetworkInterfaces"][0]["PrivateIpAddress"] == "10.3.1.99"
