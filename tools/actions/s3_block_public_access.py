"""Turn on all four public access blocks of a bucket."""

import re
from functools import partial
from typing import Any, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.iam_policy import Principal, parse_document, principals, statements
from agent.plan import Change, Effect, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Region, Target, TargetKind
from tools import bucket_fronts
from tools.aws import Aws, AwsCall, AwsError, Gone, NotPermitted, Phase
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="s3_block_public_access",
    target=TargetKind.BUCKET,
    order=30,
    reversal=Reversal.EXACT,
    disruption=Disruption.ONE_RESOURCE,
    summary="Block all public access to the bucket.",
    disrupts="Anonymous readers, a website on the bucket, and other accounts that a public policy names.",
    leaves_open=[
        "Pre-signed URLs that somebody with permission made.",
        "Other accounts that a policy names, if the policy is not public.",
        "Copies that were already taken.",
    ],
    opens_again="the bucket {target} is as public as its policy and ACLs make it.",
)

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_DIRECTORY = "--x-s3"
_CANARY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,255}")
"""Object keys that we are ready to ask for: others may be somebody's trick."""
_CANARIES_TRIED = 5
_WAITS = (1.0, 2.0, 4.0, 8.0)

_BUCKETS = "arn:{partition}:s3:::*"
_PLAN = frozenset({Phase.PLAN})
_ALL = frozenset({Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO})
HEAD = AwsCall("s3", "HeadBucket", "s3:ListBucket", _BUCKETS, _PLAN)
LIST = AwsCall("s3", "ListObjectsV2", "s3:ListBucket", _BUCKETS, frozenset({Phase.PLAN, Phase.VERIFY}))
WEBSITE = AwsCall("s3", "GetBucketWebsite", "s3:GetBucketWebsite", _BUCKETS, _PLAN)
POLICY = AwsCall("s3", "GetBucketPolicy", "s3:GetBucketPolicy", _BUCKETS, _PLAN)
GET = AwsCall("s3", "GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", _BUCKETS, _ALL)
PUT = AwsCall(
    "s3", "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", _BUCKETS,
    frozenset({Phase.EXECUTE, Phase.UNDO}), writes=True,
)  # fmt: skip
DELETE = AwsCall(
    "s3", "DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", _BUCKETS, frozenset({Phase.UNDO}), writes=True
)
TRY = AwsCall(
    "s3", "HeadObject", "s3:GetObject", "arn:{partition}:s3:::*/*",
    frozenset({Phase.PLAN, Phase.VERIFY}), unsigned=True,
)  # fmt: skip
CALLS = frozenset({HEAD, LIST, WEBSITE, POLICY, GET, PUT, DELETE, TRY}) | bucket_fronts.PLANNING


