"""Putting a world into a sandbox."""

from agent.record import JsonObject
from tools.sandbox.engine import Sandbox
from tools.sandbox.seeding import cloudtrail, flow_logs, guardduty, iam, macie, s3, securityhub
from tools.sandbox.seeding.iam import secret_for
from tools.sandbox.seeding.place import Place
from tools.sandbox.world import Content, OtherAccount, World

__all__ = ["secret_for", "seed"]


def seed(sandbox: Sandbox, world: World, event: JsonObject | None = None) -> None:
    """Fill an empty sandbox, whose clock says the world's `now`, with the world.

    With the event that will be handled, and unless the world says `event: false`, the event's own findings stand in GuardDuty,
    Security Hub or Macie, so that they can be read again there. Hooks of the sandbox see these calls: set them afterwards.
    """
    for _, content in world.contents():
        _fill(_place(sandbox, world, content), content)
    if event is not None and world.event:
        _tell(_place(sandbox, world, world), event)


def _place(sandbox: Sandbox, world: World, content: Content) -> Place:
    if isinstance(content, OtherAccount):
        return Place(sandbox, content.account, content.region or world.region, world.now)
    return Place(sandbox, world.account, world.region, world.now)


def _fill(place: Place, content: Content) -> None:
    iam.seed(place, content.iam)
    s3.seed(place, content.s3)
    cloudtrail.seed(place, content.cloudtrail)
    flow_logs.seed(place, content.flow_logs)
    macie.seed(place, content.macie)
    guardduty.seed(place, content.guardduty)
    securityhub.seed(place, content.securityhub)
