"""What the tests of instances share: two on one role behind a load balancer, one of them with two interfaces, and a third by itself."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ACCOUNT, REGION = "111122223333", "eu-west-1"
VPC, OTHER_VPC = "vpc-0aaa1234567890abc", "vpc-0bbb1234567890abc"
SUBNET, SUBNET_B, OTHER_SUBNET = "subnet-0aaa1234567890abc", "subnet-0bbb1234567890abc", "subnet-0ccc1234567890abc"
WEB, ADMIN, FOREIGN = "sg-0aaa1234567890abc", "sg-0bbb1234567890abc", "sg-0ccc1234567890abc"
INSTANCE, SIBLING, SPOT, ALONE = (f"i-0{one}1234567890abc" for one in ("aaa", "bbb", "ccc", "ddd"))
ENI, ENI_B, SIBLING_ENI, SPOT_ENI, ALONE_ENI, MANAGED_ENI = (
    f"eni-0{one}1234567890abc" for one in ("aaa", "aab", "bbb", "ccc", "ddd", "eee")
)
LAMBDA_ENI = "eni-0fff1234567890abc"
VOLUME, DATA = "vol-0aaa1234567890abc", "vol-0aab1234567890abc"
WORLD = f"""
now: 2026-03-01T12:00:00Z
account: {ACCOUNT}
region: {REGION}
iam:
  roles:
    - {{name: web, policies: {{own: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Action: "s3:*", Resource: "*"}}]}}}}}}
ec2:
  vpcs: [{{id: {VPC}, dns_servers: [10.0.0.53]}}, {{id: {OTHER_VPC}, cidr: 10.1.0.0/16}}]
  subnets:
    - {{id: {SUBNET}, vpc: {VPC}, cidr: 10.0.1.0/24}}
    - {{id: {SUBNET_B}, vpc: {VPC}, cidr: 10.0.2.0/24, az: b, tags: {{tier: admin}}}}
    - {{id: {OTHER_SUBNET}, vpc: {OTHER_VPC}, cidr: 10.1.1.0/24}}
  groups:
    - {{id: {WEB}, vpc: {VPC}, name: web, ingress: [{{protocol: tcp, port: 443}}, {{protocol: tcp, port: 22, group: {ADMIN}}}]}}
    - {{id: {ADMIN}, vpc: {VPC}, name: admin, egress: [], tags: {{team: ops}}}}
    - {{id: {FOREIGN}, vpc: {OTHER_VPC}, name: web}}
  profiles: [{{name: web, role: web}}]
  instances:
    - id: {INSTANCE}
      profile: web
      tags: {{Name: web-1}}
      launched: -3d
      interfaces:
        - {{id: {ENI}, subnet: {SUBNET}, address: 10.0.1.10, groups: [{WEB}], public_address: 198.51.100.20}}
        - {{id: {ENI_B}, subnet: {SUBNET_B}, address: 10.0.2.10, secondary: [10.0.2.11], groups: [{ADMIN}, {WEB}]}}
      volumes: [{{id: {VOLUME}, tags: {{team: web}}}}, {{id: {DATA}, size: 100, delete_on_termination: false}}]
    - {{id: {SIBLING}, profile: web, interfaces: [{{id: {SIBLING_ENI}, subnet: {SUBNET}, address: 10.0.1.11, groups: [{WEB}]}}]}}
    - {{id: {SPOT}, spot: true, interfaces: [{{id: {SPOT_ENI}, subnet: {SUBNET}, address: 10.0.1.12}}]}}
    - id: {ALONE}
      type: m5.large
      interfaces:
        - {{id: {ALONE_ENI}, subnet: {OTHER_SUBNET}, address: 10.1.1.10, groups: [{FOREIGN}], source_dest_check: false}}
        - {{id: {MANAGED_ENI}, subnet: {OTHER_SUBNET}, address: 10.1.1.11, groups: [{FOREIGN}], type: branch, managed: true}}
  interfaces: [{{id: {LAMBDA_ENI}, subnet: {SUBNET}, address: 10.0.1.30, groups: [{WEB}], type: lambda, requester_managed: true}}]
  addresses: [{{address: 203.0.113.7, interface: {ENI_B}}}, {{address: 203.0.113.8}}]
  nat_gateways: [{{id: nat-0aaa1234567890abc, subnet: {SUBNET}, address: 203.0.113.9, private_address: 10.0.1.5}}]
elbv2:
  load_balancers: [{{name: front, subnets: [{SUBNET}, {SUBNET_B}]}}]
  target_groups:
    - name: web
      vpc: {VPC}
      targets: [{{id: {INSTANCE}}}, {{id: {INSTANCE}, port: 8080}}, {{id: {SIBLING}}}]
      load_balancers: [front]
    - {{name: by-address, vpc: {VPC}, target_type: ip, targets: [{{id: 10.0.1.10, port: 81}}, {{id: 192.0.2.7, port: 81, az: all}}]}}
autoscaling:
  groups: [{{name: web, min: 1, instances: [{INSTANCE}, {SIBLING}], target_groups: [web], tags: {{team: web}}}}]
"""


def made(text: str = WORLD) -> Sandbox:
    world = World.parse(text)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world)
    return sandbox


def ec2_of(sandbox: Sandbox) -> Any:
    return sandbox.client("ec2", ACCOUNT, REGION)


def instance(sandbox: Sandbox, identity: str = INSTANCE) -> dict[str, Any]:
    found: dict[str, Any] = ec2_of(sandbox).describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][
        0
    ]
    return found


def groups_of(sandbox: Sandbox, interface: str) -> list[str]:
    found = ec2_of(sandbox).describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    return [group["GroupId"] for group in found["Groups"]]


def health(sandbox: Sandbox, group: str, *targets: dict[str, Any]) -> list[tuple[str, int, str]]:
    """(id, port, state) of a target group's targets, or of those that are asked for."""
    elbv2 = sandbox.client("elbv2", ACCOUNT, REGION)
    arn = elbv2.describe_target_groups(Names=[group])["TargetGroups"][0]["TargetGroupArn"]
    told = elbv2.describe_target_health(TargetGroupArn=arn, **({"Targets": list(targets)} if targets else {}))
    return [
        (one["Target"]["Id"], one["Target"]["Port"], one["TargetHealth"]["State"])
        for one in told["TargetHealthDescriptions"]
    ]


def refusal(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Code"])
