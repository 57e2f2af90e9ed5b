"""Public access to buckets as it is enforced: blocks of bucket and account, strangers, expected owners."""

from typing import Any

from tools.sandbox.mechanism import patch, prepare
from tools.sandbox.policy import Effect, evaluate, is_public

_RESPONSE = "moto.s3.responses"
_EVERYBODY = "http://acs.amazonaws.com/groups/global/"


def blocked(bucket: Any, flag: str) -> bool:
    """Whether one of the four flags is on, for the bucket or for its account: the most restrictive wins."""
    prepare("s3control")
    from moto.s3control.models import s3control_backends

    account = s3control_backends[bucket.account_id][bucket.partition].public_access_block
    return any(block is not None and _flag(block, flag) for block in (bucket.public_access_block, account))


def _flag(block: Any, flag: str) -> bool:
    return str(getattr(block, flag)).lower() == "true"


def _public(acl: Any) -> bool:
    return acl is not None and any(one.uri.startswith(_EVERYBODY) for grant in acl.grants for one in grant.grantees)


def _denied() -> Exception:
    from moto.s3.exceptions import S3AccessDeniedError

    denied: Exception = S3AccessDeniedError()
    return denied


@patch(
    "moto.s3.models",
    "FakeBucket.get_permission",
    source="7571412a3495",
    why="moto ignores principals, conditions and blocks",
)
def _permission(original: Any) -> Any:
    def get_permission(self: Any, action: str, resource: str) -> Any:
        from moto.iam.access_control import PermissionResult

        if self.policy is None:
            return PermissionResult.NEUTRAL
        asked = "s3:GetObject" if action == "s3:HeadObject" else action  # AWS knows no such action as HeadObject
        said = evaluate(
            self.policy, asked, resource, {"aws:securetransport": "true", "aws:sourceip": "192.0.2.10"}, stranger=True
        )
        if said is Effect.ALLOW and blocked(self, "restrict_public_buckets"):
            return PermissionResult.NEUTRAL
        return {
            Effect.ALLOW: PermissionResult.PERMITTED,
            Effect.DENY: PermissionResult.DENIED,
            Effect.SILENT: PermissionResult.NEUTRAL,
        }[said]

    return get_permission


