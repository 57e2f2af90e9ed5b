"""Reads AWS WAF: which IP sets are ours to block with, what is in them, and whether anything really uses them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal, cast

from agent.addresses import Network, covers, network
from agent.record import Record
from agent.target import Region
from agent.web_acl import Effect, SetUse, group_uses, set_uses
from tools.aws import Aws, AwsCall, Gone, Phase
from tools.pace import Pacer

PURPOSE, BLOCK = "stanch:purpose", "block"
"""The tag that makes an IP set one of ours. Never its name: whoever may make sets may give one any name."""
LIMIT = 10_000
"""Entries of one IP set. AWS does not raise it."""
Scope = Literal["REGIONAL", "CLOUDFRONT"]
_GLOBAL_AT = "us-east-1"
_RESOURCES: dict[Scope, tuple[str, ...]] = {
    "REGIONAL": (
        "APPLICATION_LOAD_BALANCER", "API_GATEWAY", "APPSYNC", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE",
        "VERIFIED_ACCESS_INSTANCE", "AGENTCORE_GATEWAY",
    ),
    "CLOUDFRONT": ("AMPLIFY",),
}  # fmt: skip
"""What a web ACL can stand in front of. Without a type, ListResourcesForWebACL only looks at load balancers."""

_ARN = "arn:{partition}:wafv2:*:{account}:*/"
_IN_FRONT = (
    "amplify:ListResourcesForWebACL", "apprunner:ListAssociatedServicesForWebAcl", "appsync:ListResourcesForWebACL",
    "cognito-idp:ListResourcesForWebACL", "ec2:DescribeVerifiedAccessInstanceWebAclAssociations",
    "elasticloadbalancing:DescribeWebACLAssociation",
)  # fmt: skip
_LOOK = frozenset({Phase.PLAN, Phase.VERIFY})
_ALWAYS = _LOOK | {Phase.EXECUTE, Phase.UNDO}
_waf = partial(AwsCall, "wafv2")
LIST_SETS = _waf("ListIPSets", "wafv2:ListIPSets", "*", frozenset({Phase.PLAN}))
TAGS = _waf("ListTagsForResource", "wafv2:ListTagsForResource", f"{_ARN}ipset/*", _ALWAYS)
GET_SET = _waf("GetIPSet", "wafv2:GetIPSet", f"{_ARN}ipset/*", _ALWAYS)
LIST_ACLS = _waf("ListWebACLs", "wafv2:ListWebACLs", "*", _LOOK)
GET_ACL = _waf("GetWebACL", "wafv2:GetWebACL", f"{_ARN}webacl/*", _LOOK)
GET_GROUP = _waf("GetRuleGroup", "wafv2:GetRuleGroup", f"{_ARN}rulegroup/*", _LOOK)
RESOURCES = _waf("ListResourcesForWebACL", "wafv2:ListResourcesForWebACL", f"{_ARN}webacl/*", _LOOK, needs=_IN_FRONT)
DISTRIBUTIONS = AwsCall(
    "cloudfront", "ListDistributionsByWebACLId", "cloudfront:ListDistributionsByWebACLId", "*", _LOOK
)
SET_CALLS = frozenset({LIST_SETS, TAGS, GET_SET})
USE_CALLS = frozenset({LIST_ACLS, GET_ACL, GET_GROUP, RESOURCES, DISTRIBUTIONS})
_READ_AS = {call: replace(call, phases=frozenset({Phase.READ})) for call in SET_CALLS | USE_CALLS}
READ_CALLS = frozenset(_READ_AS.values())
"""The same calls, for a source to declare: an action has no phase in which it only reads."""

_READS, _ASSOCIATIONS, _WRITES = Pacer(rate=5.0), Pacer(rate=1.0, burst=1), Pacer(rate=1.0, burst=1)
"""AWS's fixed limits for an account and a Region."""


class SetRef(Record):
    """Which IP set: all that its API needs to name it."""

    arn: str
    name: str
    id: str
    scope: Scope
    region: Region
    """Where its API is: us-east-1 for CloudFront's, whose own ARN says so too."""


class HeldSet(Record):
    """An IP set of ours as it is now."""

    ref: SetRef
    version: int
    """4 or 6, for ever."""
    addresses: list[str]
    """As AWS writes them."""
    description: str | None
    token: str
    """What an update must show to prove that it has seen all this."""

    def has(self, wanted: Network) -> bool:
        """Whether exactly this network is an entry, however it is written."""
        return any(network(text) == wanted for text in self.addresses)

    def blocks(self, wanted: Network) -> bool:
        """Whether some entry covers all of it."""
        return any(covers(network(text), wanted) for text in self.addresses)


class Use(Record):
    """One web ACL's use of a set, and how much the web ACL stands in front of."""

    web_acl: str
    use: SetUse
    resources: int


def our_sets(aws: Aws, version: int) -> list[HeldSet]:
    """Every IP set of ours for this IP version, in the Region and for CloudFront."""
    return [held for scope, region in _scopes(aws) for held in _ours(aws.at(region), scope) if held.version == version]


