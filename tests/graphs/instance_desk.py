"""Worlds for the desk: an instance that hangs in everything, with a sibling; and a web endpoint that is attacked."""

from typing import Any

from botocore.exceptions import ClientError
from desk import ACCOUNT, REGION, Desk

from tools.sandbox.engine import instance_credentials

INSTANCE, SIBLING, STRANGER = "i-0abc1234def567890", "i-0abc1234def567891", "i-0abc1234def567892"
FIRST, SECOND, THIRD = "eni-0aaa1111bbb22223a", "eni-0aaa1111bbb22224a", "eni-0aaa1111bbb22225a"
SIBLINGS, STRANGERS = "eni-0aaa1111bbb22226a", "eni-0aaa1111bbb22227a"
WEB, BACKPLANE = "sg-0aaa1111bbb22221a", "sg-0aaa1111bbb22222b"
ROLE, PEER = "web-instance", "203.0.113.77"
SCALING, SERVING = "autoscaling.groups", "elbv2.target_groups"

_VPC, _A, _B = "vpc-0aaa1111bbb22222c", "subnet-0aaa1111bbb22221a", "subnet-0aaa1111bbb22222b"
_MAY = '{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]}'
_CARDS = f"""
        - {{id: {FIRST}, subnet: {_A}, address: 10.0.1.15, groups: [{WEB}], public_address: 198.51.100.200}}
        - {{id: {SECOND}, subnet: {_B}, address: 10.0.2.15, groups: [{BACKPLANE}]}}
        - {{id: {THIRD}, subnet: {_B}, address: 10.0.2.16, groups: [{BACKPLANE}, {WEB}]}}"""

INSTANCE_WORLD = f"""
now: 2026-11-20T10:30:00Z
account: {ACCOUNT}
region: {REGION}
registry:
  accounts: {{'{ACCOUNT}': {{role: workload, environment: dev}}}}
  people: {{rosa: [owner], ivo: [incident-commander]}}
iam:
  roles: [{{name: {ROLE}, policies: {{work: {_MAY}}}}}]
ec2:
  vpcs: [{{id: {_VPC}}}]
  subnets: [{{id: {_A}, vpc: {_VPC}, cidr: 10.0.1.0/24}}, {{id: {_B}, vpc: {_VPC}, cidr: 10.0.2.0/24, az: b}}]
  groups:
    - {{id: {WEB}, vpc: {_VPC}, name: web, ingress: [{{protocol: tcp, port: 443}}]}}
    - {{id: {BACKPLANE}, vpc: {_VPC}, name: backplane, ingress: [{{group: {WEB}}}]}}
  profiles: [{{name: web-instance, role: {ROLE}}}]
  instances:
    - id: {INSTANCE}
      profile: web-instance
      tags: {{Name: web-1}}
      shutdown: terminate
      volumes: [{{id: vol-0aaa1111bbb22221a}}, {{id: vol-0aaa1111bbb22222a, size: 50, delete_on_termination: false}}]
      interfaces:{_CARDS}
    - id: {SIBLING}
      profile: web-instance
      tags: {{Name: web-2}}
      interfaces: [{{id: {SIBLINGS}, subnet: {_A}, address: 10.0.1.16, groups: [{WEB}]}}]
    - id: {STRANGER}
      interfaces: [{{id: {STRANGERS}, subnet: {_A}, address: 10.0.1.17, groups: [{WEB}]}}]
autoscaling:
  groups: [{{name: web, min: 1, max: 4, instances: [{INSTANCE}, {SIBLING}], target_groups: [web]}}]
elbv2:
  load_balancers: [{{name: front, subnets: [{_A}, {_B}]}}]
  target_groups:
    - {{name: web, vpc: {_VPC}, port: 443, load_balancers: [front], targets: [{{id: {INSTANCE}}}, {{id: {SIBLING}}}]}}
flow_logs:
  - group: /vpc/flow
    vpc: {_VPC}
    interface: {FIRST}
    records: [{{at: -45m, src: 10.0.1.15, dst: {PEER}, dstport: 443, count: 5}}]
"""

