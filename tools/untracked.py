"""The group that lets everything through: connections under it are not tracked, and end when it is taken away."""

import hashlib
from dataclasses import replace
from typing import Any, cast

from tools.aws import Aws, AwsCall, AwsError, Conflict, Phase
from tools.interfaces import GROUPS, pages
from tools.quarantine import CREATE, Look
from tools.transition import MAY_HAVE_WORKED

TAG = "stanch:untracked"
_PREFIX = "stanch-untracked-"
_EXECUTE = frozenset({Phase.EXECUTE})
_DUPLICATE = {"InvalidPermission.Duplicate"}

LET_IN = AwsCall(
    "ec2", "AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", GROUPS, _EXECUTE, writes=True
)  # fmt: skip
LET_OUT = AwsCall(
    "ec2", "AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupEgress", GROUPS, _EXECUTE, writes=True
)  # fmt: skip
DELETE = AwsCall("ec2", "DeleteSecurityGroup", "ec2:DeleteSecurityGroup", GROUPS, _EXECUTE, writes=True)
OPENING = frozenset(
    {
        CREATE,
        replace(CREATE, resource="arn:{partition}:ec2:{region}:{account}:vpc/*"),
        replace(CREATE, permission="ec2:CreateTags"),
        LET_IN,
        LET_OUT,
        DELETE,
    }
)
"""What this module calls, beside the reads that the action declares itself."""

_IPV4: dict[str, Any] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
_IPV6: dict[str, Any] = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}


_OPEN = [(LET_IN, _IPV4), (LET_IN, _IPV6), (LET_OUT, _IPV4), (LET_OUT, _IPV6)]


def find(aws: Aws, look: Look, vpc: str) -> list[str]:
    """Our open groups in a VPC: what an attempt that was cut off may have left."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "tag-key", "Values": [TAG]}]
    return sorted(
        str(group["GroupId"])
        for page in aws.pages(look.groups, Filters=filters)
        for group in cast(list[dict[str, Any]], page.get("SecurityGroups", []))
        if group["OwnerId"] == look.account and group["VpcId"] == vpc and group["GroupName"].startswith(_PREFIX)
    )


def make(aws: Aws, look: Look, vpc: str, run_id: str) -> str:
    """A group in the VPC that lets everything through, and that nobody uses yet. Raises Conflict if it cannot be had.

    Every direction and version by its own call, each of which may have been made before.
    """
    group = _unused(aws, look, vpc) or _create(aws, look, vpc, run_id)
    for call, rule in _OPEN:
        try:
            aws.call(call, absent=_DUPLICATE, GroupId=group, IpPermissions=[rule])
        except MAY_HAVE_WORKED:
            if not _lets(aws, look, group, call, rule):
                raise
    return group


def remove(aws: Aws, look: Look, vpc: str) -> list[str]:
    """Delete our open groups in a VPC. What is left of them, and why: an empty group is in nobody's way, and is said."""
    why: dict[str, str] = {}
    for group in find(aws, look, vpc):
        try:
            aws.call(DELETE, absent={"InvalidGroup.NotFound"}, GroupId=group)
        except AwsError as error:
            why[group] = error.code
    left = find(aws, look, vpc) if why else []
    return [f"the open group {group} could not be deleted ({why.get(group, 'made meanwhile')})" for group in left]


def _unused(aws: Aws, look: Look, vpc: str) -> str | None:
    """An open group that an earlier attempt left. One that has interfaces is never opened further: it may be a trap."""
    return next((g for g in find(aws, look, vpc) if not any(pages(aws, look.interfaces, "group-id", g))), None)


def _create(aws: Aws, look: Look, vpc: str, run_id: str) -> str:
    lost: AwsError | None = None
    try:
        answer = aws.call(
            CREATE, absent={"InvalidGroup.Duplicate"}, VpcId=vpc,
            GroupName=_PREFIX + hashlib.sha256(run_id.encode()).hexdigest()[:12],
            Description="Made by Stanch for some seconds: lets everything through",
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": TAG, "Value": "true"}]}],
        )  # fmt: skip
    except MAY_HAVE_WORKED as error:
        answer, lost = None, error
    made = str(answer["GroupId"]) if answer else _unused(aws, look, vpc)
    if made is None:
        raise lost or Conflict(CREATE.name, "InvalidGroup.Duplicate")
    return made


def _lets(aws: Aws, look: Look, group: str, call: AwsCall, rule: dict[str, Any]) -> bool:
    """Whether the group has the rule that the call would give it."""
    direction = "IpPermissions" if call is LET_IN else "IpPermissionsEgress"
    answer = aws.need(look.groups, GroupIds=[group])
    found = [one for answered in cast(list[Any], answer["SecurityGroups"]) for one in answered[direction]]
    (family,) = rule.keys() - {"IpProtocol"}
    return any(one["IpProtocol"] == "-1" and rule[family][0] in one.get(family, []) for one in found)
