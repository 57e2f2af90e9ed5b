"""Putting a world into a sandbox."""

from agent.record import JsonObject
from tools.sandbox.engine import Sandbox
from tools.sandbox.seeding import (
    autoscaling,
    cloudtrail,
    ec2,
    elbv2,
    flow_logs,
    guardduty,
    iam,
    macie,
    s3,
    securityhub,
    wafv2,
)
from tools.sandbox.seeding.events import account_of, findings_in, region_of
from tools.sandbox.seeding.iam import secret_for
from tools.sandbox.seeding.place import Place
from tools.sandbox.world import Content, OtherAccount, World

_KEEPERS = {
    "asff": securityhub.put_own,
    "cloudtrail": cloudtrail.put_own,
    "guardduty": guardduty.put_own,
    "macie": macie.put_own,
}

__all__ = ["secret_for", "seed"]


def seed(sandbox: Sandbox, world: World, event: JsonObject | None = None) -> None:
    """Fill a sandbox, whose clock says the world's `now`, with the world. What is there already stays as it is.

    With the event that will be handled, and unless the world says `event: false`, the event's own findings stand in GuardDuty,
    Security Hub or Macie, so that they can be read again there. Hooks of the sandbox see these calls: set them afterwards.
    """
    if event is not None and world.event:
        _put_own(sandbox, world, event)
    for _, content in world.contents():
        _fill(_place(sandbox, world, content), content)


def _place(sandbox: Sandbox, world: World, content: Content) -> Place:
    if isinstance(content, OtherAccount):
        return Place(sandbox, content.account, content.region or world.region, world.now)
    return Place(sandbox, world.account, world.region, world.now)


def _put_own(sandbox: Sandbox, world: World, event: JsonObject) -> None:
    """First of all: a Region's detector is the one that the event names."""
    for carried in findings_in(event):
        if carried.kind in _KEEPERS:
            account, region = account_of(carried, world.account), region_of(carried, world.region)
            _KEEPERS[carried.kind](Place(sandbox, account, region, world.now), carried)


def _fill(place: Place, content: Content) -> None:
    iam.seed(place, content.iam)
    s3.seed(place, content.s3)
    cloudtrail.seed(place, content.cloudtrail)
    ec2.seed(place, content.ec2)
    elbv2.seed(place, content.elbv2)
    autoscaling.seed(place, content.autoscaling)
    wafv2.seed(place, content.wafv2)
    flow_logs.seed(place, content.flow_logs)
    macie.seed(place, content.macie)
    guardduty.seed(place, content.guardduty)
    securityhub.seed(place, content.securityhub)
