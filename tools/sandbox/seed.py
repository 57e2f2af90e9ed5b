"""Putting a world into a sandbox."""

from collections.abc import Container

from pydantic import JsonValue

from tools.sandbox.engine import Sandbox
from tools.sandbox.seeding import (
    access_analyzer,
    alarms,
    athena,
    autoscaling,
    cloudtrail,
    config,
    ec2,
    elbv2,
    flow_logs,
    guardduty,
    health,
    iam,
    inspector,
    macie,
    organizations,
    present,
    s3,
    securityhub,
    securityhub_v2,
    verdicts,
    wafv2,
)
from tools.sandbox.seeding.events import account_of, findings_in, region_of
from tools.sandbox.seeding.iam import secret_for
from tools.sandbox.seeding.parsed import UniqueIds, unique_ids
from tools.sandbox.seeding.place import Place
from tools.sandbox.world import Content, OtherAccount, World

_KEEPERS = {
    "access_analyzer": access_analyzer.put_own,
    "asff": securityhub.put_own,
    "cloudtrail": cloudtrail.put_own,
    "cloudwatch": alarms.put_own,
    "config": verdicts.put_own,
    "guardduty": guardduty.put_own,
    "health": health.put_own,
    "inspector": inspector.put_own,
    "macie": macie.put_own,
    "ocsf": securityhub_v2.put_own,
}

__all__ = ["add", "secret_for", "seed"]


def seed(sandbox: Sandbox, world: World, event: JsonValue = None) -> None:
    """Fill a sandbox, whose clock says the world's `now`, with the world. What is there already stays as it is.

    With the event that will be handled, and unless the world says `event: false`, the event's own findings stand in the services
    that they are of, so that they can be read again there. Hooks of the sandbox see these calls: set them afterwards.
    """
    if event is not None and world.event:
        _put_own(sandbox, world, event)
    ids = unique_ids(event)
    for _, content in world.contents():
        _fill(_place(sandbox, world, content), content, ids)
    if world.organization is not None:
        organizations.seed(Place(sandbox, world.organization.management, world.region, world.now), world.organization)


def add(sandbox: Sandbox, world: World, event: JsonValue, within: Container[str] | None = None) -> None:
    """Let a further event happen in a world in use: its own findings, and of its `world` what is not there already.

    `within` are the accounts of a world that somebody wrote down, which stands as it is written: what an event names is
    added to it only if it holds none of it, nothing outside those accounts, and nothing that Macie or GuardDuty would know.
    """
    _put_own(sandbox, world, event, within)
    ids = unique_ids(event)
    places = [(_place(sandbox, world, content), content) for _, content in world.contents()]
    if within is None:
        for place, content in places:
            _fill(place, content, ids)
    elif not any(_holds(place, content) for place, content in places):
        for place, content in places:
            if place.account in within:
                _build(place, content, ids)
    for account in {account for account, _ in ids if within is None or account in within}:
        iam.take_ids(Place(sandbox, account, world.region, world.now), ids)


def _holds(place: Place, content: Content) -> bool:
    """Whether any user, role, bucket or instance of the content is there."""
    known = place.global_backend("iam")
    roles = {role.name for role in known.roles.values()}
    return (
        any(user.name in known.users for user in content.iam.users)
        or any(role.name in roles for role in content.iam.roles)
        or any(bucket.name in place.bucket_names() for bucket in content.s3.buckets)
        or any(ec2.has(place, content.ec2, instance) for instance in content.ec2.instances)
    )


def _place(sandbox: Sandbox, world: World, content: Content) -> Place:
    if isinstance(content, OtherAccount):
        return Place(sandbox, content.account, content.region or world.region, world.now)
    return Place(sandbox, world.account, world.region, world.now)


def _put_own(sandbox: Sandbox, world: World, event: JsonValue, within: Container[str] | None = None) -> None:
    """First of all: a Region's detector is the one that the event names."""
    for carried in findings_in(event):
        account, region = account_of(carried, world.account), region_of(carried, world.region)
        if carried.kind in _KEEPERS and (within is None or account in within):
            _KEEPERS[carried.kind](Place(sandbox, account, region, world.now), carried)


def _fill(place: Place, content: Content, ids: UniqueIds) -> None:
    _build(place, content, ids)
    config.seed(place, content.config)
    access_analyzer.seed(place, content.access_analyzer)
    macie.seed(place, content.macie)
    guardduty.seed(place, content.guardduty)
    securityhub.seed(place, content.securityhub)
    health.seed(place, content.health)


def _build(place: Place, content: Content, ids: UniqueIds) -> None:
    """What stands there, without what services have found in it."""
    iam.seed(place, content.iam)
    iam.take_ids(place, ids)
    s3.seed(place, content.s3)
    cloudtrail.seed(place, content.cloudtrail)
    ec2.seed(place, content.ec2)
    elbv2.seed(place, content.elbv2)
    autoscaling.seed(place, content.autoscaling)
    wafv2.seed(place, content.wafv2)
    flow_logs.seed(place, content.flow_logs)
    athena.seed(place, content.athena, content.cloudtrail, content.flow_logs)
    present.seed(place, content.present)
