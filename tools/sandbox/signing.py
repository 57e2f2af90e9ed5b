"""In the process a request brings its key's secret with it: nobody is on the way who could read or change it.

To sign each request, and to sign it again to compare, would be a seventh of what an exam costs. Over HTTP signatures are made and
checked as ever: what stands for one here begins with a word that no other process knows.
"""

import secrets
from typing import Any

import botocore.auth

_OURS = f"{secrets.token_hex(16)}."


def proof(secret: str) -> str:
    """What stands in a request's header for a signature made with the secret."""
    return _OURS + secret


def lighten(client: Any) -> None:
    """Let a client of this process prove its key by the secret itself. Links that are signed beforehand stay signed."""
    client.meta.events.register_first("choose-signer", _choose)


class _Proving(botocore.auth.SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Everything that a signed request says, with the proof in the signature's place."""

    def canonical_request(self, request: Any) -> str:
        return ""

    def string_to_sign(self, request: Any, canonical_request: str) -> str:
        return ""

    def signature(self, string_to_sign: str, request: Any) -> str:
        return proof(self.credentials.secret_key)

    def headers_to_sign(self, request: Any) -> list[str]:
        return ["host", "x-amz-date"]


class _ProvingToS3(_Proving, botocore.auth.S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """S3's header of the body's digest is there as well."""


botocore.auth.AUTH_TYPE_MAPS |= {"sandbox": _Proving, "sandbox-s3": _ProvingToS3}


def _choose(signature_version: Any, signing_name: str, **_: Any) -> str | None:
    """None leaves the choice to botocore: for requests that nobody signs, and for links."""
    if signature_version not in ("v4", "v4-unsigned-body", "s3v4"):
        return None
    return "sandbox-s3" if signing_name.startswith("s3") else "sandbox"
