"""What a rule does with the addresses of a set, wherever in a web ACL the set is referred to."""

from typing import Any

import pytest

from agent.web_acl import Effect, GroupUse, group_uses, set_uses

ARN = "arn:aws:wafv2:us-east-1:111122223333:regional/ipset/ours/1"
GROUP = "arn:aws:wafv2:us-east-1:111122223333:regional/rulegroup/theirs/1"
SET: dict[str, Any] = {"IPSetReferenceStatement": {"ARN": ARN}}
OTHER: dict[str, Any] = {"GeoMatchStatement": {"CountryCodes": ["NO"]}}


def rule(statement: Any, action: str = "Block", priority: int = 0, name: str = "r") -> dict[str, Any]:
    return {"Name": name, "Priority": priority, "Statement": statement, "Action": {action: {}}}


def both(*inner: Any) -> dict[str, Any]:
    return {"AndStatement": {"Statements": list(inner)}}


def either(*inner: Any) -> dict[str, Any]:
    return {"OrStatement": {"Statements": list(inner)}}


def but(inner: Any) -> dict[str, Any]:
    return {"NotStatement": {"Statement": inner}}


RATE = {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP", "ScopeDownStatement": SET}}
MANAGED = {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "x", "ScopeDownStatement": but(SET)}}


@pytest.mark.parametrize(
    ("effect", "action", "statement"),
    [
        ("blocks", "Block", SET),
        ("blocks", "Block", both(SET)),
        ("blocks", "Block", either(OTHER, SET)),
        ("blocks", "Block", either(both(OTHER, OTHER), SET)),
        ("blocks", "Block", but(but(SET))),
        ("blocks", "Block", but(both(but(SET), OTHER))),
        ("in_part", "Block", both(OTHER, SET)),
        ("in_part", "Block", both(SET, but(OTHER))),
        ("in_part", "Block", both(OTHER, either(OTHER, SET))),
        ("in_part", "Block", either(OTHER, both(SET, OTHER))),
        ("in_part", "Block", both(both(SET), OTHER)),
        ("in_part", "Block", but(but(both(SET, OTHER)))),
        ("in_part", "Block", but(either(but(SET), OTHER))),
        ("spares", "Block", but(SET)),
        ("spares", "Block", both(OTHER, but(either(SET, OTHER)))),
        ("spares", "Allow", SET),
        ("spares", "Allow", both(OTHER, SET)),
        ("neither", "Allow", but(SET)),
        ("neither", "Count", SET),
        ("neither", "Captcha", SET),
        ("neither", "Count", both(OTHER, SET)),
        ("neither", "Block", RATE),
        ("neither", "Block", both(OTHER, RATE)),
        ("neither", "Block", MANAGED),
    ],
)
def test_being_in_a_set_means_this_to_a_rule(effect: str, action: str, statement: Any) -> None:
    [use] = set_uses([rule(statement, action)])
    assert (use.arn, use.effect) == (ARN, effect)


def test_a_rule_about_something_else_uses_no_set() -> None:
    assert set_uses([rule(OTHER), rule(both(OTHER, OTHER))]) == []


@pytest.mark.parametrize(
    "rules", [None, [], "rules", [None], [{}], [rule(None)], [rule("x")], [rule({"AndStatement": None})]]
)
def test_what_is_no_rule_uses_no_set(rules: Any) -> None:
    assert set_uses(rules) == []


def test_rules_count_in_the_order_of_their_priority() -> None:
    blocked = rule(SET, priority=5, name="block")
    assert [use.behind_allow for use in set_uses([blocked, rule(OTHER, "Allow", priority=1)])] == [True]
    assert [use.behind_allow for use in set_uses([blocked, rule(OTHER, "Allow", priority=9)])] == [False]


def test_a_header_that_the_address_is_taken_from_is_named() -> None:
    reference = {"ARN": ARN, "IPSetForwardedIPConfig": {"HeaderName": "X-Forwarded-For", "Position": "FIRST"}}
    [use] = set_uses([rule({"IPSetReferenceStatement": reference})])
    assert use.header == "X-Forwarded-For"


def grouped(override: str = "None", **more: Any) -> dict[str, Any]:
    reference = {"RuleGroupReferenceStatement": {"ARN": GROUP, **more}}
    return {"Name": "g", "Priority": 3, "Statement": reference, "OverrideAction": {override: {}}}


@pytest.mark.parametrize(
    ("effect", "group"),
    [
        ("blocks", grouped()),
        ("neither", grouped("Count")),
        ("neither", grouped(ExcludedRules=[{"Name": "r"}])),
        ("blocks", grouped(ExcludedRules=[{"Name": "another"}])),
        ("neither", grouped(RuleActionOverrides=[{"Name": "r", "ActionToUse": {"Count": {}}}])),
        ("spares", grouped(RuleActionOverrides=[{"Name": "r", "ActionToUse": {"Allow": {}}}])),
    ],
)
def test_a_web_acl_may_take_the_teeth_out_of_a_rule_group(effect: str, group: Any) -> None:
    [use] = group_uses({"Rules": [group]})
    assert use.arn == GROUP
    assert [found.effect for found in set_uses([rule(SET)], use)] == [effect]


def test_a_rule_group_blocks_in_part_what_its_rule_blocks_in_part() -> None:
    [use] = group_uses({"Rules": [grouped()]})
    [found] = set_uses([rule(both(SET, OTHER))], use)
    assert found.effect is Effect.IN_PART


def test_a_count_rule_that_a_web_acl_makes_a_block_rule_blocks() -> None:
    [use] = group_uses({"Rules": [grouped(RuleActionOverrides=[{"Name": "r", "ActionToUse": {"Block": {}}}])]})
    assert [found.effect for found in set_uses([rule(SET, "Count")], use)] == [Effect.BLOCKS]


def test_firewall_manager_s_groups_come_before_and_after() -> None:
    managed = {
        "Name": "f",
        "Priority": 0,
        "FirewallManagerStatement": grouped()["Statement"],
        "OverrideAction": {"None": {}},
    }
    found = group_uses(
        {
            "PreProcessFirewallManagerRuleGroups": [managed],
            "Rules": [rule(OTHER, "Allow")],
            "PostProcessFirewallManagerRuleGroups": [managed],
        }
    )
    assert [use.behind_allow for use in found] == [False, True]
    assert found[0] == GroupUse(arn=GROUP, counted=False, overrides={}, behind_allow=False)
