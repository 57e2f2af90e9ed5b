"""Pages of an answer, with tokens that belong to one question."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")


class BadToken(ValueError):
    """A page token that we did not give, or gave for another question."""


def page(
    items: Sequence[Item], *, token: str | None, size: int, question: dict[str, Any]
) -> tuple[Sequence[Item], str | None]:
    """One page and the token of the next, None if this is the last. Raises BadToken."""
    scope = hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()[:16]
    start = _start(token, scope) if token else 0
    end = start + size
    return items[start:end], _token(end, scope) if end < len(items) else None


def _token(start: int, scope: str) -> str:
    return base64.urlsafe_b64encode(f"{scope}:{start}".encode()).decode()


def _start(token: str, scope: str) -> int:
    try:
        given, start = base64.urlsafe_b64decode(token).decode().split(":")
    except (binascii.Error, ValueError) as error:
        raise BadToken(token) from error
    if given != scope or not start.isdigit():
        raise BadToken(token)
    return int(start)
