"""S3 itself: whether the bucket is public now, by what, and who else would notice if that ended."""

from typing import Any

from agent.bucket_exposure import Block, Layers, acl_is_public, acl_takes_logs, exposure, policy_readers
from agent.evidence import Answered
from agent.finding import Finding
from agent.iam_policy import parse_document
from agent.record import JsonObject
from agent.tags import any_protects
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import Gathering, Read, about, attempt, regional
from tools.registry import Registry
from tools.source import Question, SourceSpec

_READ = frozenset({Phase.READ})
_BUCKET = "arn:{partition}:s3:::*"
FACTS = (
    "bucket.exists", "bucket.public", "bucket.public_by", "bucket.block_complete", "account.block_complete",
    "bucket.website", "bucket.cloudfront", "bucket.cross_account_readers", "bucket.audit_store", "bucket.protecting_tag",
)  # fmt: skip

SPEC = SourceSpec(
    name="s3_state",
    tells="Whether the bucket is public now and by what, and who reads it on purpose.",
    facts=FACTS,
    deadline_seconds=30,
    byte_cap=1_000_000,
    attacker_writes=("tags", "policy statement ids"),
)

HEAD = AwsCall("s3", "HeadBucket", permission="s3:ListBucket", resource=_BUCKET, phases=_READ)
ACCOUNT_BLOCK = AwsCall(
    "s3control", "GetPublicAccessBlock", permission="s3:GetAccountPublicAccessBlock", resource="*", phases=_READ
)
BLOCK = AwsCall(
    "s3", "GetPublicAccessBlock", permission="s3:GetBucketPublicAccessBlock", resource=_BUCKET, phases=_READ
)
STATUS = AwsCall("s3", "GetBucketPolicyStatus", permission="s3:GetBucketPolicyStatus", resource=_BUCKET, phases=_READ)
POLICY = AwsCall("s3", "GetBucketPolicy", permission="s3:GetBucketPolicy", resource=_BUCKET, phases=_READ)
ACL = AwsCall("s3", "GetBucketAcl", permission="s3:GetBucketAcl", resource=_BUCKET, phases=_READ)
OWNERSHIP = AwsCall(
    "s3", "GetBucketOwnershipControls", permission="s3:GetBucketOwnershipControls", resource=_BUCKET, phases=_READ
)
WEBSITE = AwsCall("s3", "GetBucketWebsite", permission="s3:GetBucketWebsite", resource=_BUCKET, phases=_READ)
TAGGING = AwsCall("s3", "GetBucketTagging", permission="s3:GetBucketTagging", resource=_BUCKET, phases=_READ)
CALLS = frozenset({HEAD, ACCOUNT_BLOCK, BLOCK, STATUS, POLICY, ACL, OWNERSHIP, WEBSITE, TAGGING})


def wanted(finding: Finding) -> bool:
    """S3 knows buckets."""
    return bool(about(finding, TargetKind.BUCKET))


def gather(aws: Aws, question: Question) -> Answered:
    """Read every layer in the bucket's own Region; each is its own failure."""
    gathering = Gathering(SPEC, question.now)
    for bucket in about(question.finding, TargetKind.BUCKET):
        gathering.want(bucket, FACTS)
        _tell(gathering, aws.at(regional(bucket)), bucket, question.registry)
    return gathering.answered()


def _tell(gathering: Gathering, aws: Aws, bucket: Target, registry: Registry) -> None:
    head = attempt(lambda: gathering.call(aws, HEAD, absent={"404", "NoSuchBucket"}, **_named(bucket)))
    if head.gap or head.value is None:
        _tell_unseen(gathering, bucket, registry, head.gap)
        return
    gathering.known("bucket.exists", bucket, True)
    account = _block(gathering, aws, ACCOUNT_BLOCK, AccountId=bucket.account)
    own = _block(gathering, aws, BLOCK, **_named(bucket))
    acl = attempt(lambda: gathering.call(aws, ACL, **_named(bucket)))
    gathering.settle("account.block_complete", bucket, _complete(account), account.gap)
    gathering.settle("bucket.block_complete", bucket, _complete(own), own.gap)
    _tell_public(gathering, aws, bucket, account, own, acl)
    _tell_readers(gathering, aws, bucket, registry, acl)
    _tell_website(gathering, aws, bucket)
    _tell_tags(gathering, aws, bucket)


def _named(bucket: Target) -> dict[str, Any]:
    """Bucket names are global: a deleted one may be somebody else's by now."""
    return {"Bucket": bucket.id, "ExpectedBucketOwner": bucket.account}


