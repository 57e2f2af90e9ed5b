"""WAF in the sandbox: seeded as the world says, and refusing what AWS refuses."""

import json
from typing import Any

import pytest
from ec2_scene import ACCOUNT, REGION, WORLD, made, refusal

from tools.sandbox.engine import Sandbox

WAF = (
    WORLD
    + """
wafv2:
  ip_sets:
    - {name: block-v4, addresses: [192.0.2.0/24], description: ours, tags: {"stanch:purpose": block}}
    - {name: block-v6, version: IPV6, tags: {"stanch:purpose": block}}
    - {name: unused}
    - {name: block-v4, scope: CLOUDFRONT, tags: {"stanch:purpose": block}}
  rule_groups: [{name: shared, rules: [{name: known, ip_set: block-v6}]}]
  web_acls:
    - name: front
      rules:
        - {name: blocked, ip_set: block-v4, nested: [not, or]}
        - {name: behind, ip_set: block-v4, forwarded: X-Forwarded-For, action: count}
        - {name: shared, rule_group: shared}
        - {name: sqli, action: count}
      resources: [front]
      logging: aws-waf-logs-front
    - {name: cdn, scope: CLOUDFRONT, rules: [{name: blocked, ip_set: block-v4}], resources: [E2EXAMPLE1ABC], logging: aws-waf-logs-cdn}
    - {name: elsewhere, logging: "arn:aws:s3:::aws-waf-logs-elsewhere"}
  logs:
    - {at: -20m, address: 198.51.100.7, web_acl: front, action: count, rule: sqli, uri: /login, count: 5}
    - {at: -25m, address: 198.51.100.7, web_acl: front, action: block, rule: blocked, headers: {X-Forwarded-For: 203.0.113.7}}
    - {at: -30m, address: "2001:db8::7", web_acl: front}
    - {at: -30m, address: 198.51.100.8, web_acl: cdn, host: shop.example.com, raw: {action: CAPTCHA}}
"""
)


def waf(sandbox: Sandbox, region: str = REGION) -> Any:
    return sandbox.client("wafv2", ACCOUNT, region)


def front(scope: str) -> str:
    """Where a client for that scope is."""
    return "us-east-1" if scope == "CLOUDFRONT" else REGION


def summary(sandbox: Sandbox, name: str, scope: str = "REGIONAL") -> dict[str, str]:
    """An IP set as calls name it: Name, Id, Scope."""
    listed = waf(sandbox, front(scope)).list_ip_sets(Scope=scope)["IPSets"]
    return {"Name": name, "Id": next(one["Id"] for one in listed if one["Name"] == name), "Scope": scope}


def acls(sandbox: Sandbox, scope: str = "REGIONAL") -> dict[str, str]:
    """Names of web ACLs with their ARNs."""
    return {one["Name"]: one["ARN"] for one in waf(sandbox, front(scope)).list_web_acls(Scope=scope)["WebACLs"]}


def queried(sandbox: Sandbox, group: str, query: str, region: str = REGION) -> list[dict[str, str]]:
    logs, now = sandbox.client("logs", ACCOUNT, region), int(sandbox.now().timestamp())
    started = logs.start_query(logGroupName=group, startTime=now - 7200, endTime=now, queryString=query)
    for _ in range(3):
        answer = logs.get_query_results(queryId=started["queryId"])
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


@pytest.mark.parametrize("scope", ["REGIONAL", "CLOUDFRONT"])
def test_a_set_has_what_the_world_says_and_its_tags(scope: str) -> None:
    sandbox = made(WAF)
    client = waf(sandbox, front(scope))
    told = client.get_ip_set(**summary(sandbox, "block-v4", scope))["IPSet"]
    regional = scope == "REGIONAL"
    assert (told["Addresses"], told["Description"] if regional else "") == (
        ["192.0.2.0/24"] if regional else [],
        "ours" if regional else "",
    )
    tags = client.list_tags_for_resource(ResourceARN=told["ARN"])["TagInfoForResource"]["TagList"]
    assert tags == [{"Key": "stanch:purpose", "Value": "block"}]


