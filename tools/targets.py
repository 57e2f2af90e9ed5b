"""Finds out, by a live read, whether a target is what a finding says it is: there, and ours."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from agent.addresses import is_reserved, network
from agent.target import Target, TargetKind
from tools.aws import UNREADABLE, Aws, AwsCall, AwsError, Gone, NotPermitted, Phase
from tools.gathering import home, regional
from tools.named_targets import CALLS as NAMED_CALLS
from tools.named_targets import READS as NAMED_READS
from tools.named_targets import Standing
from tools.renamed_users import is_the_one

__all__ = ["CALLS", "Standing", "verify"]

_PHASES = frozenset({Phase.READ, Phase.PLAN})
_USER = "arn:{partition}:iam::{account}:user/*"
LAST_USED = AwsCall(
    "iam", "GetAccessKeyLastUsed", permission="iam:GetAccessKeyLastUsed", resource=_USER, phases=_PHASES
)
LIST_KEYS = AwsCall("iam", "ListAccessKeys", permission="iam:ListAccessKeys", resource=_USER, phases=_PHASES)
GET_USER = AwsCall("iam", "GetUser", permission="iam:GetUser", resource=_USER, phases=_PHASES)
HEAD = AwsCall("s3", "HeadBucket", permission="s3:ListBucket", resource="arn:{partition}:s3:::*", phases=_PHASES)
GET_ROLE = AwsCall(
    "iam", "GetRole", permission="iam:GetRole", resource="arn:{partition}:iam::{account}:role/*", phases=_PHASES
)
INSTANCES = AwsCall("ec2", "DescribeInstances", permission="ec2:DescribeInstances", resource="*", phases=_PHASES)
INTERFACES = AwsCall(
    "ec2", "DescribeNetworkInterfaces", permission="ec2:DescribeNetworkInterfaces", resource="*", phases=_PHASES
)
CALLS = frozenset({LAST_USED, LIST_KEYS, GET_USER, HEAD, GET_ROLE, INSTANCES, INTERFACES}) | NAMED_CALLS

_ENDED = frozenset({"shutting-down", "terminated"})


def verify(aws: Aws, target: Target, since: datetime | None = None) -> Standing:
    """Read the target in its account and Region. Never raises an AwsError: no answer, or none that can be read, is `failed`.

    `gone`: AWS says that there is no such thing, or that an instance is ended. `foreign`: it is another account's, another
    Region's or another user's. `another`: a user of this name, but not the one that the finding saw act, at `since` or later. An
    address is verified by being a public one: there is nothing to ask. What AWS shows to nobody (a session of a role, a temporary
    key, a node) and other addresses are `failed`, whatever holds them.
    """
    if target.kind is TargetKind.ADDRESS:
        return "failed" if is_reserved(network(target.id)) else "verified"
    if target.account != aws.account or target.partition != aws.partition:
        return "foreign"
    read = partial(_user, since=since) if target.kind is TargetKind.USER else _READS.get(target.kind)
    if read is None or target.temporary:
        return "failed"
    try:
        return read(aws.at(regional(target) if target.kind in _REGIONAL else home(aws.partition)), target)
    except (AwsError, *UNREADABLE):
        return "failed"


def _user(aws: Aws, target: Target, since: datetime | None) -> Standing:
    answer: Any = aws.call(GET_USER, absent={"NoSuchEntity"}, UserName=target.id)
    if answer is None:
        return "gone"
    user = answer.get("User", {})
    arn = str(user.get("Arn", ""))
    ours = arn.startswith(f"arn:{target.partition}:iam::{target.account}:user/") and user.get("UserName") == target.id
    if not ours:
        return "foreign"
    return "verified" if is_the_one(user, target, since) else "another"


def _key(aws: Aws, target: Target) -> Standing:
    """IAM names the key's user; that user must be the one the finding names, and must have the key now."""
    answer: Any = aws.call(LAST_USED, absent={"NoSuchEntity"}, AccessKeyId=target.id)
    if answer is None:
        return "gone"
    owner = answer.get("UserName")
    if not owner or (target.owner is not None and owner != target.owner):
        return "foreign"
    try:
        listed = [key for page in aws.pages(LIST_KEYS, UserName=owner) for key in _metadata(page)]
    except Gone:
        return "gone"
    return "verified" if any(key.get("AccessKeyId") == target.id for key in listed) else "gone"


def _metadata(page: Any) -> list[Any]:
    found = page.get("AccessKeyMetadata")
    return found if isinstance(found, list) else []


def _bucket(aws: Aws, target: Target) -> Standing:
    try:
        answer: Any = aws.call(
            HEAD, absent={"404", "NoSuchBucket"}, Bucket=target.id, ExpectedBucketOwner=target.account
        )
    except NotPermitted:
        # A HEAD has no body to say why: if it is only the owner that we got wrong, asking without one succeeds.
        return "foreign" if aws.call(HEAD, absent={"404"}, Bucket=target.id) is not None else "failed"
    if answer is None:
        return "gone"
    where = answer.get("BucketRegion")
    return "verified" if where in {None, regional(target)} else "foreign"


def _role(aws: Aws, target: Target) -> Standing:
    answer: Any = aws.call(GET_ROLE, absent={"NoSuchEntity"}, RoleName=target.id)
    if answer is None:
        return "gone"
    role = answer.get("Role", {})
    arn = str(role.get("Arn", ""))
    ours = arn.startswith(f"arn:{target.partition}:iam::{target.account}:role/") and role.get("RoleName") == target.id
    return "verified" if ours else "foreign"


def _instance(aws: Aws, target: Target) -> Standing:
    try:
        answer: Any = aws.need(INSTANCES, InstanceIds=[target.id], IncludeManagedResources=True)
    except Gone:
        return "gone"
    found = [
        (reservation.get("OwnerId"), instance["State"]["Name"])
        for reservation in answer.get("Reservations", [])
        for instance in reservation.get("Instances", [])
        if instance.get("InstanceId") == target.id
    ]
    if not found or found[0][1] in _ENDED:
        return "gone"
    return "verified" if found[0][0] == target.account else "foreign"


def _interface(aws: Aws, target: Target) -> Standing:
    try:
        answer: Any = aws.need(INTERFACES, NetworkInterfaceIds=[target.id], IncludeManagedResources=True)
    except Gone:
        return "gone"
    owners = [
        one.get("OwnerId") for one in answer.get("NetworkInterfaces", []) if one["NetworkInterfaceId"] == target.id
    ]
    if not owners:
        return "gone"
    return "verified" if owners == [target.account] else "foreign"


_READS: dict[TargetKind, Callable[[Aws, Target], Standing]] = {
    TargetKind.ACCESS_KEY: _key,
    TargetKind.ROLE: _role,
    TargetKind.BUCKET: _bucket,
    TargetKind.INSTANCE: _instance,
    TargetKind.INTERFACE: _interface,
    **NAMED_READS,
}
_REGIONAL = frozenset({TargetKind.BUCKET, TargetKind.INSTANCE, TargetKind.INTERFACE, *NAMED_READS})
