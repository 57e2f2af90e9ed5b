"""Who sent a request, by what the gateway verified: never by anything that the request itself says."""

import re
from collections.abc import Iterator
from typing import Any

from graphs.people import canonical, people
from tools.registry import Registry

_USER = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):user/(?:.+/)?(?P<name>[^/]+)")
_SIGNED_IN = re.compile(
    r"arn:aws[a-z-]*:sts::(?P<account>\d{12}):assumed-role/AWSReservedSSO_[\w+=,.@-]+/(?P<name>[^/]+)"
)
"""A session of IAM Identity Center, which names it after the person. Whoever assumes another role names it as they like."""


def person_of(authorizer: Any, account: str, registry: Registry) -> str | None:
    """The listed person behind a request's authorizer; None if it is nobody's, or nobody is listed.

    An IAM identity counts in our own account only; of a token, the verified mail address or the subject.
    """
    held = authorizer if isinstance(authorizer, dict) else {}
    listed = people(registry)
    names = [canonical(name) for name in _names(held, account)]
    return next((name for name in names if name is not None and name in listed), None)


def _names(authorizer: dict[str, Any], account: str) -> Iterator[str]:
    iam, jwt = authorizer.get("iam"), authorizer.get("jwt")
    arn = iam.get("userArn") if isinstance(iam, dict) else None
    if isinstance(arn, str):
        found = _USER.fullmatch(arn) or _SIGNED_IN.fullmatch(arn)
        if found and found["account"] == account:
            yield found["name"]
    claims = jwt.get("claims") if isinstance(jwt, dict) else None
    if isinstance(claims, dict):
        if str(claims.get("email_verified")).lower() == "true" and isinstance(claims.get("email"), str):
            yield claims["email"]
        elif isinstance(claims.get("sub"), str):
            yield claims["sub"]
