"""AWS WAF in a world: IP sets, rule groups and web ACLs, with what they stand in front of."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from agent.record import Record
from tools.sandbox.seeding import distributions, waf_logs
from tools.sandbox.seeding.elbv2 import balancer_arn
from tools.sandbox.seeding.network import Tags
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.waf_logs import Request
from tools.sandbox.seeding.waf_rules import EntityName, Scope, WafRule, arn_of, visibility, written


class IpSet(Record):
    """An IP set. Its addresses need a prefix length."""

    name: EntityName
    scope: Scope = "REGIONAL"
    version: Literal["IPV4", "IPV6"] = "IPV4"
    addresses: list[IPv4Network | IPv6Network] = []
    description: str | None = None
    region: str | None = None
    tags: Tags = {}

    @model_validator(mode="after")
    def _addresses_are_of_its_version(self) -> "IpSet":
        for number, network in enumerate(self.addresses):
            if network.version != int(self.version[-1]) or network.prefixlen == 0:
                raise ValueError(f"addresses[{number}]: not a network of {self.version}")
        return self


class RuleGroup(Record):
    """A rule group."""

    name: EntityName
    scope: Scope = "REGIONAL"
    rules: list[WafRule] = []
    region: str | None = None


class WebAcl(Record):
    """A web ACL. What matches no rule is allowed."""

    name: EntityName
    scope: Scope = "REGIONAL"
    rules: list[WafRule] = []
    resources: list[str] = []
    """Names of load balancers of the world; for CLOUDFRONT ids of distributions, which are made with it."""
    logging: Annotated[str, Field(pattern=r"^(aws-waf-logs-[\w./#-]+|arn:.+)$")] | None = None
    """The log group of its full logs, or the ARN of another destination."""
    region: str | None = None


class Wafv2Section(Record):
    """The `wafv2` key of a world."""

    ip_sets: list[IpSet] = []
    rule_groups: list[RuleGroup] = []
    web_acls: list[WebAcl] = []
    logs: list[Request] = []
    """Requests in the log of `web_acl`, or of the only one that logs."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Wafv2Section":
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        sets = {(one.name, one.scope) for one in self.ip_sets}
        groups = {(one.name, one.scope) for one in self.rule_groups}
        for kind, holders in (("rule_groups", self.rule_groups), ("web_acls", self.web_acls)):
            for number, holder in enumerate[RuleGroup | WebAcl](holders):
                for position, rule in enumerate(holder.rules):
                    place = f"{kind}[{number}].rules[{position}]"
                    if rule.ip_set is not None and (rule.ip_set, holder.scope) not in sets:
                        yield f"{place}.ip_set: no IP set of this world and scope"
                    if rule.rule_group is not None and (rule.rule_group, holder.scope) not in groups:
                        yield f"{place}.rule_group: no rule group of this world and scope"
        for number, request in enumerate(self.logs):
            if self.acl_of(request) is None:
                yield f"logs[{number}].web_acl: not a web ACL of this world that logs into a log group"

    def acl_of(self, request: Request) -> WebAcl | None:
        """The web ACL whose log a request stands in; None if that cannot be said."""
        logging = [acl for acl in self.web_acls if acl.logging and not acl.logging.startswith("arn:")]
        if request.web_acl is None:
            return logging[0] if len(logging) == 1 else None
        return next((acl for acl in logging if acl.name == request.web_acl), None)


def seed(place: Place, section: Wafv2Section) -> None:
    """Put sets, groups, ACLs and logs into the account. What is there already stays as it is."""
    for ip_set in section.ip_sets:
        here = _at(place, ip_set)
        if arn_of(here, "ip_sets", ip_set.name, ip_set.scope) is None:
            _create_ip_set(here, ip_set)
    for group in section.rule_groups:
        here = _at(place, group)
        if arn_of(here, "rule_groups", group.name, group.scope) is None:
            here.client("wafv2").create_rule_group(
                Name=group.name,
                Scope=group.scope,
                Capacity=100,
                Rules=written(here, group.rules, group.scope),
                VisibilityConfig=visibility(group.name),
            )
    for acl in section.web_acls:
        here = _at(place, acl)
        if arn_of(here, "wacls", acl.name, acl.scope) is None:
            requests = [request for request in section.logs if section.acl_of(request) == acl]
            _create_web_acl(here, acl, requests)


def _create_ip_set(place: Place, ip_set: IpSet) -> None:
    more: dict[str, Any] = {} if ip_set.description is None else {"Description": ip_set.description}
    if ip_set.tags:
        more["Tags"] = [{"Key": key, "Value": value} for key, value in ip_set.tags.items()]
    addresses = [str(network) for network in ip_set.addresses]
    place.client("wafv2").create_ip_set(
        Name=ip_set.name, Scope=ip_set.scope, IPAddressVersion=ip_set.version, Addresses=addresses, **more
    )


def _create_web_acl(place: Place, acl: WebAcl, requests: list[Request]) -> None:
    wafv2 = place.client("wafv2")
    arn = wafv2.create_web_acl(
        Name=acl.name,
        Scope=acl.scope,
        DefaultAction={"Allow": {}},
        Rules=written(place, acl.rules, acl.scope),
        VisibilityConfig=visibility(acl.name),
    )["Summary"]["ARN"]
    if acl.scope == "CLOUDFRONT":
        sources = [distributions.create(place, identity, arn) for identity in acl.resources]
    else:
        sources = [balancer_arn(place, name) for name in acl.resources]
        for source in sources:
            wafv2.associate_web_acl(WebACLArn=arn, ResourceArn=source)
    if acl.logging is not None:
        waf_logs.seed(place, acl.logging, waf_logs.Acl(acl.name, arn, acl.scope, tuple(sources)), requests)


def _at(place: Place, thing: IpSet | RuleGroup | WebAcl) -> Place:
    return place.at("us-east-1" if thing.scope == "CLOUDFRONT" else thing.region)
