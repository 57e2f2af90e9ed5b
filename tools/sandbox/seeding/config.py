"""AWS Config in a world: a recorder, and the states that it recorded of buckets and security groups."""

import json
from typing import Annotated, Self

from pydantic import Field, model_validator

from agent.record import JsonObject, Record, iso
from tools.sandbox.seeding.merge import merged
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.s3 import Block, BucketName, CannedAcl
from tools.sandbox.seeding.shape import fitted
from tools.sandbox.seeding.when import When, resolve
from tools.sandbox.services.config import ConfigHistory

_GRANTEES = {"public-read": "AllUsers", "public-read-write": "AllUsers", "authenticated-read": "AuthenticatedUsers"}


class ConfigItem(Record):
    """One recorded state of one resource."""

    bucket: BucketName | None = None
    group: Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")] | None = None
    at: When
    policy: JsonObject | str | None = None
    """`public_read` (anyone may get objects), or a document."""
    acl: CannedAcl = "private"
    block: Block | None = None
    networks: list[str] = []
    """Of a group: the networks that a rule lets in."""
    deleted: bool = False
    region: str | None = None
    raw: JsonObject = {}
    """Laid over the item last."""

    @model_validator(mode="after")
    def _of_one_resource(self) -> Self:
        if (self.bucket is None) == (self.group is None):
            raise ValueError("name one bucket or one group")
        return self


class ConfigSection(Record):
    """The `config` key of a world. A world without it has no recorder."""

    enabled: bool = True
    items: list[ConfigItem] = []


def seed(place: Place, section: ConfigSection) -> None:
    """Turn the recorder on, if it is on, and put in what it recorded, each state in its own Region."""
    if not section.enabled:
        return
    place.shelf(ConfigHistory).recording = True
    for short in section.items:
        here = place.at(short.region)
        kept = here.shelf(ConfigHistory)
        kept.recording = True
        kept.items.append(fitted(here, "config", "ConfigurationItem", item(here, short)))


def item(place: Place, short: ConfigItem) -> JsonObject:
    """The state as GetResourceConfigHistory answers it."""
    resource = str(short.bucket or short.group)
    kind = "AWS::S3::Bucket" if short.bucket else "AWS::EC2::SecurityGroup"
    made: JsonObject = {
        "version": "1.3",
        "accountId": place.account,
        "configurationItemCaptureTime": iso(resolve(short.at, place.now)),
        "configurationItemStatus": "ResourceDeleted" if short.deleted else "OK",
        "resourceType": kind,
        "resourceId": resource,
        "resourceName": resource,
        "awsRegion": place.region,
        "arn": f"arn:{place.partition}:s3:::{resource}"
        if short.bucket
        else f"arn:{place.partition}:ec2:{place.region}:{place.account}:security-group/{resource}",
    }
    made |= _of_bucket(place, short) if short.bucket else {"configuration": json.dumps(_of_group(short))}
    return merged(made, short.raw)


def _of_bucket(place: Place, short: ConfigItem) -> JsonObject:
    grants: list[JsonObject] = [{"grantee": {"id": "owner", "displayName": None}, "permission": "FullControl"}]
    if short.acl in _GRANTEES:
        grants.append({"grantee": _GRANTEES[short.acl], "permission": "Read"})
    more: JsonObject = {
        "BucketPolicy": json.dumps({"policyText": _policy(place, short)}),
        # Config writes the ACL as JSON in JSON
        "AccessControlList": json.dumps(json.dumps({"grantSet": None, "grantList": grants})),
    }
    if short.block is not None:
        flags = {name[0].lower() + name[1:]: on for name, on in short.block.configuration.items()}
        more["PublicAccessBlockConfiguration"] = json.dumps(flags)
    return {"configuration": json.dumps({"name": short.bucket}), "supplementaryConfiguration": more}


def _policy(place: Place, short: ConfigItem) -> str | None:
    if short.policy is None:
        return None
    if short.policy == "public_read":
        where = f"arn:{place.partition}:s3:::{short.bucket}/*"
        anyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": where}
        return json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    return short.policy if isinstance(short.policy, str) else json.dumps(short.policy)


def _of_group(short: ConfigItem) -> JsonObject:
    fours: list[JsonObject] = [{"cidrIp": one} for one in short.networks if ":" not in one]
    sixes: list[JsonObject] = [{"cidrIpv6": one} for one in short.networks if ":" in one]
    rule: JsonObject = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}
    rules: list[JsonObject] = [rule | {"ipv4Ranges": [*fours], "ipv6Ranges": [*sixes]}] if short.networks else []
    return {"groupName": short.group, "ipPermissions": [*rules]}
