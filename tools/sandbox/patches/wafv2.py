"""AWS WAF refuses what AWS refuses: addresses, names, scopes, and deleting what is in use."""

import ipaddress
import json
from typing import Any

from tools.sandbox.mechanism import patch

_MODEL = "moto.wafv2.models"
_CIDRS_PER_SET = 10_000


@patch(
    "moto.wafv2.responses",
    "WAFV2Response.call_action",
    source="26076963fd17",
    why="moto takes CLOUDFRONT in every Region, and looks for a global ARN in the Region",
)
def _scope(original: Any) -> Any:
    def call(self: Any) -> Any:
        from moto.wafv2.models import GLOBAL_REGION

        asked = json.loads(self.body or "{}")
        if asked.get("Scope") == "CLOUDFRONT" and self.region != "us-east-1":
            refusal = _refusal(
                "WAFInvalidParameterException", "Error reason: The scope is not valid., field: SCOPE_VALUE"
            )
            return refusal.code, dict(refusal.get_headers()), refusal.get_body()
        arn = asked.get("ARN") or asked.get("WebACLArn") or _destination(asked)
        if asked.get("Scope") == "CLOUDFRONT" or ":global/" in (arn or ""):
            self.region = GLOBAL_REGION
        return original(self)

    return call


def _destination(asked: dict[str, Any]) -> str:
    """The web ACL that a logging configuration is for."""
    inner = asked.get("LoggingConfiguration") or asked
    return str(inner.get("ResourceArn") or "")


@patch(
    _MODEL,
    "WAFV2Backend.create_ip_set",
    source="b610edded418",
    why="moto takes any text as an address, and a name twice",
)
def _create(original: Any) -> Any:
    def create(
        self: Any, name: str, scope: str, description: str, ip_address_version: str, addresses: list[str], tags: Any
    ) -> Any:
        from moto.wafv2.exceptions import WAFV2DuplicateItemException

        if any(one.name == name and one.scope == scope for one in self.ip_sets.values()):
            raise WAFV2DuplicateItemException()
        _check(addresses, ip_address_version)
        return original(self, name, scope, description, ip_address_version, addresses, tags)

    return create


@patch(
    _MODEL,
    "WAFV2Backend.update_ip_set",
    source="d2d6269b35b4",
    why="moto takes any text as an address, and keeps a description that is not given",
)
def _update(original: Any) -> Any:
    def update(
        self: Any, name: str, scope: str, _id: str, description: str | None, addresses: list[str], lock_token: str
    ) -> Any:
        kept = next((one for one in self.ip_sets.values() if one.ip_set_id == _id), None)
        if kept is not None:
            _check(addresses, kept.ip_address_version)
        return original(self, name, scope, _id, description or "", addresses, lock_token)

    return update


def _check(addresses: list[str], version: str) -> None:
    if len(addresses) > _CIDRS_PER_SET:
        raise _refusal(
            "WAFLimitsExceededException", "AWS WAF couldn't perform the operation because you exceeded your limit."
        )
    for address in addresses:
        if not _is_network(address, 4 if version == "IPV4" else 6):
            raise _refusal(
                "WAFInvalidParameterException",
                "Error reason: The parameter contains formatting that is not valid., field: IP_ADDRESS, "
                f"parameter: {address}",
            )


def _is_network(address: str, version: int) -> bool:
    """A network of that version, with its prefix length, and not everything."""
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return "/" in address and "%" not in address and network.version == version and network.prefixlen > 0


def _unless_used(kind: str) -> Any:
    def wrap(original: Any) -> Any:
        def delete(self: Any, name: str, scope: str, *which: Any, **more: Any) -> None:
            identity = more.get("id") or (which[0] if which else "")
            arn = next((arn for arn in getattr(self, kind) if arn.endswith(f"/{name}/{identity}")), None)
            if arn is not None and _used(self, arn):
                raise _refusal(
                    "WAFAssociatedItemException",
                    "AWS WAF couldn't perform the operation because your resource is being used by another resource or "
                    "it's associated with another resource.",
                )
            original(self, name, scope, *which, **more)

        return delete

    return wrap


def _used(backend: Any, arn: str) -> bool:
    held = [rule.to_dict() for one in (*backend.wacls.values(), *backend.rule_groups.values()) for rule in one.rules]
    return arn in json.dumps(held) or bool(arn in backend.wacls and backend.wacls[arn].associated_resources)


for _name, _kind, _source in (
    ("delete_ip_set", "ip_sets", "21b71a0d303b"),
    ("delete_rule_group", "rule_groups", "eee5419fb37f"),
    ("delete_web_acl", "wacls", "8cd2ca727589"),
):
    patch(_MODEL, f"WAFV2Backend.{_name}", source=_source, why="moto deletes what is in use")(_unless_used(_kind))


@patch(
    "moto.wafv2.exceptions",
    "WAFV2DuplicateItemException.__init__",
    source="fcbf8a8ea01f",
    why="moto gives it a code that AWS does not have",
)
def _duplicate(original: Any) -> Any:
    def init(self: Any) -> None:
        from moto.wafv2.exceptions import WAFv2ClientError

        WAFv2ClientError.__init__(
            self,
            "WAFDuplicateItemException",
            "AWS WAF couldn't perform the operation because some resource in your request is a duplicate of an existing one.",
        )

    return init


def _refusal(code: str, message: str) -> Any:
    from moto.wafv2.exceptions import WAFv2ClientError

    return WAFv2ClientError(code, message)
