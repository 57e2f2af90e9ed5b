"""What IAM would decide, as far as our policies use its language: an explicit deny wins, and silence means no."""

from fnmatch import fnmatchcase
from typing import Any

from stack import Role

Context = dict[str, str | list[str]]


def decided(role: Role, action: str, resource: str, context: Context) -> str:
    """`allowed`, `denied` by a statement that says so, or `not allowed` because none does."""
    speaking = [one for one in role.statements if _concerns(one, action, resource) and _holds(one, context)]
    if any(one["Effect"] == "Deny" for one in speaking):
        return "denied"
    return "allowed" if speaking else "not allowed"


def _concerns(statement: dict[str, Any], action: str, resource: str) -> bool:
    named = any(fnmatchcase(action.lower(), one.lower()) for one in statement.get("Action", statement.get("NotAction")))
    return named is ("Action" in statement) and any(fnmatchcase(resource, one) for one in statement["Resource"])


def _holds(statement: dict[str, Any], context: Context) -> bool:
    conditions = statement.get("Condition", {})
    return all(
        _compares(name, context.get(key), wanted) for name, keys in conditions.items() for key, wanted in keys.items()
    )


def _compares(operator: str, found: str | list[str] | None, wanted: str | list[str]) -> bool:
    values = [wanted] if isinstance(wanted, str) else wanted
    given = [] if found is None else [found] if isinstance(found, str) else found
    quantifier, _, name = operator.rpartition(":")
    match name:
        case "Null":
            return (not given) is (values == ["true"])
        case "StringEquals" | "StringLike" | "ArnEquals":
            hits = [any(fnmatchcase(one, value) for value in values) for one in given]
        case "StringNotEquals":
            return not any(one in values for one in given)
        case _:
            raise NotImplementedError(operator)
    return all(hits) if quantifier == "ForAllValues" else any(hits)
