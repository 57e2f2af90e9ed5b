"""Changing one thing about an instance, a web ACL or its log changes exactly the facts that are about it."""

from datetime import timedelta
from typing import Any

import pytest
from asking import (
    ABOUT_AN_ATTACK,
    ACCOUNT,
    ATTACK,
    ATTACKED,
    FINDING,
    INSTANCE,
    INSTANCE_TARGET,
    NOW,
    REGION,
    VISITOR,
    VISITOR_TARGET,
    ask,
    built,
    changed,
    gather,
    values,
)  # fmt: skip

from agent.evidence import Standing
from agent.finding import Situation, Traffic
from tools.made import Passing
from tools.sandbox.faults import Fail, fail_calls
from tools.source import sources

N, A = f" {INSTANCE}", f" {VISITOR}"
FIRST, CARD = "ec2.instances.0", "ec2.instances.0.interfaces"
SET, ACL, GROUP = "wafv2.ip_sets.0", "wafv2.web_acls.0", "wafv2.rule_groups.0"
_NET = "vpc-0aaaaaaaaaaaaaaa1"


def card(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"eni-0aaaaaaaaaaaaaab{number}",
        "subnet": "subnet-0aaaaaaaaaaaaaaa0",
        "address": f"10.0.0.2{number}",
        "groups": ["sg-0aaaaaaaaaaaaaaa1"],
        **more,
    }


def request(**more: Any) -> dict[str, Any]:
    return {"at": "-30m", "address": "198.51.100.66", **more}


