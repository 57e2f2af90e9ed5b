"""What an event's findings are about, as intake parses them: whatever a run takes for a target stands in the world."""

from datetime import UTC, datetime

from pydantic import JsonValue

from agent.event import Event, unsound
from agent.finding import Finding, Origin
from agent.intake import parse
from agent.record import Record
from agent.target import Target, TargetKind
from tools.gathering import home
from tools.sandbox.seeding.events import is_region
from tools.sandbox.seeding.naming import Named, named
from tools.sandbox.seeding.naming_instances import NamedInstance
from tools.sandbox.seeding.present import KINDS, Present

UniqueIds = dict[tuple[str, str], str]
"""By account and name of the user."""
_WHENEVER = datetime(2026, 1, 1, tzinfo=UTC)


class About(Record):
    """What one finding is about, of what a world can hold."""

    region: str
    things: list[Named]
    """Users first."""
    instances: list[NamedInstance]
    present: list[Present]
    called_at: datetime | None
    """When the finding's own call was made, if it is one."""


def parsed(event: JsonValue) -> list[Finding]:
    """The event's findings that intake does not refuse. Nothing fails."""
    if unsound(event) is not None:
        return []
    answered = parse(Event(body=event, received_at=_WHENEVER, via="direct")).findings
    return [one for one in answered if isinstance(one, Finding)]


def about(finding: Finding) -> About:
    """The finding's targets, but for interfaces and what AWS shows to nobody."""
    region = finding.region if is_region(finding.region) else home(finding.partition)
    things = [thing for target in finding.targets for thing in _named(target)]
    return About(
        region=region,
        things=sorted(things, key=lambda thing: thing.kind != "user"),
        instances=[
            NamedInstance(id=target.id, region=region)
            for target in finding.targets
            if target.kind is TargetKind.INSTANCE
        ],
        present=[_present(target) for target in finding.targets if target.kind in KINDS],
        called_at=finding.last_seen if finding.origin is Origin.CLOUDTRAIL else None,
    )


def unique_ids(event: JsonValue) -> UniqueIds:
    """The unique ids that the event's findings give of users."""
    targets = [target for finding in parsed(event) for target in finding.targets]
    return {(target.account, target.id): target.unique_id for target in targets if target.unique_id is not None}


def _present(target: Target) -> Present:
    return Present.model_validate({"kind": target.kind.value, "id": target.id, "region": target.region})


def _named(target: Target) -> list[Named]:
    if target.kind is TargetKind.ACCESS_KEY:
        # every key has a user, also where the finding names the key alone
        return named("access_key", target.id, owner=target.owner or f"holder-of-{target.id}")
    if target.kind is TargetKind.USER:
        return named("user", target.id)
    if target.kind is TargetKind.ROLE:
        return named("role", target.id)
    return named("bucket", target.id) if target.kind is TargetKind.BUCKET else []