def held(aws: Aws, ref: SetRef) -> HeldSet | None:
    """The set as it is now; None if it is not marked as ours any more. Raises Gone if it does not exist."""
    here = aws.at(ref.region)
    tags = cast(dict[str, Any], _paced(here, TAGS, ResourceARN=ref.arn)["TagInfoForResource"])
    marks = {tag["Key"]: tag["Value"] for tag in tags.get("TagList", [])}
    if marks.get(PURPOSE) != BLOCK or ref.arn.split(":")[4] != aws.account:
        return None
    answer = _paced(here, GET_SET, Name=ref.name, Scope=ref.scope, Id=ref.id)
    found = answer["IPSet"]
    if found["ARN"] != ref.arn:
        raise Gone(GET_SET.name, "AnotherSetOfThisName")
    return HeldSet(
        ref=ref,
        version=4 if found["IPAddressVersion"] == "IPV4" else 6,
        addresses=found["Addresses"],
        description=found.get("Description") or None,
        token=answer["LockToken"],
    )


def uses(aws: Aws, refs: Iterable[SetRef]) -> list[Use]:
    """Every use of these sets by a rule of a web ACL of ours, by rules in its rule groups too."""
    by_arn = {ref.arn: ref for ref in refs}
    found: list[Use] = []
    for scope, region in dict.fromkeys((ref.scope, ref.region) for ref in by_arn.values()):
        here = aws.at(region)
        for summary in _listed(here, LIST_ACLS, "WebACLs", scope):
            web_acl = _acl(here, summary, scope)
            of_ours = [use for use in _uses_in(here, web_acl) if use.arn in by_arn]
            resources = _in_front(here, summary["ARN"], scope) if of_ours else 0
            found += [Use(web_acl=summary["Name"], use=use, resources=resources) for use in of_ours]
    return found


def blocking(found: Iterable[Use], ref: SetRef) -> list[Use]:
    """The uses by which being in the set means being blocked from something, whatever the request."""
    return _before_something(found, ref, Effect.BLOCKS)


def in_part(found: Iterable[Use], ref: SetRef) -> list[Use]:
    """The uses by which being in the set means that some requests are blocked."""
    return _before_something(found, ref, Effect.IN_PART)


def _before_something(found: Iterable[Use], ref: SetRef, effect: Effect) -> list[Use]:
    return [each for each in found if each.use.arn == ref.arn and each.use.effect is effect and each.resources > 0]


def pace_write(aws: Aws, ref: SetRef) -> None:
    """Wait until one more update keeps AWS's limit."""
    if aws.clients.paced:
        _WRITES.wait(f"{aws.account} {ref.region}")


def _scopes(aws: Aws) -> list[tuple[Scope, str]]:
    """CloudFront's web ACLs exist in the commercial partition only."""
    regional: list[tuple[Scope, str]] = [("REGIONAL", aws.region)]
    return [*regional, ("CLOUDFRONT", _GLOBAL_AT)] if aws.partition == "aws" else regional


def _ours(aws: Aws, scope: Scope) -> Iterator[HeldSet]:
    for summary in _listed(aws, LIST_SETS, "IPSets", scope):
        ref = SetRef(
            arn=summary["ARN"], name=summary["Name"], id=summary["Id"], scope=scope, region=aws.region
        )  # fmt: skip
        try:
            found = held(aws, ref)
        except Gone:
            continue
        if found is not None:
            yield found


def _listed(aws: Aws, call: AwsCall, holding: str, scope: Scope) -> list[dict[str, Any]]:
    pages = aws.pages(_in_phase(aws, call), Scope=scope)
    return [item for page in pages for item in cast(list[dict[str, Any]], page.get(holding, []))]


def _acl(aws: Aws, summary: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The web ACL; one that was deleted since it was listed uses nothing."""
    try:
        answer = _paced(aws, GET_ACL, Name=summary["Name"], Scope=scope, Id=summary["Id"])
    except Gone:
        return {}
    found: dict[str, Any] = answer["WebACL"]
    return found


def _uses_in(aws: Aws, web_acl: dict[str, Any]) -> list[SetUse]:
    found = set_uses(web_acl.get("Rules"))
    for group in group_uses(web_acl):
        # a rule group of another account can only refer to sets of that account
        if group.arn.split(":")[4:5] == [aws.account]:
            answer = _paced(aws, GET_GROUP, ARN=group.arn)
            found += set_uses(answer["RuleGroup"].get("Rules"), group)
    return found


def _in_front(aws: Aws, arn: str, scope: Scope) -> int:
    """How many resources the web ACL stands in front of. A type that this Region does not have has none."""
    count = 0
    for kind in _RESOURCES[scope]:
        if aws.clients.paced:
            _ASSOCIATIONS.wait(f"{aws.account} {aws.region}")
        answer: Any = aws.call(
            _in_phase(aws, RESOURCES), absent={"WAFInvalidParameterException"}, WebACLArn=arn, ResourceType=kind
        )  # fmt: skip
        count += len((answer or {}).get("ResourceArns", []))
    if scope == "CLOUDFRONT":
        listed: Any = aws.need(_in_phase(aws, DISTRIBUTIONS), WebACLId=arn)["DistributionList"]
        count += int(listed.get("Quantity") or 0)
    return count


def _paced(aws: Aws, call: AwsCall, **params: Any) -> dict[str, Any]:
    if aws.clients.paced:
        _READS.wait(f"{aws.account} {aws.region}")
    answer: dict[str, Any] = aws.need(_in_phase(aws, call), **params)
    return answer


def _in_phase(aws: Aws, call: AwsCall) -> AwsCall:
    return _READ_AS[call] if aws.phase is Phase.READ else call