def test_a_web_acl_has_its_rules_around_the_sets_that_they_name() -> None:
    sandbox = made(WAF)
    arn = acls(sandbox)["front"]
    rules = waf(sandbox).get_web_acl(ARN=arn)["WebACL"]["Rules"]
    set_arn = waf(sandbox).get_ip_set(**summary(sandbox, "block-v4"))["IPSet"]["ARN"]
    inner = rules[0]["Statement"]["OrStatement"]["Statements"][0]["NotStatement"]["Statement"]
    assert inner == {"IPSetReferenceStatement": {"ARN": set_arn}}
    assert rules[1]["Statement"]["IPSetReferenceStatement"]["IPSetForwardedIPConfig"]["HeaderName"] == "X-Forwarded-For"
    assert [next(iter(rule.get("Action") or rule["OverrideAction"])) for rule in rules] == [
        "Block",
        "Count",
        "None",
        "Count",
    ]
    group = waf(sandbox).get_rule_group(ARN=rules[2]["Statement"]["RuleGroupReferenceStatement"]["ARN"])["RuleGroup"]
    assert [rule["Name"] for rule in group["Rules"]] == ["known"]


def test_a_web_acl_says_what_it_stands_in_front_of() -> None:
    sandbox = made(WAF)
    regional, cdn = acls(sandbox), acls(sandbox, "CLOUDFRONT")
    balancer = sandbox.client("elbv2", ACCOUNT, REGION).describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    for kind, expected in (({}, [balancer]), ({"ResourceType": "API_GATEWAY"}, [])):
        told = waf(sandbox).list_resources_for_web_acl(WebACLArn=regional["front"], **kind)
        assert told["ResourceArns"] == expected
    assert waf(sandbox).list_resources_for_web_acl(WebACLArn=regional["elsewhere"])["ResourceArns"] == []
    gone = {"WebACLArn": regional["front"] + "0"}
    assert refusal(waf(sandbox).list_resources_for_web_acl, **gone) == "WAFNonexistentItemException"
    cloudfront = sandbox.client("cloudfront", ACCOUNT, "us-east-1")
    for arn, expected in ((cdn["cdn"], ["E2EXAMPLE1ABC"]), (regional["front"], [])):
        listed = cloudfront.list_distributions_by_web_acl_id(WebACLId=arn)["DistributionList"]
        assert [one["Id"] for one in listed.get("Items", [])] == expected