def _tell_unseen(gathering: Gathering, bucket: Target, registry: Registry, gap: str) -> None:
    """Gone, or not answering. The registry still says what it says."""
    for name in FACTS:
        if gap:
            gathering.failed(name, bucket, gap)
        else:
            gathering.absent(name, bucket, "no_bucket")
    if not gap:
        gathering.known("bucket.exists", bucket, False)
    if registry.names(registry.audit_buckets, bucket):
        gathering.known("bucket.audit_store", bucket, True)


def _complete(block: Read[Block]) -> bool | None:
    return None if block.value is None else block.value.complete


def _block(gathering: Gathering, aws: Aws, call: AwsCall, **params: Any) -> Read[Block]:
    """A block. That there is no configuration is an error code, and means that nothing is blocked."""
    none = {"NoSuchPublicAccessBlockConfiguration"}
    read = attempt(lambda: gathering.call(aws, call, absent=none, **params))
    if read.gap:
        return Read(None, read.gap)
    return Read(Block.of((read.value or {}).get("PublicAccessBlockConfiguration")))


def _tell_public(
    gathering: Gathering, aws: Aws, bucket: Target, account: Read[Block], own: Read[Block], acl: Read[JsonObject | None]
) -> None:
    """The ACL that S3 answers is the effective one where public ACLs are ignored: then it is not public either way."""
    status = attempt(lambda: gathering.call(aws, STATUS, absent={"NoSuchBucketPolicy"}, **_named(bucket)))
    ownership = attempt(
        lambda: gathering.call(aws, OWNERSHIP, absent={"OwnershipControlsNotFoundError"}, **_named(bucket))
    )
    found = exposure(
        Layers(
            account=account.value,
            bucket=own.value,
            policy_public=None if status.gap else _is_public(status.value),
            acl_public=None if acl.gap else acl_is_public((acl.value or {}).get("Grants")),
            acls_off=None if ownership.gap else _acls_off(ownership.value),
        )
    )
    gap = account.gap or own.gap or status.gap or acl.gap or ownership.gap
    gathering.settle("bucket.public", bucket, found.public, gap)
    gathering.settle("bucket.public_by", bucket, found.by, gap)


def _is_public(answer: JsonObject | None) -> bool:
    status = (answer or {}).get("PolicyStatus")
    return isinstance(status, dict) and status.get("IsPublic") is True


def _acls_off(answer: JsonObject | None) -> bool:
    controls = (answer or {}).get("OwnershipControls")
    rules = controls.get("Rules") if isinstance(controls, dict) else None
    return any(
        isinstance(rule, dict) and rule.get("ObjectOwnership") == "BucketOwnerEnforced"
        for rule in (rules if isinstance(rules, list) else [])
    )


def _tell_readers(
    gathering: Gathering, aws: Aws, bucket: Target, registry: Registry, acl: Read[JsonObject | None]
) -> None:
    """Whom the policy names. What a block would cut are these, if the policy is public as well."""
    read = attempt(lambda: gathering.call(aws, POLICY, absent={"NoSuchBucketPolicy"}, **_named(bucket)))
    document = parse_document(read.value.get("Policy")) if read.value else {}
    gap = read.gap or ("" if document is not None else "unreadable_policy")
    readers = policy_readers(document or {}, bucket.account)
    gathering.settle("bucket.cloudfront", bucket, None if gap else readers.cloudfront, gap)
    gathering.settle("bucket.cross_account_readers", bucket, None if gap else len(readers.cross_account), gap)
    by_acl = acl.value is not None and acl_takes_logs(acl.value.get("Grants"))
    listed = registry.names(registry.audit_buckets, bucket)
    gathering.holds("bucket.audit_store", bucket, listed or readers.delivery or by_acl, gap or acl.gap)


def _tell_website(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    read = attempt(lambda: gathering.call(aws, WEBSITE, absent={"NoSuchWebsiteConfiguration"}, **_named(bucket)))
    gathering.settle("bucket.website", bucket, None if read.gap else read.value is not None, read.gap)


def _tell_tags(gathering: Gathering, aws: Aws, bucket: Target) -> None:
    read = attempt(lambda: gathering.call(aws, TAGGING, absent={"NoSuchTagSet"}, **_named(bucket)))
    tags: Any = (read.value or {}).get("TagSet", [])
    protects = any_protects(str(tag.get("Key", "")) for tag in tags)
    gathering.settle("bucket.protecting_tag", bucket, None if read.gap else protects, read.gap)
