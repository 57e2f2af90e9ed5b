"""An isolated instance as everybody else sees it: the AWS in one process, Stanch in another, the plain AWS CLI in a third."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.lambdas.deployment import Deployment, sandbox
from tests.lambdas.runtime import REGION, ROOT, Service, plain_environment

WORLD = ROOT / "tests" / "processes" / "world_instance.yaml"
EVENT = ROOT / "tests" / "data" / "events" / "guardduty_c2_asff.json"
INSTANCE, SIBLING, WEB = "i-0abc1234def567890", "i-0abc1234def567891", "sg-0aaa1111bbb22221a"
FIRST, SECOND, SIBLINGS = "eni-0aaa1111bbb22223a", "eni-0aaa1111bbb22224a", "eni-0aaa1111bbb22226a"
UNDONE_BY_NOBODY = {"snapshots"}
"""Copies of the disks stay."""


def look(at: Deployment) -> dict[str, Any]:
    """What the AWS CLI answers about everything that the response writes."""
    ec2 = at.aws("ec2", "describe-network-interfaces")["NetworkInterfaces"]
    (group,) = at.aws("elbv2", "describe-target-groups")["TargetGroups"]
    targets = at.aws("elbv2", "describe-target-health", "--target-group-arn", group["TargetGroupArn"])
    scaling = at.aws("autoscaling", "describe-auto-scaling-instances")["AutoScalingInstances"]
    shield = ("ec2", "describe-instance-attribute", "--instance-id", INSTANCE, "--attribute", "disableApiTermination")
    tags = at.aws("ec2", "describe-tags", "--filters", f"Name=resource-id,Values={INSTANCE}")["Tags"]
    return {
        "groups": {one["NetworkInterfaceId"]: [g["GroupId"] for g in one["Groups"]] for one in ec2},
        "health": {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in targets["TargetHealthDescriptions"]},
        "members": {one["InstanceId"]: one["LifecycleState"] for one in scaling},
        "shielded": at.aws(*shield)["DisableApiTermination"]["Value"],
        "policies": at.aws("iam", "list-role-policies", "--role-name", "web-instance")["PolicyNames"],
        "tags": sorted(tag["Key"] for tag in tags),
        "snapshots": len(at.aws("ec2", "describe-snapshots", "--owner-ids", "self")["Snapshots"]),
    }


def rules(at: Deployment, group: str) -> list[Any]:
    found = at.aws("ec2", "describe-security-group-rules", "--filters", f"Name=group-id,Values={group}")
    return list(found["SecurityGroupRules"])


def test_the_cli_sees_the_instance_cut_off_its_sibling_serving_and_everything_back_after_undo(tmp_path: Path) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(sandbox(tmp_path, "--world", str(WORLD), "--event", str(EVENT)))
        home = tmp_path / "stanch"
        environment = plain_environment() | served | {"STANCH_HOME": str(home), "AWS_DEFAULT_REGION": REGION}
        at = Deployment(home, environment, Service({}), "", "", stack, tmp_path)
        before = look(at)
        assert before["health"] == {INSTANCE: before["health"][SIBLING], SIBLING: before["health"][SIBLING]}
        (asked,) = json.loads(at.stanch("run", str(EVENT), "--mode", "approve", "--json"))
        assert asked["status"] == "awaiting_approval", asked["reason"]
        (done,) = json.loads(at.stanch("approvals", "approve", asked["run_id"], "--by", "dana", "--json"))
        assert done["status"] == "contained", done["reason"]
        after = look(at)
        ((quarantine,), second) = (after["groups"][FIRST], after["groups"][SECOND])
        assert (second, rules(at, quarantine)) == ([quarantine], [])
        assert (after["groups"][SIBLINGS], after["health"].get(SIBLING)) == ([WEB], before["health"][SIBLING])
        assert after["health"].get(INSTANCE, "draining") == "draining"
        assert after["members"] == {INSTANCE: "Standby", SIBLING: "InService"}
        assert (after["shielded"], after["snapshots"], len(after["policies"])) == (True, 2, 2)
        at.stanch("undo", asked["run_id"], "--by", "dana")
        assert {name for name, value in look(at).items() if value != before[name]} == UNDONE_BY_NOBODY
