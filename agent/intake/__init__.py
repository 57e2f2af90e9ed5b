"""From an event to typed findings: each one parsed, or refused with a reason and a place."""

from collections.abc import Callable
from itertools import islice

from pydantic import ValidationError

from agent.event import Event, Sent, unsound
from agent.finding import Finding, Parsed, Reason, Refusal
from agent.intake import (
    access_analyzer,
    asff,
    cloudtrail,
    cloudwatch,
    config,
    guardduty,
    health,
    inspector,
    macie,
    ocsf,
)
from agent.intake.envelope import Found, Shape, find
from agent.intake.node import DETAIL_LIMIT, Node, Unfit

_PARSERS: dict[Shape, Callable[[Node], Finding]] = {
    Shape.ACCESS_ANALYZER: access_analyzer.parse,
    Shape.ASFF: asff.parse,
    Shape.CLOUDTRAIL: cloudtrail.parse,
    Shape.CLOUDWATCH: cloudwatch.parse,
    Shape.CONFIG: config.parse,
    Shape.GUARDDUTY: guardduty.parse,
    Shape.HEALTH: health.parse,
    Shape.INSPECTOR: inspector.parse,
    Shape.MACIE: macie.parse,
    Shape.OCSF: ocsf.parse,
}


def parse(event: Event) -> Parsed:
    """Every finding of an event, in its order, as a Finding or as the Refusal that says why it is none. Never raises."""
    fault = unsound(event.body)
    if fault is not None:
        return Parsed(findings=[Refusal(reason=Reason.MALFORMED, where=fault[0], detail=f"the event: {fault[1]}")])
    return Parsed(findings=[_read(found) if isinstance(found, Found) else found for found in find(Node(event.body))])


def sent(event: Event, position: int, own_action: str) -> Sent | None:
    """How a person sent us the finding at that place; None if it came by itself, or was sent to somebody else.

    From a bus or a queue only our own custom action counts: others send to whatever they are made for. An event that a person
    delivers by hand is sent by them, whichever it is of, and so is what they want worked again. For an event that `parse` found sound.
    """
    if event.asked_by:
        return Sent(actions=[], event_id=event.asked_as)
    found = next(islice(find(Node(event.body)), position, None), None)
    said = found.sent if isinstance(found, Found) else None
    return said if said is not None and (event.by_hand or own_action in said.actions) else None


def _read(found: Found) -> Finding | Refusal:
    try:
        return _PARSERS[found.shape](found.node)
    except Unfit as unfit:
        return unfit.refusal
    except ValidationError as error:
        # The record's own law, where a parser let something through: field and rule, never the value.
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        detail = f"{found.node.path or 'the event'}: {field} of the finding: {first['type']}"
        return Refusal(reason=Reason.MALFORMED, where=found.node.path or "$", detail=detail[:DETAIL_LIMIT])
