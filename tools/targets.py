"""Finds out, by a live read, whether a target is what a finding says it is: there, and ours."""

from typing import Any, Literal

from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, AwsError, Gone, NotPermitted, Phase
from tools.gathering import home, regional

_PHASES = frozenset({Phase.READ, Phase.PLAN})
_USER = "arn:{partition}:iam::{account}:user/*"
LAST_USED = AwsCall(
    "iam", "GetAccessKeyLastUsed", permission="iam:GetAccessKeyLastUsed", resource=_USER, phases=_PHASES
)
LIST_KEYS = AwsCall("iam", "ListAccessKeys", permission="iam:ListAccessKeys", resource=_USER, phases=_PHASES)
GET_USER = AwsCall("iam", "GetUser", permission="iam:GetUser", resource=_USER, phases=_PHASES)
HEAD = AwsCall("s3", "HeadBucket", permission="s3:ListBucket", resource="arn:{partition}:s3:::*", phases=_PHASES)
CALLS = frozenset({LAST_USED, LIST_KEYS, GET_USER, HEAD})

Standing = Literal["verified", "gone", "foreign", "failed"]
SUPPORTED = frozenset({TargetKind.ACCESS_KEY, TargetKind.USER, TargetKind.BUCKET, TargetKind.ADDRESS})
"""Kinds that can be verified. Of any other, and of temporary keys, `verify` says failed."""


def verify(aws: Aws, target: Target) -> Standing:
    """Read the target in its account and Region. Never raises an AwsError: no answer is `failed`.

    `gone`: AWS says that there is no such thing. `foreign`: it is another account's, another Region's or another user's.
    """
    if target.kind is TargetKind.ADDRESS:
        return "verified"
    if target.account != aws.account or target.partition != aws.partition:
        return "foreign"
    if target.kind not in SUPPORTED or target.temporary:
        return "failed"
    try:
        if target.kind is TargetKind.BUCKET:
            return _bucket(aws.at(regional(target)), target)
        aws = aws.at(home(aws.partition))
        return _user(aws, target) if target.kind is TargetKind.USER else _key(aws, target)
    except AwsError:
        return "failed"


def _user(aws: Aws, target: Target) -> Standing:
    answer: Any = aws.call(GET_USER, absent={"NoSuchEntity"}, UserName=target.id)
    if answer is None:
        return "gone"
    user = answer.get("User", {})
    arn = str(user.get("Arn", ""))
    ours = arn.startswith(f"arn:{target.partition}:iam::{target.account}:user/") and user.get("UserName") == target.id
    return "verified" if ours else "foreign"


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
