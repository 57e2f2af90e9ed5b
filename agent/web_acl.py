"""What the rules of a web ACL do with the addresses of an IP set: block them, let them through, or neither."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Literal, Self

from agent.record import Record


class Effect(StrEnum):
    """What being in the set means to a rule."""

    BLOCKS = "blocks"
    IN_PART = "in_part"
    """A Block rule that asks for more than being in the set: requests that are otherwise go on."""
    SPARES = "spares"
    """An Allow rule, or a Block rule for everybody who is not in it: adding an attacker would help him."""
    NEITHER = "neither"
    """It counts, challenges, limits a rate, or only narrows what another rule looks at."""


class SetUse(Record):
    """One place in which a rule refers to an IP set."""

    arn: str
    rule: str
    effect: Effect
    header: str | None = None
    """The header that the address is taken from. Whoever sends the request writes it."""
    behind_allow: bool = False
    """Whether an Allow rule comes first: what that lets through, this does not block."""


class GroupUse(Record):
    """One place in which a web ACL refers to a rule group."""

    arn: str
    counted: bool
    """Whether the web ACL makes all that the group does only count."""
    overrides: dict[str, str]
    """Actions that the web ACL puts in the place of single rules' own."""
    behind_allow: bool = False


Action = Literal["block", "allow", "other"]


def set_uses(rules: object, within: GroupUse | None = None) -> list[SetUse]:
    """Every use of an IP set by these rules of a web ACL, or of a rule group that stands `within` one."""
    found: list[SetUse] = []
    allowed = within.behind_allow if within else False
    for rule in _in_order(rules):
        action = _action(rule, within)
        for each in _references(rule.get("Statement"), _Place()):
            name, effect = str(rule.get("Name", "")), _effect(action, each.place)
            found.append(SetUse(arn=each.arn, rule=name, effect=effect, header=each.header, behind_allow=allowed))
        allowed = allowed or action == "allow"
    return found


def group_uses(web_acl: Mapping[str, Any]) -> list[GroupUse]:
    """Every rule group of a web ACL, those of Firewall Manager before and after its own rules too."""
    found: list[GroupUse] = []
    allowed = False
    for rule in _in_order(web_acl.get("PreProcessFirewallManagerRuleGroups")):
        found += _group(rule, rule.get("FirewallManagerStatement"), allowed)
    for rule in _in_order(web_acl.get("Rules")):
        found += _group(rule, rule.get("Statement"), allowed)
        allowed = allowed or _action(rule, None) == "allow"
    for rule in _in_order(web_acl.get("PostProcessFirewallManagerRuleGroups")):
        found += _group(rule, rule.get("FirewallManagerStatement"), allowed)
    return found


def _in_order(rules: object) -> list[dict[str, Any]]:
    listed = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return sorted(listed, key=lambda rule: rule.get("Priority") or 0)


def _action(rule: Mapping[str, Any], within: GroupUse | None) -> Action:
    own = rule.get("Action")
    named = next(iter(own), "") if isinstance(own, dict) else ""
    if within is not None:
        named = "Count" if within.counted else within.overrides.get(str(rule.get("Name")), named)
    return "block" if named == "Block" else "allow" if named == "Allow" else "other"


class _Place(Record):
    """Where in a rule's statement a set stands."""

    negated: bool = False
    in_part: bool = False
    """Something else must hold beside it."""
    narrows: bool = False
    """It only narrows a rate or a rule group."""

    def inside(self, **more: bool) -> Self:
        """The place of what stands within."""
        return self.model_copy(update=more)


class _Reference(Record):
    """A set in a statement, and the header that the address is taken from."""

    arn: str
    header: str | None
    place: _Place


def _effect(action: Action, place: _Place) -> Effect:
    if place.narrows:
        return Effect.NEITHER
    if action == "block":
        return Effect.SPARES if place.negated else Effect.IN_PART if place.in_part else Effect.BLOCKS
    return Effect.SPARES if action == "allow" and not place.negated else Effect.NEITHER


def _references(statement: object, place: _Place) -> Iterator[_Reference]:
    """Each set in a statement. Negated, OR means AND: a request must then be outside of every one."""
    if not isinstance(statement, dict):
        return
    reference = statement.get("IPSetReferenceStatement")
    if isinstance(reference, dict):
        forwarded = reference.get("IPSetForwardedIPConfig")
        header = str(forwarded.get("HeaderName")) if isinstance(forwarded, dict) else None
        yield _Reference(arn=str(reference.get("ARN")), header=header, place=place)
    for name, joins in (("AndStatement", not place.negated), ("OrStatement", place.negated)):
        listed = (statement.get(name) or {}).get("Statements") or []
        within = place.inside(in_part=place.in_part or (joins and len(listed) > 1))
        for inner in listed:
            yield from _references(inner, within)
    within = place.inside(negated=not place.negated)
    yield from _references((statement.get("NotStatement") or {}).get("Statement"), within)
    for name in ("RateBasedStatement", "ManagedRuleGroupStatement"):
        within = place.inside(narrows=True)
        yield from _references((statement.get(name) or {}).get("ScopeDownStatement"), within)


def _group(rule: Mapping[str, Any], statement: object, allowed: bool) -> list[GroupUse]:
    reference = statement.get("RuleGroupReferenceStatement") if isinstance(statement, dict) else None
    if not isinstance(reference, dict):
        return []
    excluded = {str(each.get("Name")): "Count" for each in reference.get("ExcludedRules") or []}
    replaced = {
        str(each.get("Name")): next(iter(each.get("ActionToUse") or {}), "")
        for each in reference.get("RuleActionOverrides") or []
    }
    counted = "Count" in (rule.get("OverrideAction") or {})
    overrides = excluded | replaced
    return [GroupUse(arn=str(reference.get("ARN")), counted=counted, overrides=overrides, behind_allow=allowed)]
