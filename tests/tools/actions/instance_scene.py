"""One instance with everything that an instance can hang in, and a sibling that shares its role, group and target groups."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from grounds import ACCOUNT, REGION

from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.target import Target, TargetKind
from tools.action import actions
from tools.aws import Aws, Phase
from tools.made import Passing
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World

INSTANCE, SIBLING, SPOT, STOPPED = (f"i-0aa00000000000{number:03d}" for number in (1, 2, 3, 4))
FIRST, SECOND, THIRD = "eni-0aa00000000000011", "eni-0aa00000000000012", "eni-0aa00000000000013"
SIBLINGS = "eni-0aa00000000000021"
ROOT, DATA = "vol-0aa00000000000011", "vol-0aa00000000000012"
WEB, SSH, APP = "sg-0aa00000000000001", "sg-0aa00000000000002", "sg-0aa00000000000003"
CLEAN, OTHER_CLEAN = "sg-0aa000000000000aa", "sg-0aa000000000000bb"
TAGS = {"stanch-quarantine": "stanch:quarantine", "stanch-untracked-0123456789ab": "stanch:untracked"}
ROLE = "web-role"

_VPC, _OTHER_VPC = "vpc-0aa00000000000001", "vpc-0aa00000000000002"
_A, _B, _C = (f"subnet-0aa0000000000000{number}" for number in (1, 2, 3))
_MAY = '{ Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "*", Resource: "*" } ] }'
_TRUST = """{ Version: "2012-10-17", Statement: [
        { Effect: Allow, Principal: { AWS: "*", Service: ec2.amazonaws.com }, Action: "sts:AssumeRole" } ] }"""

WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
iam:
  roles:
    - {{ name: {ROLE}, trust: {_TRUST}, policies: {{ all: {_MAY} }} }}
ec2:
  vpcs: [ {{ id: {_VPC}, cidr: 10.0.0.0/16 }}, {{ id: {_OTHER_VPC}, cidr: 10.1.0.0/16 }} ]
  subnets:
    - {{ id: {_A}, vpc: {_VPC}, cidr: 10.0.1.0/24 }}
    - {{ id: {_B}, vpc: {_VPC}, cidr: 10.0.2.0/24, az: b }}
    - {{ id: {_C}, vpc: {_OTHER_VPC}, cidr: 10.1.1.0/24 }}
  groups:
    - {{ id: {WEB}, vpc: {_VPC}, name: web, ingress: [ {{ protocol: tcp, port: 443 }} ] }}
    - {{ id: {SSH}, vpc: {_VPC}, name: ssh, ingress: [ {{ protocol: tcp, port: 22, group: {WEB} }} ] }}
    - {{ id: {APP}, vpc: {_OTHER_VPC}, name: app, ingress: [ {{ protocol: tcp, port: 8080 }} ] }}
  profiles: [ {{ name: web-profile, role: {ROLE} }} ]
  instances:
    - id: {INSTANCE}
      profile: web-profile
      shutdown: terminate
      tags: {{ Name: web-1 }}
      interfaces:
        - {{ id: {FIRST}, subnet: {_A}, address: 10.0.1.11, groups: [ {WEB}, {SSH} ], public_address: 198.51.100.11 }}
        - {{ id: {SECOND}, subnet: {_B}, address: 10.0.2.11, groups: [ {SSH} ] }}
        - {{ id: {THIRD}, subnet: {_C}, address: 10.1.1.11, groups: [ {APP} ] }}
      volumes: [ {{ id: {ROOT} }}, {{ id: {DATA}, size: 20, delete_on_termination: false }} ]
    - id: {SIBLING}
      profile: web-profile
      tags: {{ Name: web-2 }}
      interfaces: [ {{ id: {SIBLINGS}, subnet: {_A}, address: 10.0.1.12, groups: [ {WEB} ] }} ]
    - id: {SPOT}
      spot: true
      tags: {{ Name: batch }}
      interfaces: [ {{ id: eni-0aa00000000000031, subnet: {_A}, address: 10.0.1.13, groups: [ {WEB} ] }} ]
      volumes: [ {{ id: vol-0aa00000000000031 }} ]
    - id: {STOPPED}
      state: stopped
      tags: {{ Name: stopped, "stanch:contained": r0 }}
      interfaces: [ {{ id: eni-0aa00000000000041, subnet: {_A}, address: 10.0.1.14, groups: [ {WEB} ] }} ]
autoscaling:
  groups: [ {{ name: web, min: 1, max: 4, instances: [ {INSTANCE}, {SIBLING} ], target_groups: [ web ] }} ]
elbv2:
  load_balancers: [ {{ name: front, subnets: [ {_A}, {_B} ] }} ]
  target_groups:
    - {{ name: web, vpc: {_VPC}, port: 443, load_balancers: [ front ], targets: [ {{ id: {INSTANCE} }}, {{ id: {SIBLING} }} ] }}
    - name: admin
      vpc: {_VPC}
      port: 80
      load_balancers: [ front ]
      targets: [ {{ id: {INSTANCE}, port: 8080 }}, {{ id: {INSTANCE}, port: 8081 }}, {{ id: {SIBLING}, port: 8080 }} ]
    - {{ name: by-address, vpc: {_VPC}, target_type: ip, load_balancers: [ front ], targets: [ {{ id: 10.0.2.11, port: 9090 }} ] }}
"""