CLOSED = ["sg-0aaaaaaaaaaaaaaa2"]
LOG, SCALING = "wafv2.logs.4", "autoscaling.groups.0"
LOCKED = {"at": "-30m", "address": "198.51.100.66", "action": "block", "rule": "listed"}
CASES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("ec2_state", f"{FIRST}.tags", {"Name": "web-1", "Do-Not-Touch": ""}, {"instance.protecting_tag" + N: True}),
    ("ec2_state", f"{FIRST}.tags", {"Name": "web-1", "eks:cluster-name": "c"}, {"instance.node" + N: True}),
    ("ec2_state", f"{FIRST}.tags", {"Name": "web-1", "karpenter.sh/nodepool": "x"}, {"instance.node" + N: True}),
    ("ec2_state", f"{FIRST}.tags", {"Name": "web-1", "karpenter": "x"}, {}),
    ("ec2_state", f"{SCALING}.tags", {"kubernetes.io/cluster/c": "owned"}, {"instance.node" + N: True}),
    ("ec2_state", f"{FIRST}.spot", True, {"instance.spot" + N: True}),
    ("ec2_state", f"{FIRST}.managed", True, {"instance.managed" + N: True}),
    ("ec2_state", f"{FIRST}.profile", None, {"instance.role" + N: False, "instance.role_siblings" + N: 0}),
    ("ec2_state", "ec2.profiles.0.role", None, {"instance.role" + N: False, "instance.role_siblings" + N: 0}),
    ("ec2_state", "ec2.instances.1.profile", None, {"instance.role_siblings" + N: 0}),
    ("ec2_state", f"{CARD}.2", card(1), {"instance.interfaces" + N: 3}),
    ("ec2_state", f"{CARD}.2", card(1, managed=True),
     {"instance.interfaces" + N: 3, "instance.service_interfaces" + N: 1}),
    ("ec2_state", f"{CARD}.2", card(1, type="branch"),
     {"instance.interfaces" + N: 3, "instance.service_interfaces" + N: 1}),
    ("ec2_state", f"{CARD}.1.source_dest_check", False, {"instance.forwards" + N: True}),
    ("ec2_state", "ec2.vpcs.0.dns_servers", ["10.0.1.15"], {"instance.dns_server" + N: True}),
    ("ec2_state", "ec2.vpcs.0.dns_servers", [], {}),
    ("ec2_state", "registry.scanners", ["web-1"], {"instance.named_scanner" + N: True}),
    ("ec2_state", "registry.scanners", [INSTANCE], {"instance.scanner" + N: True}),
    ("ec2_state", "registry.scanners", ["web"], {}),
    ("ec2_state", f"{SCALING}.min", 2, {"instance.group_can_shrink" + N: False}),
    ("ec2_state", f"{SCALING}.standby", [INSTANCE], {}),
    ("ec2_state", "autoscaling.groups", [],
     {"instance.in_group" + N: False, "instance.group_can_shrink" + N: "absent: not_in_group"}),
    ("ec2_state", "elbv2.target_groups.1.targets", [{"id": "10.0.1.15"}], {"instance.target_groups" + N: 2}),
    ("ec2_state", "elbv2.target_groups.0.targets", [], {"instance.target_groups" + N: 0}),
    ("ec2_state", f"{CARD}.0.groups", CLOSED, {}),
    ("own_addresses", "ec2.addresses.1", {"address": "198.51.100.66"}, {"address.own" + A: True}),
    ("own_addresses", "ec2.nat_gateways.0.address", "198.51.100.66", {"address.own" + A: True}),
    ("own_addresses", "ec2.instances.1.interfaces.0.public_address", "198.51.100.66", {"address.own" + A: True}),
    ("own_addresses", f"{SET}.addresses", ["198.51.100.0/24"], {"address.blocked" + A: True}),
    ("own_addresses", f"{SET}.addresses", ["198.51.100.67/32"], {}),
    ("own_addresses", f"{SET}.tags", {"stanch:purpose": "allow"},
     {"address.block_sets" + A: 1, "address.blocked" + A: True, "address.set_in_use" + A: False}),
    ("own_addresses", "wafv2.ip_sets.1.tags", {"team": "web"}, {"address.block_sets" + A: 1}),
    ("own_addresses", f"{SET}.name", "stanch-v4-b", {}),
    ("own_addresses", f"{ACL}.resources", [], {"address.set_in_use" + A: False}),
    ("own_addresses", f"{ACL}.rules.0.action", "count", {"address.set_in_use" + A: False}),
    ("own_addresses", f"{GROUP}.rules.0.action", "count", {"address.set_in_use" + A: False}),
    ("own_addresses", f"{GROUP}.rules.0.nested", ["and"], {"address.set_in_use" + A: False}),
    ("own_addresses", f"{GROUP}.rules.0.nested", ["or", "not"], {"address.set_in_use" + A: False}),
    ("waf_logs", LOG, request(), {"address.web_requests" + A: 6}),
    ("waf_logs", LOG, request(address="198.51.100.68"), {}),
    ("waf_logs", LOG, request(action="block", rule="x"),
     {"address.web_requests" + A: 6, "address.web_blocked" + A: 2, "address.web_attacks" + A: 3}),
    ("waf_logs", LOG, request(action="allow", rule="partners"), {"address.web_requests" + A: 6}),
    ("waf_logs", LOG, request(headers={"X-Forwarded-For": "192.0.2.1"}),
     {"address.web_requests" + A: 6, "address.proxied" + A: True}),
    ("waf_logs", LOG, request(headers={"Via": "1.1 cdn"}), {"address.web_requests" + A: 6, "address.proxied" + A: True}),
    ("waf_logs", LOG, request(agent="via"), {"address.web_requests" + A: 6}),
    ("waf_logs", LOG, request(host="shop.example.com"), {"address.web_requests" + A: 6, "address.web_hosts" + A: 3}),
    ("waf_logs", LOG, request(count=700, uri="/wp-login.php"), {"address.web_requests" + A: 705}),
    ("waf_logs", "wafv2.logs.0.at", "-30h", {"address.web_requests" + A: 2}),
]  # fmt: skip


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, Any]]:
    return {name: values(ask(name, ATTACKED)) for name in ABOUT_AN_ATTACK}


@pytest.mark.parametrize(("source", "path", "value", "expected"), CASES)
def test_one_change_in_the_world_changes_exactly_the_facts_about_it(
    source: str, path: str, value: Any, expected: dict[str, Any], before: dict[str, dict[str, Any]]
) -> None:
    world = changed(path, value, ATTACKED)
    if path == f"{SET}.name":
        world["wafv2"]["rule_groups"][0]["rules"][0]["ip_set"] = value
    after = values(ask(source, world))
    assert {name: now for name, now in after.items() if before[source].get(name) != now} == expected
    assert after.keys() == before[source].keys()


@pytest.mark.parametrize("name", sorted(ABOUT_AN_ATTACK))
def test_none_of_this_is_asked_about_a_stolen_key(name: str) -> None:
    assert sources()[name].wanted(ATTACK)
    assert not sources()[name].wanted(FINDING)


