"""Web ACLs that block by IP sets of ours, regional and for CloudFront, beside visitors who must not notice."""

import ipaddress
from typing import Any

from agent.plan import Change
from agent.target import Target, TargetKind
from grounds import ACCOUNT, REGION, Ground
from tools.sandbox.engine import Sandbox

OURS = "tags: { stanch:purpose: block }"
NETWORK = """
ec2:
  vpcs: [ { id: vpc-0aaaaaaaaaaaaaaa1, cidr: 10.0.0.0/16 } ]
  subnets:
    - { id: subnet-0aaaaaaaaaaaaaaa1, vpc: vpc-0aaaaaaaaaaaaaaa1, cidr: 10.0.0.0/24, az: a }
    - { id: subnet-0aaaaaaaaaaaaaaa2, vpc: vpc-0aaaaaaaaaaaaaaa1, cidr: 10.0.1.0/24, az: b }
elbv2:
  load_balancers:
    - { name: shop, subnets: [ subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2 ] }
"""
WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
{NETWORK}
wafv2:
  ip_sets:
    - {{ name: stanch-v4, addresses: [ 192.0.2.10/32 ], description: Blocked for a time, {OURS} }}
    - {{ name: stanch-v6, version: IPV6, addresses: [ 2001:db8:1::/48 ], {OURS} }}
    - {{ name: edge-v4, scope: CLOUDFRONT, {OURS} }}
    - {{ name: partners, addresses: [ 203.0.113.4/32 ], tags: {{ stanch:purpose: allow }} }}
  rule_groups:
    - {{ name: edge-rules, scope: CLOUDFRONT, rules: [ {{ name: listed, ip_set: edge-v4 }} ] }}
  web_acls:
    - name: shop
      rules:
        - {{ name: listed-v4, ip_set: stanch-v4, nested: [ or ] }}
        - {{ name: listed-v6, ip_set: stanch-v6 }}
        - {{ name: partners, ip_set: partners, action: allow }}
      resources: [ shop ]
    - {{ name: edge, scope: CLOUDFRONT, rules: [ {{ name: ours, rule_group: edge-rules }} ], resources: [ E2EXAMPLE1 ] }}
"""
"""One set for each version in the Region, and one for IPv4 at the edge, behind a rule group."""
UNUSED = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
{NETWORK}
wafv2:
  ip_sets: [ {{ name: stanch-v4, {OURS} }} ]
  web_acls:
    - {{ name: counting, rules: [ {{ name: listed, ip_set: stanch-v4, action: count }} ], resources: [ shop ] }}
    - {{ name: nowhere, rules: [ {{ name: listed, ip_set: stanch-v4 }} ] }}
"""
"""A set that one rule only counts, and that another blocks before nothing."""


def address(text: str, region: str = REGION) -> Target:
    """An address as a target."""
    return Target(kind=TargetKind.ADDRESS, id=text, account=ACCOUNT, region=region)


def sets(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Every IP set by name: what GetIPSet and its tags answer, less the lock token."""
    found: dict[str, dict[str, Any]] = {}
    waf = sandbox.client("wafv2", ACCOUNT, REGION)
    for scope in ("REGIONAL", "CLOUDFRONT"):
        for summary in waf.list_ip_sets(Scope=scope)["IPSets"]:
            name, identity, arn = summary["Name"], summary["Id"], summary["ARN"]
            held = waf.get_ip_set(Name=name, Scope=scope, Id=identity)["IPSet"]
            tags = waf.list_tags_for_resource(ResourceARN=arn)["TagInfoForResource"]
            described = held.pop("Description", "")  # one that is empty may be left out
            found[name] = {**held, "Description": described, "Scope": scope, "Tags": tags["TagList"]}
    return found


def rewrite(sandbox: Sandbox, name: str, *, add: str = "", drop: str = "") -> None:
    """Somebody else changes one set."""
    waf, kept = sandbox.client("wafv2", ACCOUNT, REGION), sets(sandbox)[name]
    which = {field: kept[field] for field in ("Name", "Id", "Scope")}
    token = waf.get_ip_set(**which)["LockToken"]
    entries = [*(text for text in kept["Addresses"] if text != drop), *([add] if add else [])]
    described = {"Description": kept["Description"]} if kept.get("Description") else {}
    waf.update_ip_set(**which, Addresses=entries, LockToken=token, **described)


def _unmark(sandbox: Sandbox, change: Change) -> None:
    """The sets are somebody else's from now on."""
    waf = sandbox.client("wafv2", ACCOUNT, REGION)
    for arn in change.after:
        waf.untag_resource(ResourceARN=arn, TagKeys=["stanch:purpose"])


def _listed(sandbox: Sandbox, visitor: str) -> list[str]:
    """The sets of ours that have the visitor in them."""
    host = ipaddress.ip_network(visitor)
    found = []
    for name, held in sets(sandbox).items():
        entries = [ipaddress.ip_network(text) for text in held["Addresses"]]
        ours = {"Key": "stanch:purpose", "Value": "block"} in held["Tags"]
        if ours and any(entry.version == host.version and host.subnet_of(entry) for entry in entries):  # type: ignore[arg-type]  # versions agree
            found.append(name)
    return found


def _ground(name: str, target: str, world: str = WORLD, *, closes: bool = True, **more: Any) -> Ground:
    single = target.removeprefix("::ffff:").replace("/128", "/32") if target.startswith("::ffff:") else target
    return Ground(
        name=name,
        world=world,
        target=address(target),
        look=sets,
        drift=_unmark,
        sibling=lambda sandbox: not _listed(sandbox, "203.0.113.4/32"),
        attacker=(lambda sandbox: not _listed(sandbox, single)) if closes else None,
        params={"expires_at": "2026-11-21T12:00:00Z"},
        **more,
    )


GROUNDS = [
    _ground("ipv6_in_the_region", "2001:db8:77::9/128", failing=True),
    _ground("ipv4_in_the_region_and_at_the_edge", "198.51.100.66/32"),
    _ground("ipv4_in_the_clothes_of_ipv6", "::ffff:198.51.100.66/128"),
    _ground("there_before_and_not_ours", "192.0.2.10/32", closes=False),
    _ground("within_a_wider_entry_already", "2001:db8:1::7/128", closes=False),
    _ground("a_set_that_nobody_uses", "198.51.100.66/32", UNUSED, how="unverified"),
]
