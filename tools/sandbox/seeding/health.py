"""AWS Health in a world: whether the account has its API, and the event's own notice."""

from typing import Any

from agent.record import JsonObject, Record
from tools.gathering import home
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.shape import fitted, is_news
from tools.sandbox.services.health import HealthEvents


class HealthSection(Record):
    """The `health` key of a world."""

    enabled: bool = True
    """Whether the account's support plan has the Health API."""


def seed(place: Place, section: HealthSection) -> None:
    """Health answers unless the plan lacks it."""
    if not section.enabled:
        _state(place).subscribed = False


def _state(place: Place) -> HealthEvents:
    return place.at(home(place.partition)).shelf(HealthEvents)


def put_own(place: Place, carried: Carried) -> None:
    """Put it where it can be read again, unless nothing identifies it, or one as new is there."""
    own, arn = carried.body, carried.body.get("eventArn")
    if not isinstance(arn, str):
        return
    kept = _state(place)
    details: Any = fitted(place, "health", "EventDetails", _details(own, arn))
    before = next((one for one in kept.details if one["event"]["arn"] == arn), None)
    if not is_news(details["event"], before and before["event"], "lastUpdatedTime"):
        return
    kept.details = [one for one in kept.details if one["event"]["arn"] != arn] + [details]
    kept.entities = [one for one in kept.entities if one["eventArn"] != arn] + _entities(place, own, arn)


def _details(own: JsonObject, arn: str) -> JsonObject:
    described = own.get("eventDescription")
    first = described[0] if isinstance(described, list) and described else None
    return {
        "event": own | {"arn": arn, "region": own.get("eventRegion")},
        "eventDescription": {"latestDescription": pick(first, "latestdescription")},
    }


def _entities(place: Place, own: JsonObject, arn: str) -> list[JsonObject]:
    affected = own.get("affectedEntities")
    named = [pick(one, "entityvalue") for one in affected] if isinstance(affected, list) else []
    whole: list[JsonObject] = [{"eventArn": arn, "entityValue": name, "awsAccountId": place.account} for name in named]
    return [fitted(place, "health", "AffectedEntity", one) for one in whole]