@pytest.mark.parametrize("name", ["own_addresses", "waf_logs"])
def test_web_logs_and_block_lists_are_not_asked_about_who_only_tried_ssh(name: str) -> None:
    ssh = ATTACK.model_copy(
        update={"targets": [INSTANCE_TARGET], "traffic": Traffic(direction="inbound", local_port=22)}
    )
    assert not sources()[name].wanted(ssh)


@pytest.mark.parametrize(
    ("state", "said"),
    [("stopped", "stopped"), ("terminated", "terminated"), ("shutting-down", "shutting_down"), ("pending", "pending")],
)
def test_an_instance_that_does_not_run_is_there_in_that_state(state: str, said: str) -> None:
    world = changed(f"{FIRST}.state", state, ATTACKED)
    world["autoscaling"], world["elbv2"]["target_groups"] = {"groups": []}, []
    assert values(ask("ec2_state", world))["instance.state" + N] == said


def test_an_instance_that_is_not_there_is_known_not_to_exist_and_the_rest_is_absent() -> None:
    gone = INSTANCE_TARGET.model_copy(update={"id": "i-0ffffffffffffffff"})
    told = values(ask("ec2_state", ATTACKED, ATTACK.model_copy(update={"targets": [gone]})))
    assert told.pop(f"instance.exists {gone.id}") is False
    assert set(told.values()) == {"absent: no_instance"}


def test_a_scanner_of_the_registry_stays_one_when_it_cannot_be_read() -> None:
    sandbox, world = built(changed("registry.scanners", [INSTANCE], ATTACKED))
    sandbox.faults.before.append(fail_calls("ec2:DescribeInstances", Fail("UnauthorizedOperation", 403), 99))
    told = values(gather("ec2_state", sandbox, world))
    assert told.pop("instance.scanner" + N) is True
    assert set(told.values()) == {"failed: UnauthorizedOperation"}


def test_an_instance_is_quarantined_only_if_every_interface_is_and_the_group_is_ours_and_what_its_tag_says() -> None:
    world, made = changed(f"{CARD}.0.groups", CLOSED, ATTACKED), Passing()
    made.keep_made(f"{ACCOUNT}:{REGION}", *CLOSED)
    assert values(ask("ec2_state", world, made=made))["instance.quarantined" + N] is False
    world["ec2"]["instances"][0]["interfaces"][1]["groups"] = CLOSED
    assert values(ask("ec2_state", world, made=made))["instance.quarantined" + N] is True
    assert values(ask("ec2_state", world))["instance.quarantined" + N] is False
    world["ec2"]["groups"][1]["ingress"] = [{"protocol": "tcp", "port": 22}]
    assert values(ask("ec2_state", world, made=made))["instance.quarantined" + N] is False


def test_its_own_interfaces_and_its_role_become_targets_and_a_service_s_interface_does_not() -> None:
    answered = ask("ec2_state", changed(f"{CARD}.2", card(1, managed=True), ATTACKED))
    assert [(target.kind.value, target.id, target.owner) for target in answered.targets] == [
        ("interface", "eni-0aaaaaaaaaaaaaaa0", None),
        ("interface", "eni-0aaaaaaaaaaaaaaa1", None),
        ("instance", INSTANCE, "web-instance"),
        ("role", "web-instance", None),
    ]


@pytest.mark.parametrize(
    ("call", "facts"),
    [
        ("iam:GetInstanceProfile", {"instance.role", "instance.role_siblings"}),
        ("elbv2:DescribeTargetHealth", {"instance.target_groups"}),
        ("ec2:DescribeDhcpOptions", {"instance.dns_server"}),
        ("ec2:DescribeSecurityGroups", {"instance.quarantined"}),
        ("ec2:DescribeSnapshots", {"instance.snapshots"}),
        ("autoscaling:DescribeAutoScalingGroups", {"instance.group_can_shrink", "instance.node"}),
    ],
)
def test_one_part_that_cannot_be_read_leaves_the_others_known(call: str, facts: set[str]) -> None:
    world = changed(f"{CARD}.0.groups", CLOSED, ATTACKED)
    sandbox, parsed = built(world)
    sandbox.faults.before.append(fail_calls(call, Fail("AccessDenied", 403), 99))
    answered = gather("ec2_state", sandbox, parsed)
    assert {fact.name for fact in answered.facts if fact.standing is Standing.FAILED} == facts


