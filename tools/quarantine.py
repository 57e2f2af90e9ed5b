"""The quarantine group of a VPC: one that we made, asserted at every use, made when there is none."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from agent.record import JsonObject
from tools.aws import Aws, AwsCall, AwsError, Conflict, Phase
from tools.interfaces import GROUPS, Interface, pages
from tools.transition import MAY_HAVE_WORKED

TAG = "stanch:quarantine"
IN_QUARANTINE = "quarantine"
"""What stands in a state for the groups of an interface that has a quarantine group only: ids differ by VPC and by time."""

_NAME = "stanch-quarantine"
_WAITS = (0.5, 1.0, 2.0, 4.0)
_ANYWHERE = {"0.0.0.0/0", "::/0"}
_EXECUTE = frozenset({Phase.EXECUTE})

CREATE = AwsCall("ec2", "CreateSecurityGroup", "ec2:CreateSecurityGroup", GROUPS, _EXECUTE, writes=True)
RULES = AwsCall("ec2", "DescribeSecurityGroupRules", "ec2:DescribeSecurityGroupRules", "*", _EXECUTE)
REVOKE = AwsCall("ec2", "RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress", GROUPS, _EXECUTE, writes=True)
MAKING = frozenset(
    {
        CREATE,
        replace(CREATE, resource="arn:{partition}:ec2:{region}:{account}:vpc/*"),
        replace(CREATE, permission="ec2:CreateTags"),
        RULES,
        REVOKE,
    }
)
"""What `ensure` calls, beside the reads that the action declares itself."""

Group = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """The reads of the action that asks: which calls, and in which account."""

    groups: AwsCall
    interfaces: AwsCall
    account: str


def describing(*phases: Phase) -> AwsCall:
    """DescribeSecurityGroups, for an action to declare in these phases."""
    return AwsCall("ec2", "DescribeSecurityGroups", "ec2:DescribeSecurityGroups", "*", frozenset(phases))


def states(aws: Aws, look: Look, interfaces: Iterable[Interface]) -> JsonObject:
    """By interface: `IN_QUARANTINE`, or the ids of its groups, sorted (their order means nothing to AWS)."""
    listed = list(interfaces)
    vpcs = sorted({one.vpc for one in listed if len(one.groups) == 1})
    clean = {group for vpc in vpcs for group in _clean(aws, look, vpc)}
    return {
        one.id: IN_QUARANTINE if len(one.groups) == 1 and one.groups[0] in clean else [*sorted(one.groups)]
        for one in listed
    }


def ensure(aws: Aws, look: Look, vpc: str) -> str:
    """The id of a group that is a quarantine group at this moment. Raises Conflict if none can be had."""
    clean = _clean(aws, look, vpc)
    if clean:
        return clean[0]
    group = _unfinished(aws, look, vpc) or _left(aws, look, vpc) or _create(aws, look, vpc)
    for wait in _WAITS:
        lost = _empty(aws, group)
        if group in _clean(aws, look, vpc):
            return group
        if lost is not None:
            raise lost
        aws.sleep(wait)
    raise Conflict(CREATE.name, "NoCleanQuarantineGroup")


def copies(aws: Aws, look: Look, vpcs: Iterable[str]) -> list[str]:
    """Groups that carry our tag and that we did not make, as far as the ledger knows."""
    ours = aws.ours()
    marked = [group["GroupId"] for vpc in sorted(set(vpcs)) for group in _tagged(aws, look, vpc)]
    return sorted(group for group in marked if group not in ours)


def existing(aws: Aws, look: Look, ids: Iterable[str]) -> set[str]:
    """Those of these groups that there still are."""
    wanted = sorted(ids)
    return {group["GroupId"] for group in _groups(aws, look, {"group-id": wanted})} if wanted else set()


def _clean(aws: Aws, look: Look, vpc: str) -> list[str]:
    """Groups that are what their tag says: made by us, of this VPC, without any rule, and named in no rule of another group."""
    empty = [group for group in _ours(aws, look, vpc) if not group["IpPermissions"] + group["IpPermissionsEgress"]]
    ids = sorted(group["GroupId"] for group in empty)
    return sorted(set(ids) - _referenced(aws, look, ids)) if ids else []


def _ours(aws: Aws, look: Look, vpc: str) -> list[Group]:
    """A tag is anybody's to write: only what the ledger has is ours, and whoever copies it stays outside."""
    ours = aws.ours()
    return [group for group in _tagged(aws, look, vpc) if group["GroupId"] in ours]


def _tagged(aws: Aws, look: Look, vpc: str) -> list[Group]:
    found = _groups(aws, look, {"vpc-id": [vpc], "tag-key": [TAG]})
    return [group for group in found if group["OwnerId"] == look.account and group["VpcId"] == vpc]