def _regrouped(marked: str, rules: str) -> str:
    """The world with the instance's interfaces in one group for each VPC, with that name, tag and these rules."""
    groups = "".join(
        f'    - {{ id: {group}, vpc: {vpc}, name: {marked}, {rules}, tags: {{ "{TAGS[marked]}": "true" }} }}\n'
        for group, vpc in ((CLEAN, _VPC), (OTHER_CLEAN, _OTHER_VPC))
    )
    return (
        WORLD.replace(f"groups: [ {WEB}, {SSH} ]", f"groups: [ {CLEAN} ]")
        .replace(f"groups: [ {SSH} ]", f"groups: [ {CLEAN} ]")
        .replace(f"groups: [ {APP} ]", f"groups: [ {OTHER_CLEAN} ]")
        .replace("  profiles:", f"{groups}  profiles:")
    )


QUARANTINED_WORLD = _regrouped("stanch-quarantine", "egress: []")
"""The same, with every interface of the instance in quarantine already."""

TWO_IN_QUARANTINE_WORLD = "".join(line for line in QUARANTINED_WORLD.splitlines(True) if THIRD not in line)
"""With one interface fewer, in one VPC."""

LEFT_OPEN_WORLD = _regrouped("stanch-untracked-0123456789ab", "ingress: [ {}, { cidr: '::/0' } ]")
"""The same, as a run leaves it that is killed while everything is let through, whose quarantine groups are gone besides."""


def target(instance: str = INSTANCE, account: str = ACCOUNT) -> Target:
    """An instance of the scene, as the evidence has it: with the role that it works under."""
    owner = ROLE if instance in (INSTANCE, SIBLING) else None
    return Target(kind=TargetKind.INSTANCE, id=instance, account=account, region=REGION, owner=owner)


def ec2(sandbox: Sandbox) -> Any:
    """EC2 as the account's admin."""
    return sandbox.client("ec2", ACCOUNT, REGION)


def groups_of(sandbox: Sandbox, interface: str) -> list[str]:
    """The ids of an interface's groups, in AWS's order."""
    found = ec2(sandbox).describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    return [group["GroupId"] for group in found["Groups"]]


def rules_of(sandbox: Sandbox, group: str) -> list[Any]:
    """Every rule of a group."""
    filters = [{"Name": "group-id", "Values": [group]}]
    return list(ec2(sandbox).describe_security_group_rules(Filters=filters)["SecurityGroupRules"])


def reachable(sandbox: Sandbox, *interfaces: str) -> bool:
    """Whether a group of one of the interfaces has any rule."""
    return any(rules_of(sandbox, group) for one in interfaces for group in groups_of(sandbox, one))


def role_works(sandbox: Sandbox, instance: str) -> bool:
    """Whether credentials of the role whose session is named after the instance, as EC2 names it, may still call AWS."""
    answer = sandbox.client("sts", ACCOUNT, REGION).assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName=instance
    )["Credentials"]
    caller = sandbox.client(
        "s3", REGION, access_key=answer["AccessKeyId"], secret=answer["SecretAccessKey"], token=answer["SessionToken"]
    )
    try:
        caller.list_buckets()
    except ClientError:
        return False
    return True


def lifecycles(sandbox: Sandbox) -> dict[str, str]:
    """What Auto Scaling has of each instance."""
    answer = sandbox.client("autoscaling", ACCOUNT, REGION).describe_auto_scaling_instances()
    return {one["InstanceId"]: one["LifecycleState"] for one in answer["AutoScalingInstances"]}


def desired(sandbox: Sandbox) -> int:
    """The desired capacity of the group."""
    found = sandbox.client("autoscaling", ACCOUNT, REGION).describe_auto_scaling_groups()["AutoScalingGroups"][0]
    return int(found["DesiredCapacity"])