@patch(
    "moto.core.authorization",
    "ActionAuthenticatorMixin._authenticate_and_authorize_s3_action",
    source="f42e68966e40",
    why="moto fails on strangers",
)
def _authorize(original: Any) -> Any:
    def authorize(self: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
        _expected_owner(self, bucket_name)
        if "Authorization" in self.headers or "Signature=" in self.uri:
            original(self, bucket_name, key_name)
        elif not _stranger_may(self, bucket_name, key_name):
            raise _denied()

    return authorize


def _expected_owner(response: Any, bucket_name: str | None) -> None:
    from moto.s3.models import s3_backends

    expected = response.headers.get("x-amz-expected-bucket-owner")
    owner = s3_backends.bucket_accounts.get(bucket_name or "")
    if expected and owner and owner[1] != expected:
        raise _denied()


def _stranger_may(response: Any, bucket_name: str | None, key_name: str | None) -> bool:
    from moto.iam.access_control import PermissionResult

    if bucket_name is None:
        return False
    bucket = response.backend.get_bucket(bucket_name)
    action = str(response._get_action()).replace("HeadObject", "GetObject").replace("HeadBucket", "ListBucket")
    resource = f"arn:{bucket.partition}:s3:::{bucket_name}" + (f"/{key_name}" if key_name else "")
    said = bucket.get_permission(f"s3:{action}", resource)
    if said != PermissionResult.NEUTRAL:
        return bool(said == PermissionResult.PERMITTED)
    if action == "GetObject":
        key = response.backend.get_object(bucket_name, key_name)
        return key is not None and _readable(bucket, key.acl)
    return action in ("ListBucket", "ListObjects") and _readable(bucket, bucket.acl)


def _readable(bucket: Any, acl: Any) -> bool:
    if blocked(bucket, "ignore_public_acls") or bucket.ownership_rule == "BucketOwnerEnforced":
        return False
    return acl is not None and acl.public_read


def _refused_when_public(original: Any) -> Any:
    def parse(self: Any, *args: Any) -> Any:
        acl = original(self, *args)
        bucket = _existing(self)
        if bucket is not None and acl is not None and _public(acl):
            if bucket.ownership_rule == "BucketOwnerEnforced":
                raise _client_error("AccessControlListNotSupported", "The bucket does not allow ACLs")
            if blocked(bucket, "block_public_acls"):
                raise _denied()
        return acl

    return parse


def _existing(response: Any) -> Any:
    from moto.s3.models import s3_backends

    owner = s3_backends.bucket_accounts.get(response.bucket_name)
    return response.backend.get_bucket(response.bucket_name) if owner else None


def _client_error(code: str, message: str) -> Exception:
    from moto.s3.exceptions import S3ClientError

    error: Exception = S3ClientError(code, message)
    return error


@patch(
    _RESPONSE, "S3Response._acl_from_headers", source="811f062c43b5", why="moto takes public ACLs under BlockPublicAcls"
)
def _acl_headers(original: Any) -> Any:
    return _refused_when_public(original)


@patch(
    _RESPONSE, "S3Response._acl_from_body", source="e8e98dc229d5", why="moto takes public ACLs under BlockPublicAcls"
)
def _acl_body(original: Any) -> Any:
    return _refused_when_public(original)


@patch(
    "moto.s3.models",
    "S3Backend.get_bucket_acl",
    source="12b42fbed806",
    why="under IgnorePublicAcls AWS answers the effective ACL",
)
def _effective_acl(original: Any) -> Any:
    def get(self: Any, bucket_name: str) -> Any:
        from moto.s3.models import FakeAcl

        acl = original(self, bucket_name)
        if acl is None or not blocked(self.get_bucket(bucket_name), "ignore_public_acls"):
            return acl
        return FakeAcl([grant for grant in acl.grants if not _public(FakeAcl([grant]))])

    return get


@patch(
    "moto.s3.models",
    "S3Backend.put_bucket_policy",
    source="cb66d163aa17",
    why="moto takes public policies under BlockPublicPolicy, and no JSON",
)
def _put_policy(original: Any) -> Any:
    def put(self: Any, bucket_name: str, policy: bytes) -> None:
        try:
            public = is_public(policy)
        except (ValueError, AttributeError) as error:
            raise _client_error(
                "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'"
            ) from error
        if public and blocked(self.get_bucket(bucket_name), "block_public_policy"):
            raise _denied()
        original(self, bucket_name, policy)

    return put


@patch(_RESPONSE, "bucket_policy_is_public", source="9a74630b288c", why="moto takes every condition as narrowing")
def _policy_status(original: Any) -> Any:
    return is_public


_ACTIONS: dict[str, dict[str, str]] = {
    "HEAD": {"DEFAULT": "ListBucket"},
    "GET": {
        "publicAccessBlock": "GetBucketPublicAccessBlock", "encryption": "GetEncryptionConfiguration",
        "ownershipControls": "GetBucketOwnershipControls", "replication": "GetReplicationConfiguration",
        "object-lock": "GetBucketObjectLockConfiguration",
    },
    "PUT": {
        "publicAccessBlock": "PutBucketPublicAccessBlock", "encryption": "PutEncryptionConfiguration",
        "ownershipControls": "PutBucketOwnershipControls", "replication": "PutReplicationConfiguration",
    },
    "DELETE": {
        "publicAccessBlock": "PutBucketPublicAccessBlock", "encryption": "PutEncryptionConfiguration",
        "ownershipControls": "PutBucketOwnershipControls", "replication": "PutReplicationConfiguration",
    },
}  # fmt: skip


@patch(
    _RESPONSE,
    "ACTION_MAP",
    source="afbe48ff9aeb",
    why="moto asks for s3:CreateBucket where AWS asks for s3:PutBucketPublicAccessBlock",
)
def _actions(original: Any) -> Any:
    buckets = {method: names | _ACTIONS.get(method, {}) for method, names in original["BUCKET"].items()}
    return {**original, "BUCKET": buckets}