class Params(Record):
    """What a change carries beside the state: made by `plan`, not chosen by anybody."""

    bucket_region: Region
    """Where the bucket really is, as HeadBucket says."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"block": null | the four flags}`; null is "no configuration", which is not four times false."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.BUCKET:
        return no(reason="wrong_kind")
    if target.id.endswith(_DIRECTORY):
        return no(reason="not_supported", detail="a directory bucket has no public access block")
    try:
        region = _region(aws, target)
        here = aws.at(region)
        before = _read(here, target)()
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    after: JsonObject = {"block": dict.fromkeys(FLAGS, True)}
    canary = None if before == after else _canary(here, target)
    return Change(
        action=SPEC.id,
        target=target,
        params=Params(bucket_region=region).model_dump(mode="json"),
        notes={"canary": canary},  # an object that a stranger could read before
        before=before,
        after=after,
        blast_radius=[*_blast_radius(here, target), *([] if before == after else _fronts(here, target))],
        leaves_open=SPEC.leaves_open,
    )


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Put all four flags, if the flags are still those before."""
    return _set(aws, change, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """Observed if an object that a stranger could read before is refused now; else by configuration."""
    params = Params.model_validate(change.params)
    here = aws.at(params.bucket_region)
    settings = "GetPublicAccessBlock reads all four flags on, twice"
    configured = read_back(here, _read(here, change.target), change.after, settings)
    canary = change.notes.get("canary")
    if not configured.holds or not isinstance(canary, str):
        return configured
    return _observed(here, change.target, canary, configured)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Put the four flags before, or delete the configuration if there was none."""
    return _set(aws, change, expected=change.after, wanted=change.before)


def _set(aws: Aws, change: Change, *, expected: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    here, of = aws.at(Params.model_validate(change.params).bucket_region), _of(change.target)

    def write() -> None:
        if wanted["block"] is None:
            here.need(DELETE, **of)
        else:
            here.need(PUT, PublicAccessBlockConfiguration=wanted["block"], **of)

    return step(here, _read(here, change.target), write, expected=expected, wanted=wanted)


def _of(target: Target) -> dict[str, str]:
    """Names of buckets are global: without the owner, a bucket that somebody else made since would answer."""
    return {"Bucket": target.id, "ExpectedBucketOwner": target.account}


def _region(aws: Aws, target: Target) -> str:
    return str(aws.need(HEAD, **_of(target)).get("BucketRegion") or target.region)


def _read(aws: Aws, target: Target) -> Read:
    def read() -> JsonObject:
        answer = aws.call(GET, absent={"NoSuchPublicAccessBlockConfiguration"}, **_of(target))
        if answer is None:
            return {"block": None}
        flags = cast(dict[str, Any], answer["PublicAccessBlockConfiguration"])
        return {"block": {name: bool(flags.get(name, False)) for name in FLAGS}}

    return read


def _canary(aws: Aws, target: Target) -> str | None:
    """The first listed object that a stranger can read. None, and so no observation, if there is none or we may not look."""
    try:
        listed = cast(list[dict[str, Any]], aws.need(LIST, MaxKeys=100, **_of(target)).get("Contents", []))
        keys = [str(item["Key"]) for item in listed if _CANARY.fullmatch(str(item["Key"]))]
        return next((key for key in keys[:_CANARIES_TRIED] if _stranger_reads(aws, target, key)), None)
    except AwsError:
        return None


def _stranger_reads(aws: Aws, target: Target, key: str) -> bool:
    try:
        aws.need(TRY, Bucket=target.id, Key=key)
    except NotPermitted:
        return False
    return True


def _still_there(aws: Aws, target: Target, key: str) -> bool:
    """Whether the object is listed: to a stranger, one that is gone looks like one that is refused."""
    listed = cast(list[dict[str, Any]], aws.need(LIST, Prefix=key, MaxKeys=1, **_of(target)).get("Contents", []))
    return any(item["Key"] == key for item in listed)


def _observed(aws: Aws, target: Target, canary: str, configured: Verification) -> Verification:
    for wait in (*_WAITS, None):
        try:
            if not _stranger_reads(aws, target, canary):
                if not _still_there(aws, target, canary):
                    detail = f"{configured.detail}; the object to try it on is gone"
                    return Verification(how="by_configuration", detail=detail, at=aws.now())
                detail = "an unsigned HeadObject that was answered before is refused"
                return Verification(how="observed", detail=f"{detail}; {configured.detail}", at=aws.now())
        except AwsError as error:
            detail = f"{configured.detail}; trying it gave no answer ({error.code})"
            return Verification(how="by_configuration", detail=detail, at=aws.now())
        if wait is not None:
            aws.sleep(wait)
    detail = "the flags read as wanted, but an unsigned HeadObject is still answered"
    return Verification(how="unverified", detail=detail, at=aws.now())


def _blast_radius(aws: Aws, target: Target) -> list[Effect]:
    effects: list[Effect] = []
    try:
        if aws.call(WEBSITE, absent={"NoSuchWebsiteConfiguration"}, **_of(target)):
            effects.append(Effect(what="The website on the bucket stops answering.", count=1))
        answer = aws.call(POLICY, absent={"NoSuchBucketPolicy"}, **_of(target))
    except AwsError as error:
        return [*effects, Effect(what=f"Who uses the bucket could not be read ({error.code}).", count=None)]
    named = _allowed(answer["Policy"]) if answer else []
    others = {principal.account for principal in named} - {target.account, None}
    if others:
        what = "Other accounts that the policy names lose access, if the policy is public."
        effects.append(Effect(what=what, count=len(others)))
    if any(principal.id == "cloudfront.amazonaws.com" or ":iam::cloudfront:" in principal.id for principal in named):
        effects.append(Effect(what="A CloudFront distribution reads the bucket: it goes on.", count=1))
    return effects


def _fronts(aws: Aws, target: Target) -> list[Effect]:
    """The account's own distributions and access points of the bucket."""
    effects: list[Effect] = []
    try:
        found = bucket_fronts.fronts(aws, target) if bucket_fronts.has_cloudfront(target) else []
        cut = [one for one in found if not one.signs]
        if cut:
            what = "CloudFront distributions read the bucket by no access control: those stop that a public policy or ACL lets in."
            effects.append(Effect(what=what, count=len(cut)))
        if len(found) > len(cut):
            what = "CloudFront distributions read the bucket by an access control: they go on."
            effects.append(Effect(what=what, count=len(found) - len(cut)))
        if points := bucket_fronts.points(aws, target):
            what = "Access points of the bucket: the block holds for public requests through them too."
            effects.append(Effect(what=what, count=len(points)))
    except AwsError as error:
        effects.append(Effect(what=f"What stands before the bucket could not be read ({error.code}).", count=None))
    return effects


def _allowed(policy: object) -> list[Principal]:
    document = parse_document(policy) or {}
    allowing = [statement for statement in statements(document) if statement.get("Effect") == "Allow"]
    return [principal for statement in allowing for principal in principals(statement)]