def targets(sandbox: Sandbox) -> dict[str, list[tuple[str, int]]]:
    """By target group: its targets that are registered, draining ones left out."""
    elbv2 = sandbox.client("elbv2", ACCOUNT, REGION)
    found = {}
    for group in elbv2.describe_target_groups()["TargetGroups"]:
        listed = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        there = [one["Target"] for one in listed if one["TargetHealth"]["State"] != "draining"]
        found[group["TargetGroupName"]] = sorted((one["Id"], one["Port"]) for one in there)
    return found


@cache
def _attributes() -> tuple[str, ...]:
    return ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior")


def look(sandbox: Sandbox) -> Any:
    """What the public API answers of all that an action on the instance could touch. Groups in quarantine are leftovers."""
    client, iam = ec2(sandbox), sandbox.client("iam", ACCOUNT, REGION)
    instances = [one for page in client.describe_instances()["Reservations"] for one in page["Instances"]]
    names = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    return {
        "instances": sorted(instances, key=lambda one: one["InstanceId"]),
        "attributes": {
            (one["InstanceId"], name): _attribute(client, one["InstanceId"], name)
            for one in instances
            for name in _attributes()
        },
        "interfaces": client.describe_network_interfaces()["NetworkInterfaces"],
        "groups": {
            group["GroupId"]: group
            for group in client.describe_security_groups()["SecurityGroups"]
            if not any(tag["Key"] == "stanch:quarantine" for tag in group.get("Tags", []))
        },
        "autoscaling": (lifecycles(sandbox), desired(sandbox)),
        "targets": targets(sandbox),
        "policies": {name: iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"] for name in names},
    }


def _attribute(client: Any, instance: str, name: str) -> Any:
    answer = client.describe_instance_attribute(InstanceId=instance, Attribute=name)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def knowing(*groups: str) -> Passing:
    """Somebody who made these groups."""
    made = Passing()
    for group in groups:
        made.keep_made(f"{ACCOUNT}:{REGION}", group)
    return made


@dataclass
class Work:
    """Actions at work in one world."""

    sandbox: Sandbox
    made: Passing = field(default_factory=lambda: knowing(CLEAN, OTHER_CLEAN))

    @classmethod
    def in_world(cls, text: str = WORLD) -> "Work":
        """A new world."""
        return cls(Sandbox.restore(_seeded(text)))

    def later(self) -> "Work":
        """Another process, which has nothing but the world."""
        return Work(Sandbox.restore(self.sandbox.snapshot()), deepcopy(self.made))

    def aws(self, action: str, phase: Phase) -> Aws:
        """AWS as an action sees it in a phase."""
        return Aws(
            self.sandbox.clients(), ACCOUNT, REGION, "aws", phase, actions()[action].CALLS,
            sleep=lambda seconds: None, now=self.sandbox.now, made=self.made,
        )  # fmt: skip

    def planned(self, action: str, on: Target | None = None, run_id: str = "r1") -> Change | Inapplicable:
        """What an action says of a target."""
        return actions()[action].plan(self.aws(action, Phase.PLAN), on or target(), {}, run_id)

    def plan(self, action: str, on: Target | None = None, run_id: str = "r1") -> Change:
        """A change, as it comes back from a store."""
        planned = self.planned(action, on, run_id)
        assert isinstance(planned, Change), planned
        return Change.model_validate_json(planned.model_dump_json())

    def execute(self, change: Change) -> Executed | Drifted:
        """Execute it."""
        return actions()[change.action].execute(self.aws(change.action, Phase.EXECUTE), change)

    def done(self, change: Change) -> Executed:
        """Execute it where nothing is in the way."""
        done = self.execute(change)
        assert isinstance(done, Executed), done
        return done

    def deaths(self, change: Change) -> Iterator["Work"]:
        """What another process finds if this one dies during the execution: a world for each write, as it was after it."""
        worlds: list[tuple[bytes, Passing]] = []
        self.sandbox.faults.on_write(lambda: worlds.append((self.sandbox.snapshot(), deepcopy(self.made))))
        done = self.done(change)
        assert len(worlds) >= len(done.calls) > 0
        return (Work(Sandbox.restore(world), made) for world, made in worlds)

    def verify(self, change: Change) -> Verification:
        """Read it back."""
        return actions()[change.action].verify(self.aws(change.action, Phase.VERIFY), change)

    def undo(self, change: Change) -> Executed | Drifted:
        """Take it back."""
        return actions()[change.action].undo(self.aws(change.action, Phase.UNDO), change)


@cache
def _seeded(text: str) -> bytes:
    world = World.parse(text)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world)
    return sandbox.snapshot()
