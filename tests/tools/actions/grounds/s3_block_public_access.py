"""Buckets that strangers read, by policy and by ACL, beside a public website that must go on."""

from typing import Any

from botocore.exceptions import ClientError

from agent.plan import Change
from agent.target import Target, TargetKind
from grounds import ACCOUNT, REGION, Ground, plain
from tools.sandbox.engine import Sandbox

_WORLD = f"""
now: 2026-11-20T12:00:00Z
account: {ACCOUNT}
region: {REGION}
s3:
  buckets:
    - name: reports-by-policy
      policy: public_read
      objects: [ {{ key: q3/report.csv, body: figures }} ]
    - name: reports-by-acl
      region: eu-west-1
      block: {{ acls: true, policy: true }}
      objects:
        - {{ key: private.csv, body: figures }}
        - {{ key: public.csv, body: figures, acl: public-read }}
    - name: reports-closed
      block: {{ acls: true, ignore_acls: true, policy: true, restrict: true }}
    - name: reports-false
      block: {{}}
    - name: website-sibling
      policy: public_read
      website: true
      objects: [ {{ key: index.html, body: hello }} ]
"""
_SIBLING = "website-sibling"


def _look(sandbox: Sandbox, bucket: str) -> Any:
    s3 = sandbox.client("s3", ACCOUNT, REGION)
    reads = (s3.get_public_access_block, s3.get_bucket_policy, s3.get_bucket_acl)
    return {(name, read.__name__): _answer(read, name) for name in (bucket, _SIBLING) for read in reads}


def _answer(read: Any, bucket: str) -> Any:
    try:
        return plain(read(Bucket=bucket))
    except ClientError as error:
        return error.response["Error"]["Code"]


def _lift_one(sandbox: Sandbox, change: Change) -> None:
    flags = {"BlockPublicAcls": False, "IgnorePublicAcls": True, "BlockPublicPolicy": False}
    sandbox.client("s3", ACCOUNT, REGION).put_public_access_block(
        Bucket=change.target.id, PublicAccessBlockConfiguration=flags | {"RestrictPublicBuckets": False}
    )


def _ground(name: str, bucket: str, key: str | None, region: str = REGION) -> Ground:
    return Ground(
        name=name,
        world=_WORLD,
        target=Target(kind=TargetKind.BUCKET, id=bucket, account=ACCOUNT, region=region),
        look=lambda sandbox: _look(sandbox, bucket),
        drift=_lift_one,
        sibling=lambda sandbox: sandbox.anonymous_get(_SIBLING, "index.html") == 200,
        attacker=None if key is None else lambda sandbox: sandbox.anonymous_get(bucket, key) == 200,
        how="by_configuration" if key is None else "observed",
        failing=key is not None,
    )


GROUNDS = [
    _ground("no_configuration_public_policy", "reports-by-policy", "q3/report.csv"),
    _ground("two_flags_public_acl_elsewhere", "reports-by-acl", "public.csv"),
    _ground("four_flags_already", "reports-closed", None),
    _ground("four_times_false", "reports-false", None),
]
