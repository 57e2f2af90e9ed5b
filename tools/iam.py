"""IAM statements made from the calls that units declare: the one source of roles and session policies."""

from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from agent.record import JsonObject
from tools.aws import AwsCall, Phase


def statements(
    calls: Iterable[AwsCall], phases: Iterable[Phase], places: Mapping[str, str] | None = None
) -> list[JsonObject]:
    """Allow statements for the declared calls of these phases: one for each resource, sorted, the same for the same calls.

    `places` fills `{partition}`, `{account}` and `{region}` of the resources; what it leaves out stays as it is, for a
    template to fill. An unsigned call needs no permission. Raises nothing and calls nothing.
    """
    wanted = frozenset(phases)
    by_resource: dict[str, set[str]] = {}
    for call in calls:
        if call.phases & wanted and not call.unsigned:
            by_resource.setdefault(_filled(call.resource, places or {}), set()).add(call.permission)
            by_resource.setdefault("*", set()).update(call.needs)
    by_resource = {resource: actions for resource, actions in by_resource.items() if actions}
    return [_allow(resource, sorted(actions)) for resource, actions in sorted(by_resource.items())]


def _filled(resource: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        resource = resource.replace(f"{{{name}}}", value)
    return resource


def _allow(resource: str, actions: list[str]) -> JsonObject:
    listed: list[JsonValue] = list(actions)
    return {"Effect": "Allow", "Action": listed, "Resource": resource}
