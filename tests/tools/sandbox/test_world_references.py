"""What one thing of a world says about another must be there, and an error names the place."""

import pytest
from ec2_scene import ADMIN, ENI, FOREIGN, INSTANCE, SIBLING, SUBNET, VPC, WORLD

from tools.sandbox.world import World, WorldError

GONE = "0123456789abcdef0"
WAF = "wafv2: {ip_sets: [{name: set}], web_acls: [{name: front, %s}]}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WORLD.replace(f"id: {SUBNET}, vpc: {VPC}", f"id: {SUBNET}, vpc: vpc-{GONE}"), "ec2.subnets[0].vpc: no VPC"),
        (WORLD.replace(f"{ADMIN}, vpc: {VPC}", f"{ADMIN}, vpc: vpc-{GONE}"), "ec2.groups[1].vpc: no VPC"),
        (WORLD.replace(f"group: {ADMIN}", f"group: sg-{GONE}"), "ec2.groups[0].ingress[1].group: no group"),
        (
            WORLD.replace(f"{ENI}, subnet: {SUBNET}", f"{ENI}, subnet: subnet-{GONE}"),
            "ec2.instances[0].interfaces[0].subnet: no subnet",
        ),
        (
            WORLD.replace("address: 10.0.1.10", "address: 10.0.9.10"),
            "ec2.instances[0].interfaces[0].address: 10.0.9.10 is not in 10.0.1.0/24",
        ),
        (
            WORLD.replace("10.0.1.12}", f"10.0.1.12, groups: [{FOREIGN}]}}"),
            "ec2.instances[2].interfaces[0].groups[0]: no group of this world in",
        ),
        (
            WORLD.replace("eni-0bbb1234567890abc", ENI),
            "ec2.instances[1].interfaces[0].id: there are two of it",
        ),
        (WORLD.replace("profile: web", "profile: nobody"), "ec2.instances[0].profile: no profile"),
        (WORLD.replace("role: web", "role: nobody"), "ec2.profiles[0].role: no role nobody in this world"),
        (
            WORLD.replace("203.0.113.8", f"203.0.113.8, interface: eni-{GONE}"),
            "ec2.addresses[1].interface: no interface",
        ),
        (
            WORLD.replace(f"nat-0aaa1234567890abc, subnet: {SUBNET}", f"nat-0aaa1234567890abc, subnet: subnet-{GONE}"),
            "ec2.nat_gateways[0].subnet: no subnet",
        ),
        (
            WORLD.replace("spot: true", "spot: true, termination_protection: true"),
            "ec2.instances[2].termination_protect",
        ),
        (
            WORLD.replace(f"instances: [{INSTANCE}, {SIBLING}]", f"instances: [i-{GONE}]"),
            f"autoscaling.groups[0].instances: no instance i-{GONE}",
        ),
        (
            WORLD.replace("target_groups: [web]", "target_groups: [gone]"),
            "autoscaling.groups[0].target_groups: no target",
        ),
        (WORLD.replace("min: 1", "min: 3"), "autoscaling.groups[0].desired: 2 is not between"),
        (WORLD.replace("min: 1", f"standby: [i-{GONE}]"), "autoscaling.groups[0].standby[0]: not one of its instances"),
        (WORLD.replace(f"{{id: {SIBLING}}}]", f"{{id: i-{GONE}}}]"), "elbv2.target_groups[0].targets: no instance"),
        (
            WORLD.replace("load_balancers: [front]", "load_balancers: [gone]"),
            "elbv2.target_groups[0].load_balancers: no",
        ),
        (WORLD + WAF % "resources: [gone]", "wafv2.web_acls[0].resources: no load balancer gone"),
        (WORLD + WAF % "rules: [{name: r, ip_set: gone}]", "wafv2.web_acls[0].rules[0].ip_set: no IP set"),
        (
            WORLD + WAF % "scope: CLOUDFRONT, rules: [{name: r, ip_set: set}]",
            "wafv2.web_acls[0].rules[0].ip_set: no IP",
        ),
        (WORLD + WAF % "rules: [{name: r, rule_group: gone}]", "wafv2.web_acls[0].rules[0].rule_group: no rule group"),
        (WORLD + WAF % "logging: somewhere", "wafv2.web_acls[0].logging: String should match"),
        (
            WORLD + "wafv2: {ip_sets: [{name: set, addresses: [0.0.0.0/0]}]}",
            "wafv2.ip_sets[0].addresses[0]: not a network",
        ),
        (
            WORLD + "wafv2: {ip_sets: [{name: set, version: IPV6, addresses: [10.0.0.0/8]}]}",
            "wafv2.ip_sets[0].addresses",
        ),
        (WORLD + "wafv2: {logs: [{at: -20m, address: 198.51.100.7}]}", "wafv2.logs[0].web_acl: not a web ACL"),
    ],
)
def test_what_a_world_names_is_in_it(text: str, line: str) -> None:
    assert text != WORLD
    with pytest.raises(WorldError) as caught:
        World.parse(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_an_error_in_a_further_account_names_the_account_too() -> None:
    section = "{account: 444455556666, elbv2: {load_balancers: [{name: front, subnets: [subnet-0123456789abcdef0]}]}}"
    with pytest.raises(WorldError) as caught:
        World.parse(f"now: 2026-03-01T12:00:00Z\naccounts: [{section}]")
    assert str(caught.value).startswith("accounts[0].elbv2.load_balancers[0].subnets: no subnet")
