"""AWS Config's rules in a world: what the event's own rule says of its resource, where it can be asked again."""

from agent.record import JsonObject
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.shape import fitted, is_news
from tools.sandbox.services.config import ConfigVerdicts


def put_own(place: Place, carried: Carried) -> None:
    """Put it there, unless nothing identifies it, or one as new is there."""
    own, verdict = carried.body, pick(carried.body, "newevaluationresult")
    named: JsonObject = {name: own.get(name) for name in ("configRuleName", "resourceType", "resourceId")}
    if not isinstance(verdict, dict) or not all(isinstance(one, str) for one in named.values()):
        return
    identified: JsonObject = {"evaluationResultIdentifier": {"evaluationResultQualifier": named}}
    made = fitted(place, "config", "EvaluationResult", verdict | identified)
    kept = place.shelf(ConfigVerdicts)
    before = next((one for one in kept.results if _about(one) == _about(made)), None)
    if is_news(made, before, "ResultRecordedTime"):
        kept.results = [one for one in kept.results if one is not before] + [made]
    name = own.get("resourceName")
    if isinstance(name, str):
        kept.names[str(named["resourceType"]), str(named["resourceId"])] = name


def _about(result: JsonObject) -> object:
    return pick(result.get("EvaluationResultIdentifier"), "evaluationresultqualifier")
