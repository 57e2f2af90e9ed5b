"""Rules of AWS WAF in a world, written out as its API has them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.record import JsonObject, Record
from tools.sandbox.seeding.place import Place

EntityName = Annotated[str, Field(pattern=r"^[\w-]{1,128}$")]
Scope = Literal["REGIONAL", "CLOUDFRONT"]
_ATTACK: JsonObject = {
    "SqliMatchStatement": {
        "FieldToMatch": {"QueryString": {}},
        "TextTransformations": [{"Priority": 0, "Type": "NONE"}],
    }
}


class WafRule(Record):
    """A rule: for an IP set or a rule group of the world, else `statement`, else any SQL injection."""

    name: EntityName
    action: Literal["block", "count", "allow"] = "block"
    ip_set: EntityName | None = None
    rule_group: EntityName | None = None
    """With `count` its own actions only count."""
    nested: list[Literal["and", "or", "not"]] = []
    """What the statement lies within, from the inside out."""
    forwarded: str | None = None
    """The header that the address is taken from, instead of the connection."""
    statement: JsonObject | None = None


def arn_of(place: Place, kind: str, name: str, scope: str) -> str | None:
    """The ARN of one of the account's `ip_sets`, `rule_groups` or `wacls`; None if there is none with that name and scope."""
    backend = place.backend("wafv2") if scope == "REGIONAL" else place.global_backend("wafv2")
    return next((arn for arn, one in getattr(backend, kind).items() if one.name == name), None)


def visibility(name: str) -> dict[str, Any]:
    """The VisibilityConfig of a thing with that name."""
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}


def written(place: Place, rules: list[WafRule], scope: str) -> list[dict[str, Any]]:
    """The rules as the API has them, in this order of priority. What they name must be there."""
    made = []
    for priority, rule in enumerate(rules):
        action: dict[str, Any] = {rule.action.title(): {}}
        if rule.rule_group is None:
            acts: dict[str, Any] = {"Action": action}
        else:
            acts = {"OverrideAction": {"Count": {}} if rule.action == "count" else {"None": {}}}
        statement = _statement(place, rule, scope)
        made.append(
            {
                "Name": rule.name,
                "Priority": priority,
                "Statement": statement,
                "VisibilityConfig": visibility(rule.name),
                **acts,
            }
        )
    return made


def _statement(place: Place, rule: WafRule, scope: str) -> Any:
    statement: Any = rule.statement or _ATTACK
    if rule.ip_set is not None:
        reference: dict[str, Any] = {"ARN": arn_of(place, "ip_sets", rule.ip_set, scope)}
        if rule.forwarded is not None:
            reference["IPSetForwardedIPConfig"] = {
                "HeaderName": rule.forwarded, "FallbackBehavior": "NO_MATCH", "Position": "FIRST"
            }  # fmt: skip
        statement = {"IPSetReferenceStatement": reference}
    elif rule.rule_group is not None:
        statement = {"RuleGroupReferenceStatement": {"ARN": arn_of(place, "rule_groups", rule.rule_group, scope)}}
    for within in rule.nested:
        if within == "not":
            statement = {"NotStatement": {"Statement": statement}}
        else:
            statement = {f"{within.title()}Statement": {"Statements": [statement, _ATTACK]}}
    return statement
