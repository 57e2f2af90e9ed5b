"""Works out who can reach a bucket, from the layers that S3 keeps apart."""

from pydantic import JsonValue

from agent.iam_policy import Principal, listed, principals, statements
from agent.record import JsonObject, Record

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
DELIVERY = frozenset(
    {
        "cloudtrail.amazonaws.com", "config.amazonaws.com", "logging.s3.amazonaws.com", "delivery.logs.amazonaws.com",
        "logdelivery.elasticloadbalancing.amazonaws.com", "logdelivery.elb.amazonaws.com",
    }
)  # fmt: skip
"""Services that deliver audit records into buckets."""
_GROUPS = "http://acs.amazonaws.com/groups/"
_PUBLIC_GROUPS = frozenset({f"{_GROUPS}global/AllUsers", f"{_GROUPS}global/AuthenticatedUsers"})
_LOG_GROUP = f"{_GROUPS}s3/LogDelivery"
_SAYS_WHICH = frozenset({"arnequals", "arnlike", "stringequals", "stringlike"})
"""Condition operators that name the distributions; the others say which they are not, or hold where none is named."""


class Block(Record):
    """A public-access block, of an account or of a bucket. No configuration is four times false."""

    flags: dict[str, bool]

    @classmethod
    def of(cls, configuration: JsonValue) -> "Block":
        """From `PublicAccessBlockConfiguration`, or None."""
        given = configuration if isinstance(configuration, dict) else {}
        return cls(flags={name: given.get(name) is True for name in FLAGS})

    @property
    def complete(self) -> bool:
        """Whether all four are on."""
        return all(self.flags.values())


class Layers(Record):
    """What decides whether a bucket is public. None: that layer could not be read."""

    account: Block | None
    bucket: Block | None
    policy_public: bool | None
    """As GetBucketPolicyStatus says."""
    acl_public: bool | None
    acls_off: bool | None
    """Object ownership is BucketOwnerEnforced."""


class Exposure(Record):
    """Whether a bucket is public now, and by which layer. None: what was read does not settle it."""

    by_policy: bool | None
    by_acl: bool | None

    @property
    def public(self) -> bool | None:
        """By either."""
        return _either(self.by_policy, self.by_acl)

    @property
    def by(self) -> str | None:
        """`none`, `policy`, `acl` or `policy_and_acl`."""
        if self.by_policy is None or self.by_acl is None:
            return None
        names = [name for name, on in (("policy", self.by_policy), ("acl", self.by_acl)) if on]
        return "_and_".join(names) or "none"


class PolicyReaders(Record):
    """Whom a bucket's policy lets in, other than the account itself and everyone."""

    cross_account: list[str] = []
    """Other accounts and canonical users that are named, themselves or by a CloudFront distribution of theirs; `*` and
    `cloudfront` where the policy lets in somebody whose account it does not say."""
    cloudfront: bool = False
    """A distribution of the account itself."""
    delivery: bool = False
    """A service that delivers audit records."""


def exposure(layers: Layers) -> Exposure:
    """The effective state: the most restrictive of account and bucket holds, for each road in."""
    return Exposure(
        by_policy=_both(layers.policy_public, _not(_flag(layers, "RestrictPublicBuckets"))),
        by_acl=_both(_both(layers.acl_public, _not(layers.acls_off)), _not(_flag(layers, "IgnorePublicAcls"))),
    )


def policy_readers(document: JsonObject, account: str) -> PolicyReaders:
    """Whom the policy names."""
    named: set[str] = set()
    cloudfront = delivery = False
    for statement in statements(document):
        if statement.get("Effect") != "Allow":
            continue
        for principal in principals(statement):
            distributions = _distributions(principal, statement)
            named |= _foreign(principal, account, conditional=bool(statement.get("Condition")))
            named |= distributions - {account}
            cloudfront |= account in distributions
            delivery |= principal.kind == "Service" and principal.id in DELIVERY
    return PolicyReaders(cross_account=sorted(named), cloudfront=cloudfront, delivery=delivery)


def acl_is_public(grants: JsonValue) -> bool:
    """Whether one of an ACL's grants is to everyone, or to every AWS account."""
    return bool(_group_uris(grants) & _PUBLIC_GROUPS)


def acl_takes_logs(grants: JsonValue) -> bool:
    """Whether S3's log delivery may write here."""
    return _LOG_GROUP in _group_uris(grants)


def _group_uris(grants: JsonValue) -> set[str]:
    found = set()
    for grant in grants if isinstance(grants, list) else []:
        grantee = grant.get("Grantee") if isinstance(grant, dict) else None
        uri = grantee.get("URI") if isinstance(grantee, dict) else None
        if isinstance(uri, str):
            found.add(uri)
    return found


def _foreign(principal: Principal, account: str, *, conditional: bool) -> set[str]:
    """Whom this names outside the account. Everyone on a condition is somebody whom the condition alone knows."""
    if principal.kind == "CanonicalUser":
        return {principal.id}
    if _is_access_identity(principal):
        return {"cloudfront"}
    if principal.everyone and conditional:
        return {"*"}
    if principal.kind != "AWS" or principal.account in (None, account):
        return set()
    return {str(principal.account)}


def _is_access_identity(principal: Principal) -> bool:
    """Before origin access control, a distribution read as a user of CloudFront's own. It says nobody's account."""
    return principal.kind == "AWS" and ":iam::cloudfront:user/" in principal.id


def _distributions(principal: Principal, statement: JsonObject) -> set[str]:
    """The accounts whose distributions an origin access control lets in, as `AWS:SourceArn` names them.

    Whoever can write the policy can name a distribution of an account of his own.
    """
    if principal.kind != "Service" or principal.id != "cloudfront.amazonaws.com":
        return set()
    condition = statement.get("Condition")
    sources = [
        source
        for operator, test in (condition.items() if isinstance(condition, dict) else ())
        if operator.casefold() in _SAYS_WHICH and isinstance(test, dict)
        for key, value in test.items()
        if key.casefold() == "aws:sourcearn"
        for source in listed(value)
    ]
    named = {parts[4] for source in sources if len(parts := source.split(":")) > 5 and parts[2] == "cloudfront"}
    return named or {"*"}


def _flag(layers: Layers, name: str) -> bool | None:
    account = None if layers.account is None else layers.account.flags[name]
    bucket = None if layers.bucket is None else layers.bucket.flags[name]
    return _either(account, bucket)


def _not(one: bool | None) -> bool | None:
    return None if one is None else not one


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _either(one: bool | None, other: bool | None) -> bool | None:
    return _not(_both(_not(one), _not(other)))
