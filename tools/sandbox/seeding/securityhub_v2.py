"""The newer Security Hub in a world: OCSF findings, the event's own among them, where GetFindingsV2 finds them."""

from copy import deepcopy

from pydantic import JsonValue

from agent.record import JsonObject
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.shape import is_news
from tools.sandbox.services.securityhub_v2 import HubV2State

_KEPT = ":productv2/"
"""What the ARN of a product says whose findings the newer Security Hub keeps."""
_OF_THE_CUSTOMER = ("comment", "severity", "severity_id", "status", "status_id")
"""What a finding that comes again does not overwrite: BatchUpdateFindingsV2 sets it."""


def enable(place: Place) -> HubV2State:
    """Turn it on."""
    state = place.shelf(HubV2State)
    state.enabled = True
    return state


def is_kept(finding: JsonObject) -> bool:
    """Whether its names say that the newer Security Hub keeps it."""
    named, product = _names(finding)
    return isinstance(named, str) and isinstance(product, str) and _KEPT in product


def put_own(place: Place, carried: Carried) -> None:
    """Put the event's own finding where it can be read again, unless nothing identifies it, or one as new is there."""
    if is_kept(carried.body):
        put(place, carried.body)


def put(place: Place, own: JsonObject) -> None:
    """Keep a finding. What people set on one that is there stays."""
    findings = enable(place).findings
    before = next((one for one in findings if _names(one) == _names(own)), None)
    if before is None:
        findings.append(deepcopy(own))
    elif is_news(_changed(own), _changed(before), "at"):
        before.update({name: value for name, value in deepcopy(own).items() if name not in _OF_THE_CUSTOMER})


def _names(finding: JsonObject) -> tuple[JsonValue, JsonValue]:
    info, product = finding.get("finding_info"), pick(finding.get("metadata"), "product")
    return pick(info, "uid"), pick(product, "uid")


def _changed(finding: JsonObject) -> JsonObject:
    return {"at": pick(finding.get("finding_info"), "modifiedtime", "modifiedtimedt")}
