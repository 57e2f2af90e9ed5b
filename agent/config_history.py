"""What AWS Config recorded of a resource: whether each state was open to the world, and since when the last one is."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import JsonValue

from agent.bucket_exposure import Block, Layers, exposure
from agent.iam_policy import opens_to_everyone, parse_document
from agent.record import JsonObject, Moment, Record

_EVERYONE = frozenset({"AllUsers", "AuthenticatedUsers"})
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


class State(Record):
    """One recorded state. None: what was recorded does not settle it."""

    at: Moment
    open: bool | None


class Stretch(Record):
    """How long the resource has been open without a break, and what it was before."""

    since: Moment | None
    """When the first open state was recorded. None: the newest state is not open, or none is recorded."""
    closed_before: bool | None
    """Whether a closed state came before it. None: the record does not say."""


def bucket_is_open(item: JsonObject) -> bool | None:
    """Whether the bucket's own settings let everybody in. The account's block is no part of a bucket's record."""
    if _is_gone(item):
        return False
    more = item.get("supplementaryConfiguration")
    parts = {name: _parsed(text) for name, text in more.items()} if isinstance(more, dict) else {}
    block, policy, acl = (parts.get(n) for n in ("PublicAccessBlockConfiguration", "BucketPolicy", "AccessControlList"))
    return exposure(
        Layers(
            account=Block.of(None),
            bucket=Block.of(_capitalised(block)),
            policy_public=_policy_opens(policy),
            acl_public=_acl_opens(acl),
            acls_off=False,
        )
    ).public


def group_is_open(item: JsonObject) -> bool | None:
    """Whether a rule of the security group lets anybody in."""
    if _is_gone(item):
        return False
    found = parse_document(item.get("configuration"))
    rules = None if found is None else found.get("ipPermissions")
    if not isinstance(rules, list):
        return None
    return any(_ANYWHERE & set(_networks(rule)) for rule in rules if isinstance(rule, dict))


def stretch(states: Iterable[State], *, whole: bool) -> Stretch:
    """From states, the newest first. `whole` says that there are no older ones than these."""
    since: datetime | None = None
    for state in states:
        if state.open is not True:
            return Stretch(since=since, closed_before=None if state.open is None else True)
        since = state.at
    return Stretch(since=since, closed_before=False if whole else None)


def _is_gone(item: JsonObject) -> bool:
    return str(item.get("configurationItemStatus", "")).startswith("ResourceDeleted")


def _parsed(text: JsonValue) -> JsonObject | None:
    """Config writes some parts as JSON in JSON."""
    found = parse_document(text)
    if found is None and isinstance(text, str) and text.startswith('"'):
        found = parse_document(text[1:-1].replace('\\"', '"'))
    return found


def _capitalised(block: JsonObject | None) -> JsonObject:
    return {name[:1].upper() + name[1:]: value for name, value in (block or {}).items()}


def _policy_opens(policy: JsonObject | None) -> bool | None:
    text = (policy or {}).get("policyText")
    if text is None:
        return False
    document = parse_document(text)
    return None if document is None else opens_to_everyone(document)


def _acl_opens(acl: JsonObject | None) -> bool:
    grants = (acl or {}).get("grantList")
    named = [grant.get("grantee") for grant in (grants if isinstance(grants, list) else []) if isinstance(grant, dict)]
    return any(isinstance(grantee, str) and grantee in _EVERYONE for grantee in named)


def _networks(rule: JsonObject) -> list[str]:
    fours, sixes = rule.get("ipv4Ranges"), rule.get("ipv6Ranges")
    ranges = [*(fours if isinstance(fours, list) else []), *(sixes if isinstance(sixes, list) else [])]
    return [str(one.get("cidrIp", one.get("cidrIpv6"))) for one in ranges if isinstance(one, dict)]