ATTACKER, PARTNER = "192.0.2.66", "192.0.2.200"
WEB_WORLD = f"""
now: 2026-11-20T10:30:00Z
account: {ACCOUNT}
region: {REGION}
registry:
  accounts: {{'{ACCOUNT}': {{role: workload, environment: dev}}}}
  people: {{rosa: [owner], ivo: [incident-commander]}}
ec2:
  vpcs: [{{id: {_VPC}}}]
  subnets: [{{id: {_A}, vpc: {_VPC}, cidr: 10.0.1.0/24}}, {{id: {_B}, vpc: {_VPC}, cidr: 10.0.2.0/24, az: b}}]
  groups: [{{id: {WEB}, vpc: {_VPC}, name: web}}, {{id: {BACKPLANE}, vpc: {_VPC}, name: backplane}}]
  instances: [{{id: {INSTANCE}, interfaces: [{{id: {FIRST}, subnet: {_A}, address: 10.0.1.15}}]}}]
elbv2:
  load_balancers: [{{name: front, subnets: [{_A}, {_B}]}}]
wafv2:
  ip_sets:
    - {{name: quay, scope: REGIONAL, addresses: [{PARTNER}/32], description: Ours., tags: {{"stanch:purpose": block}}}}
    - {{name: edge, scope: CLOUDFRONT, addresses: [], tags: {{"stanch:purpose": block}}}}
  web_acls:
    - name: web
      scope: REGIONAL
      resources: [front]
      logging: aws-waf-logs-web
      rules: [{{name: blocked, ip_set: quay}}, {{name: sqli}}]
    - {{name: edge, scope: CLOUDFRONT, resources: [EDGE1], rules: [{{name: blocked, ip_set: edge}}]}}
  logs: [{{at: -50m, address: {ATTACKER}, web_acl: web, action: block, rule: sqli, count: 4}}]
"""


def blocked(at: Desk) -> dict[str, list[str]]:
    """The entries of each IP set, as the API answers them."""
    found = {}
    for scope, region in (("REGIONAL", REGION), ("CLOUDFRONT", "us-east-1")):
        client = at.sandbox.client("wafv2", ACCOUNT, region)
        for one in client.list_ip_sets(Scope=scope)["IPSets"]:
            held = client.get_ip_set(Name=one["Name"], Scope=scope, Id=one["Id"])["IPSet"]
            found[one["Name"]] = sorted(held["Addresses"])
    return found


def groups(at: Desk) -> dict[str, list[str]]:
    """By interface: the ids of its groups."""
    listed = at.sandbox.client("ec2", ACCOUNT, REGION).describe_network_interfaces()["NetworkInterfaces"]
    return {one["NetworkInterfaceId"]: [group["GroupId"] for group in one["Groups"]] for one in listed}


def rules(at: Desk, group: str) -> list[Any]:
    """Every rule of a group, in both directions."""
    filters = [{"Name": "group-id", "Values": [group]}]
    answer = at.sandbox.client("ec2", ACCOUNT, REGION).describe_security_group_rules(Filters=filters)
    return list(answer["SecurityGroupRules"])


def health(at: Desk) -> dict[str, str]:
    """By target of any target group: the state that the load balancer has of it."""
    client = at.sandbox.client("elbv2", ACCOUNT, REGION)
    found = {}
    for group in client.describe_target_groups()["TargetGroups"]:
        listed = client.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        found |= {f"{one['Target']['Id']}:{one['Target']['Port']}": one["TargetHealth"]["State"] for one in listed}
    return found


def acts_as_role(at: Desk, instance: str) -> bool:
    """Whether what runs on the instance may still use the instance's role."""
    clients = at.sandbox.clients(instance_credentials(at.sandbox, ACCOUNT, ROLE, instance))
    try:
        clients.client("s3", ACCOUNT, REGION).list_buckets()
    except ClientError:
        return False
    return True
