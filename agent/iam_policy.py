"""Reads IAM and bucket policy documents: what they permit to everything, and to whom."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from agent.record import JsonObject, Record

Effect = Literal["Allow", "Deny"]


class Principal(Record):
    """One principal of a statement."""

    kind: str
    """`AWS`, `Service`, `Federated`, `CanonicalUser`."""
    id: str

    @property
    def everyone(self) -> bool:
        """Whether this is anybody at all."""
        return self.id == "*"

    @property
    def account(self) -> str | None:
        """The account that it belongs to, if it says."""
        found = re.fullmatch(r"(\d{12})|arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):.+", self.id)
        return (found[1] or found[2]) if found else None


def parse_document(raw: object) -> JsonObject | None:
    """A policy as an object, from an object or JSON text. None if it is neither."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return None
    return raw if isinstance(raw, dict) else None


def statements(document: JsonObject) -> list[JsonObject]:
    """The statements. A single one may stand without a list."""
    found = document.get("Statement")
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def listed(value: JsonValue) -> list[str]:
    """A string or a list of strings, as a list."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def allows_everything(document: JsonObject) -> bool:
    """Whether a statement allows every action on every resource. A condition on it does not count against it."""
    return any(_covers_everything(statement, "Allow") for statement in statements(document))


def denies_everything(document: JsonObject) -> bool:
    """Whether a statement denies every action on every resource, always."""
    return any(
        _covers_everything(statement, "Deny") and not statement.get("Condition") for statement in statements(document)
    )


def cuts_sessions_before(document: JsonObject) -> datetime | None:
    """The latest moment before which a statement denies every session everything; None if no statement does."""
    found = [_moment(statement) for statement in statements(document) if _covers_everything(statement, "Deny")]
    return max((moment for moment in found if moment is not None), default=None)


def principals(statement: JsonObject) -> list[Principal]:
    """Whom a statement is about. `NotPrincipal` is everyone, near enough."""
    if "NotPrincipal" in statement:
        return [Principal(kind="AWS", id="*")]
    value = statement.get("Principal")
    if isinstance(value, str):
        return [Principal(kind="AWS", id=value)]
    if not isinstance(value, dict):
        return []
    return [Principal(kind=kind, id=name) for kind, names in value.items() for name in listed(names)]


def opens_to_everyone(document: JsonObject) -> bool:
    """Whether a statement allows something to anybody. Conditions are not weighed: S3 says itself what is public."""
    return any(
        statement.get("Effect") == "Allow" and any(principal.everyone for principal in principals(statement))
        for statement in statements(document)
    )


def _moment(statement: JsonObject) -> datetime | None:
    """What the statement's only condition compares the time of issue with, if it does that and nothing else."""
    match statement.get("Condition"):
        case {"DateLessThan": {"aws:TokenIssueTime": str(text), **other_keys}, **others} if (
            not other_keys and not others
        ):
            with suppress(ValueError):
                moment = datetime.fromisoformat(text)
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _covers_everything(statement: JsonObject, effect: Effect) -> bool:
    return (
        statement.get("Effect") == effect
        and any(action in {"*", "*:*"} for action in listed(statement.get("Action")))
        and "*" in listed(statement.get("Resource"))
    )