def _groups(aws: Aws, look: Look, filters: dict[str, list[str]]) -> list[Group]:
    wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
    return [
        group
        for page in aws.pages(look.groups, Filters=wanted)
        for group in cast(list[Group], page.get("SecurityGroups", []))
    ]


def _referenced(aws: Aws, look: Look, ids: list[str]) -> set[str]:
    """Those that a rule of any group names: whoever sits in them is let in there."""
    naming = [
        group
        for name in ("ip-permission.group-id", "egress.ip-permission.group-id")
        for group in _groups(aws, look, {name: ids})
    ]
    return {
        pair.get("GroupId", "")
        for group in naming
        for rule in group["IpPermissions"] + group["IpPermissionsEgress"]
        for pair in rule.get("UserIdGroupPairs", [])
    }


def _unfinished(aws: Aws, look: Look, vpc: str) -> str | None:
    """A group of ours that a process made and did not live to empty."""
    return next((str(group["GroupId"]) for group in _ours(aws, look, vpc) if _is_fresh(aws, look, group)), None)


def _left(aws: Aws, look: Look, vpc: str) -> str | None:
    """A group that a process made and did not live to tell of: it bears a name that the ledger had before the call."""
    ours = aws.ours()
    for group in _tagged(aws, look, vpc):
        asked = _asked(vpc, group["GroupName"])
        if asked in ours and _had(asked) not in ours and _is_fresh(aws, look, group):
            return _told(aws, asked, str(group["GroupId"]))
    return None


def _asked(vpc: str, name: str) -> str:
    return f"{vpc}/{name}"


def _had(asked: str) -> str:
    return f"{asked} made"


def _told(aws: Aws, asked: str, group: str) -> str:
    """The group, which the ledger knows by its id from now on, and by its name no more: that another may bear when it is gone."""
    aws.keep(group)
    aws.keep(_had(asked))
    return group


def _is_fresh(aws: Aws, look: Look, group: Group) -> bool:
    """Whether it has AWS's own first rules, and is used by nobody."""
    egress = group["IpPermissionsEgress"]
    fresh = egress and not group["IpPermissions"] and all(_is_default(rule) for rule in egress)
    return bool(fresh) and not any(pages(aws, look.interfaces, "group-id", group["GroupId"]))


def _is_default(rule: dict[str, Any]) -> bool:
    ranges = [one.get("CidrIp", "") for one in rule.get("IpRanges", [])]
    ranges += [one.get("CidrIpv6", "") for one in rule.get("Ipv6Ranges", [])]
    named = rule.get("UserIdGroupPairs", []) + rule.get("PrefixListIds", [])
    return rule["IpProtocol"] == "-1" and not named and set(ranges) <= _ANYWHERE


def _create(aws: Aws, look: Look, vpc: str) -> str:
    """A new group, whose name the ledger knows before the call. Nobody else could, so that what bears it in this VPC was made
    by the call, also where its answer was lost."""
    name = f"{_NAME}-{hashlib.sha256(aws.nonce().encode()).hexdigest()[:12]}"
    asked = _asked(vpc, name)
    aws.keep(asked)
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": TAG, "Value": "true"}]}]
    lost: AwsError | None = None
    try:
        answer = aws.call(
            CREATE, absent={"InvalidGroup.Duplicate"}, GroupName=name, VpcId=vpc, TagSpecifications=tags,
            Description="Made by Stanch: no rules, for instances that are contained",
        )  # fmt: skip
    except MAY_HAVE_WORKED as error:
        answer, lost = None, error
    made = str(answer["GroupId"]) if answer else _named(aws, look, vpc, name)
    if made is None:
        raise lost or Conflict(CREATE.name, "InvalidGroup.Duplicate")
    return _told(aws, asked, made)


def _named(aws: Aws, look: Look, vpc: str, name: str) -> str | None:
    return next(
        (
            str(group["GroupId"])
            for group in _tagged(aws, look, vpc)
            if group["GroupName"] == name and _is_fresh(aws, look, group)
        ),
        None,
    )


def _empty(aws: Aws, group: str) -> AwsError | None:
    """Every new group lets everything out, until these rules are revoked, by id. The error, if no answer came."""
    listed = aws.pages(RULES, Filters=[{"Name": "group-id", "Values": [group]}])
    rules = [
        str(rule["SecurityGroupRuleId"])
        for page in listed
        for rule in cast(list[dict[str, Any]], page.get("SecurityGroupRules", []))
        if rule["IsEgress"]
    ]
    gone = {"InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"}
    try:
        if rules:
            aws.call(REVOKE, absent=gone, GroupId=group, SecurityGroupRuleIds=rules)
    except MAY_HAVE_WORKED as error:
        return error
    return None