def test_logging_configurations_are_listed_by_scope_and_got_by_acl() -> None:
    sandbox = made(WAF)
    told = {}
    for scope in ("REGIONAL", "CLOUDFRONT"):
        client = waf(sandbox, front(scope))
        pages = client.list_logging_configurations(Scope=scope, Limit=1)
        listed = pages["LoggingConfigurations"]
        while pages.get("NextMarker"):
            pages = client.list_logging_configurations(Scope=scope, Limit=1, NextMarker=pages["NextMarker"])
            listed += pages["LoggingConfigurations"]
        told[scope] = sorted(one["LogDestinationConfigs"][0] for one in listed)
        for one in listed:
            got = client.get_logging_configuration(ResourceArn=one["ResourceArn"])["LoggingConfiguration"]
            assert got == one
    assert told == {
        "REGIONAL": [
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:aws-waf-logs-front",
            "arn:aws:s3:::aws-waf-logs-elsewhere",
        ],
        "CLOUDFRONT": [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:aws-waf-logs-cdn"],
    }


def test_logs_can_be_asked_who_sent_what_and_what_became_of_it() -> None:
    sandbox = made(WAF)
    counted = queried(
        sandbox,
        "aws-waf-logs-front",
        "stats count(*) as requests by httpRequest.clientIp, action, nonTerminatingMatchingRules.0.ruleId as rule"
        " | sort requests desc",
    )
    assert [(row["httpRequest.clientIp"], row["action"], row["requests"]) for row in counted] == [
        ("198.51.100.7", "ALLOW", "5"),
        ("198.51.100.7", "BLOCK", "1"),
        ("2001:db8::7", "ALLOW", "1"),
    ]
    blocked = queried(sandbox, "aws-waf-logs-front", "filter action = 'BLOCK' | fields terminatingRuleId, @message")
    headers = json.loads(blocked[0]["@message"])["httpRequest"]["headers"]
    assert blocked[0]["terminatingRuleId"] == "blocked"
    assert {one["name"]: one["value"] for one in headers}["X-Forwarded-For"] == "203.0.113.7"
    cdn = queried(sandbox, "aws-waf-logs-cdn", "fields httpSourceId, httpSourceName, action", "us-east-1")
    assert [(row["httpSourceId"], row["httpSourceName"], row["action"]) for row in cdn] == [
        ("E2EXAMPLE1ABC", "CF", "CAPTCHA")
    ]


@pytest.mark.parametrize(
    ("version", "address"),
    [
        ("IPV4", "10.0.0.5"),
        ("IPV4", "0.0.0.0/0"),
        ("IPV4", "2001:db8::/48"),
        ("IPV4", "198.51.100.300/32"),
        ("IPV4", "example.com/32"),
        ("IPV6", "::/0"),
        ("IPV6", "198.51.100.7/32"),
        ("IPV6", "fe80::1%eth0/128"),
    ],
)
def test_what_is_no_network_of_the_version_is_refused(version: str, address: str) -> None:
    sandbox = made(WAF)
    client = waf(sandbox)
    new = {"Scope": "REGIONAL", "IPAddressVersion": version}
    assert refusal(client.create_ip_set, Name="new", Addresses=[address], **new) == "WAFInvalidParameterException"
    which = summary(sandbox, "block-v4" if version == "IPV4" else "block-v6")
    before = client.get_ip_set(**which)
    changed = {"Addresses": [address], "LockToken": before["LockToken"]}
    assert refusal(client.update_ip_set, **which, **changed) == "WAFInvalidParameterException"
    assert client.get_ip_set(**which)["IPSet"] == before["IPSet"]


def test_an_update_needs_the_present_token_and_replaces_the_description_too() -> None:
    sandbox = made(WAF)
    client, which = waf(sandbox), summary(sandbox, "block-v4")
    token = client.get_ip_set(**which)["LockToken"]
    client.update_ip_set(**which, Addresses=["198.51.100.7/32"], LockToken=token)
    assert refusal(client.update_ip_set, **which, Addresses=[], LockToken=token) == "WAFOptimisticLockException"
    told = client.get_ip_set(**which)["IPSet"]
    assert (told["Addresses"], told.get("Description", "")) == (["198.51.100.7/32"], "")


def test_a_set_takes_no_more_than_ten_thousand_networks() -> None:
    many = [f"198.{first}.{second}.0/24" for first in range(40) for second in range(251)]
    new = {"Name": "many", "Scope": "REGIONAL", "IPAddressVersion": "IPV4"}
    assert refusal(waf(made(WAF)).create_ip_set, Addresses=many, **new) == "WAFLimitsExceededException"


def test_names_are_taken_once_in_a_scope() -> None:
    client = waf(made(WAF))
    new = {"Name": "block-v4", "IPAddressVersion": "IPV6", "Addresses": []}
    assert refusal(client.create_ip_set, Scope="REGIONAL", **new) == "WAFDuplicateItemException"


@pytest.mark.parametrize("operation", ["list_ip_sets", "list_web_acls", "list_logging_configurations"])
def test_the_cloudfront_scope_is_in_us_east_1_only(operation: str) -> None:
    sandbox = made(WAF)
    assert refusal(getattr(waf(sandbox), operation), Scope="CLOUDFRONT") == "WAFInvalidParameterException"
    getattr(waf(sandbox, "us-east-1"), operation)(Scope="CLOUDFRONT")


def test_what_is_in_use_is_not_deleted() -> None:
    sandbox = made(WAF)
    client = waf(sandbox)
    for name, code in (("block-v4", "WAFAssociatedItemException"), ("block-v6", "WAFAssociatedItemException")):
        which = summary(sandbox, name)
        token = client.get_ip_set(**which)["LockToken"]
        assert refusal(client.delete_ip_set, **which, LockToken=token) == code
    which = summary(sandbox, "unused")
    client.delete_ip_set(**which, LockToken=client.get_ip_set(**which)["LockToken"])
    acl = client.list_web_acls(Scope="REGIONAL")["WebACLs"][0]
    named = {"Name": acl["Name"], "Id": acl["Id"], "Scope": "REGIONAL", "LockToken": acl["LockToken"]}
    assert refusal(client.delete_web_acl, **named) == "WAFAssociatedItemException"
    group = client.list_rule_groups(Scope="REGIONAL")["RuleGroups"][0]
    named = {"Name": group["Name"], "Id": group["Id"], "Scope": "REGIONAL", "LockToken": group["LockToken"]}
    assert refusal(client.delete_rule_group, **named) == "WAFAssociatedItemException"


def test_two_sandboxes_with_waf_are_the_same_to_the_byte() -> None:
    assert made(WAF).snapshot() == made(WAF).snapshot()
