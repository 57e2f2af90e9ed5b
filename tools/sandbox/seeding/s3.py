"""S3 in a world: buckets with what makes them public or not, and the account's block."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from agent.record import JsonObject, Record
from tools.sandbox.seeding import distributions
from tools.sandbox.seeding.place import Place

BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
CannedAcl = Literal["private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write"]


class Block(Record):
    """The four flags of a public-access block, by short names."""

    acls: bool = False
    ignore_acls: bool = False
    policy: bool = False
    restrict: bool = False

    @property
    def configuration(self) -> dict[str, bool]:
        """As the S3 API writes it."""
        return {
            "BlockPublicAcls": self.acls,
            "IgnorePublicAcls": self.ignore_acls,
            "BlockPublicPolicy": self.policy,
            "RestrictPublicBuckets": self.restrict,
        }


class S3Object(Record):
    """An object."""

    key: Annotated[str, Field(min_length=1, max_length=1024)]
    body: str = ""
    acl: CannedAcl = "private"


class BucketDistribution(Record):
    """A CloudFront distribution whose origin is the bucket."""

    id: Annotated[str, Field(pattern=r"^E[A-Z0-9]{5,20}$")]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{3,200}$")] | None = None
    """The origin's host name; the bucket's regional one when not given."""
    path: str = ""
    access: Literal["control", "identity", "none"] = "control"
    """How it signs: by an origin access control, as an origin access identity, or not at all."""
    enabled: bool = True


class AccessPoint(Record):
    """An access point of the bucket, in the bucket's own account. Its block is complete unless said otherwise, as on AWS."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$")]
    policy: JsonObject | None = None
    block: Block | None = None
    vpc: str | None = None


class Bucket(Record):
    """A bucket. What is not said is not configured, also where AWS has a default for new buckets."""

    name: BucketName
    region: str | None = None
    """The world's own Region when not given."""
    block: Block | None = None
    policy: JsonObject | str | None = None
    """`public_read` (anyone may get objects), or a document."""
    acl: CannedAcl = "private"
    ownership: Literal["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"] | None = None
    website: bool = False
    tags: dict[str, str] = {}
    objects: list[S3Object] = []
    log_target: BucketName | None = None
    """The bucket, of this world, that this one's access logs go to."""
    distributions: list[BucketDistribution] = []
    access_points: list[AccessPoint] = []

    @field_validator("policy", mode="before")
    @classmethod
    def _policy_is_known(cls, value: object) -> object:
        if value is not None and value != "public_read" and not isinstance(value, dict):
            raise ValueError("a policy is null, public_read, or a document")
        return value

    @model_validator(mode="after")
    def _acls_are_on(self) -> "Bucket":
        if self.ownership == "BucketOwnerEnforced" and self.acl != "private":
            raise ValueError("acl: BucketOwnerEnforced switches ACLs off")
        return self


class S3Section(Record):
    """The `s3` key of a world."""

    buckets: list[Bucket] = []
    account_block: Block | None = None

    @model_validator(mode="after")
    def _log_targets_exist(self) -> "S3Section":
        names = {bucket.name for bucket in self.buckets}
        for number, bucket in enumerate(self.buckets):
            if bucket.log_target is not None and bucket.log_target not in names:
                raise ValueError(f"buckets[{number}].log_target: no bucket of this world is named {bucket.log_target}")
        return self


def public_read(bucket: str, partition: str) -> JsonObject:
    """The policy by which anyone may get the bucket's objects."""
    arn = f"arn:{partition}:s3:::{bucket}/*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "PublicRead", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": arn}
        ],
    }


def seed(place: Place, section: S3Section) -> None:
    """Put the buckets into the account; the blocks last, since they refuse what comes after them.

    A bucket that is there already, in whatever account, stays as it is.
    """
    taken = place.bucket_names()
    missing = [bucket for bucket in section.buckets if bucket.name not in taken]
    for bucket in missing:
        _create(place.at(bucket.region), bucket)
    for bucket in missing:
        if bucket.log_target is not None:
            # the API would first want delivery permissions on the target that a world need not spell out
            logging = {"TargetBucket": bucket.log_target, "TargetPrefix": f"{bucket.name}/"}
            place.global_backend("s3").get_bucket(bucket.name).logging = logging
        if bucket.block is not None:
            client = place.at(bucket.region).client("s3")
            client.put_public_access_block(
                Bucket=bucket.name, PublicAccessBlockConfiguration=bucket.block.configuration
            )
    if section.account_block is not None:
        place.client("s3control").put_public_access_block(
            AccountId=place.account, PublicAccessBlockConfiguration=section.account_block.configuration
        )


def _create(place: Place, bucket: Bucket) -> None:
    s3: Any = place.client("s3")
    elsewhere = (
        {} if place.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place.region}}
    )
    s3.create_bucket(Bucket=bucket.name, **elsewhere)
    if bucket.ownership is not None:
        rules = [{"ObjectOwnership": bucket.ownership}]
        s3.put_bucket_ownership_controls(Bucket=bucket.name, OwnershipControls={"Rules": rules})
    if bucket.acl != "private":
        s3.put_bucket_acl(Bucket=bucket.name, ACL=bucket.acl)
    for item in bucket.objects:
        # moto lets an object without its own ACL inherit the bucket's
        acl = {} if item.acl == bucket.acl == "private" else {"ACL": item.acl}
        s3.put_object(Bucket=bucket.name, Key=item.key, Body=item.body.encode(), **acl)
    if bucket.tags:
        tags = [{"Key": key, "Value": value} for key, value in bucket.tags.items()]
        s3.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": tags})
    if bucket.website:
        index = {"IndexDocument": {"Suffix": "index.html"}}
        s3.put_bucket_website(Bucket=bucket.name, WebsiteConfiguration=index)
    if bucket.policy is not None:
        document = public_read(bucket.name, place.partition) if isinstance(bucket.policy, str) else bucket.policy
        s3.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(document))
    for front in bucket.distributions:
        distributions.create(place, front.id, origin=_origin(place, bucket, front), enabled=front.enabled)
    for point in bucket.access_points:
        _point(place, bucket.name, point)


def _origin(place: Place, bucket: Bucket, front: BucketDistribution) -> dict[str, Any]:
    host = front.host or f"{bucket.name}.s3.{place.region}.amazonaws.com"
    origin: dict[str, Any] = {"DomainName": host, "OriginPath": front.path}
    if ".s3-website" in host:
        return {**origin, "CustomOriginConfig": {}}
    identity = f"origin-access-identity/cloudfront/{front.id}" if front.access == "identity" else ""
    control = {"OriginAccessControlId": f"{front.id}OAC"} if front.access == "control" else {}
    return {**origin, **control, "S3OriginConfig": {"OriginAccessIdentity": identity}}


def _point(place: Place, bucket: str, point: AccessPoint) -> None:
    control: Any = place.client("s3control")
    block = point.block or Block(acls=True, ignore_acls=True, policy=True, restrict=True)
    network = {"VpcConfiguration": {"VpcId": point.vpc}} if point.vpc else {}
    control.create_access_point(
        AccountId=place.account, Name=point.name, Bucket=bucket,
        PublicAccessBlockConfiguration=block.configuration, **network,
    )  # fmt: skip
    if point.policy is not None:
        control.put_access_point_policy(AccountId=place.account, Name=point.name, Policy=json.dumps(point.policy))
