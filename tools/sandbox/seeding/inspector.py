"""Inspector in a world: the event's own finding, where ListFindings finds it."""

from tools.sandbox.seeding.events import Carried
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.shape import fitted, is_news, put
from tools.sandbox.services.inspector2 import InspectorFindings


def put_own(place: Place, carried: Carried) -> None:
    """Put it where it can be read again, unless nothing identifies it, or one as new is there."""
    arn = carried.body.get("findingArn")
    if not isinstance(arn, str) or len(arn.split(":")) != 6:
        return
    # its own ARN alone says where it is
    kept = place.at(arn.split(":")[3] or None).shelf(InspectorFindings).findings
    own = fitted(place, "inspector2", "Finding", carried.body)
    if is_news(own, next((one for one in kept if one.get("findingArn") == arn), None), "updatedAt"):
        put(kept, own, "findingArn")