@pytest.mark.parametrize("block", ["198.51.100.0/24", "198.51.100.66/32"])
def test_a_network_is_our_own_if_one_of_our_addresses_lies_in_it_or_it_in_ours(block: str) -> None:
    target = VISITOR_TARGET.model_copy(update={"id": block})
    world = changed("ec2.addresses.1", {"address": "198.51.100.66"}, ATTACKED)
    told = values(ask("own_addresses", world, ATTACK.model_copy(update={"targets": [target]})))
    assert told[f"address.own {block}"] is True


def test_an_address_that_was_seen_among_ours_is_ours_although_the_rest_could_not_be_read() -> None:
    sandbox, world = built(changed("ec2.addresses.1", {"address": "198.51.100.66"}, ATTACKED))
    sandbox.faults.before.append(fail_calls("ec2:DescribeNatGateways", Fail("AccessDenied", 403), 99))
    assert values(gather("own_addresses", sandbox, world))["address.own" + A] is True


def test_addresses_that_could_not_be_read_never_make_an_address_somebody_else_s() -> None:
    sandbox, world = built(ATTACKED)
    sandbox.faults.before.append(fail_calls("ec2:DescribeNatGateways", Fail("AccessDenied", 403), 99))
    assert values(gather("own_addresses", sandbox, world))["address.own" + A] == "failed: AccessDenied"


def test_an_ipv6_address_is_looked_for_among_ipv6_sets_and_our_interfaces() -> None:
    six = VISITOR_TARGET.model_copy(update={"id": "2001:db8:7::9/128"})
    world = changed("ec2.instances.1.interfaces.0.ipv6", ["2001:db8:7::9"], ATTACKED)
    told = values(ask("own_addresses", world, ATTACK.model_copy(update={"targets": [six]})))
    assert told == {
        f"address.own {six.id}": True,
        f"address.block_sets {six.id}": 0,
        f"address.blocked {six.id}": False,
        f"address.set_in_use {six.id}": False,
    }


def test_no_full_logs_is_absent_and_logs_elsewhere_are_failed() -> None:
    world = changed("wafv2.logs", [], ATTACKED)
    world["wafv2"]["web_acls"][0]["logging"] = None
    assert set(values(ask("waf_logs", world)).values()) == {"absent: no_waf_logs"}
    world["wafv2"]["web_acls"][0]["logging"] = "arn:aws:s3:::aws-waf-logs-shop"
    assert set(values(ask("waf_logs", world)).values()) == {"failed: not_in_cloudwatch"}


def test_a_web_acl_that_logs_elsewhere_makes_counts_failed_but_a_proxy_that_was_seen_stays_one() -> None:
    world = changed(LOG, request(headers={"Via": "1.1 cdn"}), ATTACKED)
    world["wafv2"]["web_acls"][1]["logging"] = "arn:aws:s3:::aws-waf-logs-edge"
    told = values(ask("waf_logs", world))
    assert told["address.web_requests" + A] == "failed: not_in_cloudwatch"
    assert told["address.proxied" + A] is True


def test_requests_to_cloudfront_are_read_where_its_log_is() -> None:
    world = changed("wafv2.web_acls.1.logging", "aws-waf-logs-edge", ATTACKED)
    for entry in world["wafv2"]["logs"]:
        entry["web_acl"] = "edge"
    told = values(ask("waf_logs", world))
    assert (told["address.web_requests" + A], told["address.web_hosts" + A]) == (5, 2)


def test_no_request_in_the_minutes_after_the_finding_is_not_yet() -> None:
    fresh = ATTACK.model_copy(update={"last_seen": NOW - timedelta(minutes=9)})
    assert set(values(ask("waf_logs", changed("wafv2.logs", [], ATTACKED), fresh)).values()) == {"not_yet: waf_log_lag"}


def test_what_the_finding_does_not_say_of_its_traffic_is_absent() -> None:
    silent = ATTACK.model_copy(update={"traffic": None, "situation": Situation.INSTANCE_COMPROMISE})
    assert set(values(ask("finding_traffic", ATTACKED, silent)).values()) == {"absent: not_said"}
    query = ATTACK.model_copy(update={"traffic": Traffic(direction="outbound", protocol="udp")})
    assert values(ask("finding_traffic", ATTACKED, query)) == {
        "finding.direction finding": "outbound",
        "finding.local_port finding": "absent: not_said",
        "finding.web finding": False,
        "finding.only_web finding": False,
    }
