"""Evaluates IAM and bucket policies as AWS does, as far as the sandbox needs: wildcards, principals, conditions."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any


class Effect(Enum):
    """What a policy says about a request."""

    ALLOW = "allow"
    DENY = "deny"
    SILENT = "silent"


def evaluate(
    document: Mapping[str, Any] | str | bytes,
    action: str,
    resource: str,
    context: Mapping[str, str],
    stranger: bool | None = None,
) -> Effect:
    """The effect of one policy on one request. A deny wins.

    `context` holds condition keys in lower case. `stranger` is for resource policies, whose statements have principals: True looks at
    statements for everybody only; None is for identity policies, which have no principals.
    """
    parsed = document if isinstance(document, Mapping) else json.loads(document)
    said = Effect.SILENT
    for statement in _listed(parsed.get("Statement")):
        if not _concerns(statement, action, resource, stranger) or not conditions_met(
            statement.get("Condition") or {}, context
        ):
            continue
        if statement.get("Effect") == "Deny":
            return Effect.DENY
        said = Effect.ALLOW
    return said


def is_public(document: Mapping[str, Any] | str | bytes) -> bool:
    """Whether a bucket policy grants to everybody: a statement for `*` that no condition on a fixed value narrows."""
    parsed = document if isinstance(document, Mapping) else json.loads(document)
    return any(
        one.get("Effect") == "Allow" and for_everybody(one) and not _narrowed(one.get("Condition") or {})
        for one in _listed(parsed.get("Statement"))
    )


def for_everybody(statement: Mapping[str, Any]) -> bool:
    """Whether a statement's principal is `*`."""
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        return "*" in _listed(principal.get("AWS"))
    return principal == "*"


_NARROWING = (
    "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:sourceaccount", "aws:principalorgid",
    "aws:principalarn", "aws:principalaccount", "aws:userid", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
)  # fmt: skip


def _narrowed(conditions: Mapping[str, Mapping[str, Any]]) -> bool:
    for operator, keys in conditions.items():
        if "Not" in operator or operator in ("Null", "Bool"):
            continue
        for key, values in keys.items():
            if key.lower() == "aws:sourceip" and all(_narrow_network(value) for value in _listed(values)):
                return True
            if key.lower() in _NARROWING and not any("*" in str(value) for value in _listed(values)):
                return True
    return False


def _narrow_network(cidr: str) -> bool:
    network = ipaddress.ip_network(cidr, strict=False)
    return network.prefixlen >= (8 if network.version == 4 else 32)


def _concerns(statement: Mapping[str, Any], action: str, resource: str, stranger: bool | None) -> bool:
    if stranger is not None and not for_everybody(statement):
        return False
    if "NotAction" in statement:
        if _any_like(statement["NotAction"], action, ignore_case=True):
            return False
    elif not _any_like(statement.get("Action"), action, ignore_case=True):
        return False
    if "NotResource" in statement:
        return not _any_like(statement["NotResource"], resource)
    return "Resource" not in statement or _any_like(statement["Resource"], resource)


def conditions_met(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether every condition holds. A key that the request lacks meets only negated, `IfExists` and `Null` conditions."""
    return all(
        _condition_met(operator, context.get(key.lower()), [str(value) for value in _listed(values)])
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _condition_met(operator: str, actual: str | None, wanted: list[str]) -> bool:
    operator = operator.rsplit(":", 1)[-1]
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    base = operator.removesuffix("IfExists")
    if actual is None:
        return base != operator or "Not" in base
    if base not in _OPERATORS:
        raise NotImplementedError(f"condition operator {operator}")
    met = any(_OPERATORS[base](actual, value) for value in wanted)
    return met != ("Not" in base)


def _like(actual: str, pattern: str) -> bool:
    return _glob(pattern, False).fullmatch(actual) is not None


def _moment(value: str) -> datetime:
    if value.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(value), UTC)
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(actual: str, cidr: str) -> bool:
    return ipaddress.ip_address(actual) in ipaddress.ip_network(cidr, strict=False)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda a, b: a == b, "StringNotEquals": lambda a, b: a == b,
    "StringEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "StringNotEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "StringLike": _like, "StringNotLike": _like,
    "ArnEquals": _like, "ArnNotEquals": _like, "ArnLike": _like, "ArnNotLike": _like,
    "Bool": lambda a, b: a.lower() == b.lower(),
    "IpAddress": _in_network, "NotIpAddress": _in_network,
    "DateLessThan": lambda a, b: _moment(a) < _moment(b), "DateLessThanEquals": lambda a, b: _moment(a) <= _moment(b),
    "DateGreaterThan": lambda a, b: _moment(a) > _moment(b), "DateGreaterThanEquals": lambda a, b: _moment(a) >= _moment(b),
    "NumericEquals": lambda a, b: float(a) == float(b), "NumericLessThan": lambda a, b: float(a) < float(b),
    "NumericLessThanEquals": lambda a, b: float(a) <= float(b), "NumericGreaterThan": lambda a, b: float(a) > float(b),
    "NumericGreaterThanEquals": lambda a, b: float(a) >= float(b),
}  # fmt: skip


def _any_like(patterns: Any, value: str, *, ignore_case: bool = False) -> bool:
    return any(_glob(pattern, ignore_case).fullmatch(value) for pattern in _listed(patterns))


@cache
def _glob(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
