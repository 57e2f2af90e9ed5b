"""Find the findings in a delivery, whatever it is wrapped in: EventBridge, SQS, SNS, lists, JSON in a string."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import JsonValue

from agent.event import CUSTOM_ACTION, Sent
from agent.finding import Refusal
from agent.intake.guardduty import TYPE
from agent.intake.node import Node, Unfit, quote

_DEPTH = 8
"""Wrappings that we look through. SNS in SQS in a list is five."""


class Shape(StrEnum):
    """Whose object it is, and so which parser reads it."""

    ACCESS_ANALYZER = "access_analyzer"
    ASFF = "asff"
    CLOUDTRAIL = "cloudtrail"
    CLOUDWATCH = "cloudwatch"
    CONFIG = "config"
    GUARDDUTY = "guardduty"
    HEALTH = "health"
    INSPECTOR = "inspector"
    MACIE = "macie"
    OCSF = "ocsf"


_SOURCES = {
    "aws.access-analyzer": Shape.ACCESS_ANALYZER,
    "aws.config": Shape.CONFIG,
    "aws.health": Shape.HEALTH,
    "aws.inspector2": Shape.INSPECTOR,
    "aws.macie": Shape.MACIE,
}

_HELD = (Shape.ASFF, Shape.OCSF, Shape.GUARDDUTY)
"""What the envelope of Security Hub or GuardDuty may hold: whose it is says the object, not the envelope."""

_INSIGHT = "the results of an insight hold no findings: send the findings themselves, by a custom action on them"

_AWS = "aws."
"""How the source of every event of AWS begins: EventBridge lets nobody else write that."""
_RECORDED = " via CloudTrail"
"""How the detail-type of every event ends that is a CloudTrail record, whatever service made the call."""


@dataclass(frozen=True)
class Found:
    """One object that claims to be a finding of that shape."""

    shape: Shape
    node: Node
    sent: Sent | None = None
    """By which custom action a person sent it, if one did."""


def find(node: Node, depth: int = _DEPTH) -> Iterator[Found | Refusal]:
    """Everything in a delivery that claims to be a finding, and a refusal for everything that does not."""
    try:
        if depth == 0:
            raise node.malformed("wrapped too many times")
        if isinstance(node.value, str):
            node = Node(_decoded(node), node.path)
        if isinstance(node.value, list):
            yield from _each(list(node.items()), node, depth)
        elif not isinstance(node.value, dict):
            raise node.malformed(f"expected an event or a finding, found {node.kind}")
        elif (inner := _unwrapped(node)) is not None:
            yield from _each(inner, node, depth)
        elif "detail" in node.value or "detail-type" in node.value:
            yield from _event(node)
        else:
            yield Found(_shape(node), node)
    except Unfit as unfit:
        yield unfit.refusal


def _decoded(node: Node) -> JsonValue:
    try:
        decoded: JsonValue = json.loads(str(node.value))
        return decoded
    except (ValueError, RecursionError):
        raise node.malformed("a string that is not JSON") from None


def _each(inner: list[Node], node: Node, depth: int) -> Iterator[Found | Refusal]:
    if not inner:
        raise node.malformed("no findings in it")
    for item in inner:
        yield from find(item, depth - 1)


def _unwrapped(node: Node) -> list[Node] | None:
    """What a queue, a topic or an answer of an API holds; nothing if this is none of them."""
    if isinstance(node.at("Records").value, list):
        return [_message(record) for record in node.at("Records").items()]
    if isinstance(node.at("Messages").value, list):
        return [message.at("Body") for message in node.at("Messages").items()]
    if node.at("Type").value == "Notification" and node.at("Message").text:
        return [node.at("Message")]
    for name in ("findings", "Findings"):
        if isinstance(node.at(name).value, list):
            return list(node.at(name).items())
    return None


def _message(record: Node) -> Node:
    return record.at("Sns", "Message") if record.at("Sns").value is not None else record.at("body")


def _event(node: Node) -> Iterator[Found | Refusal]:
    """An EventBridge event: its source, which only AWS can write as `aws.…`, says whose the detail is."""
    source, detail = node.at("source").needed(256), node.at("detail")
    if detail.value is None:
        raise detail.malformed("missing")
    detail.object()
    if source.startswith(_AWS) and (node.at("detail-type").text or "").endswith(_RECORDED):
        yield Found(Shape.CLOUDTRAIL, detail)
    elif source == "aws.cloudwatch":
        yield Found(Shape.CLOUDWATCH, node)
    elif source == "aws.securityhub":
        sent = _sent(node)
        yield from (replace(item, sent=sent) if isinstance(item, Found) else item for item in _hub(detail))
    elif source == "aws.guardduty":
        yield from _guardduty(detail)
    elif source in _SOURCES:
        yield Found(_SOURCES[source], detail)
    else:
        raise node.at("source").unsupported(f"not a service whose findings we read: {quote(source)}")


def _sent(node: Node) -> Sent | None:
    if node.at("detail-type").text != CUSTOM_ACTION:
        return None
    named = [one.text for one in node.at("resources").items() if one.text]
    return Sent(actions=named, event_id=node.at("id").text or "")


def _hub(detail: Node) -> Iterator[Found | Refusal]:
    """What Security Hub sends: findings, or the results of an insight, which name resources and no finding."""
    if isinstance(detail.at("findings").value, list):
        yield from _hub_findings(detail.at("findings"))
    elif detail.at("insightResults").value is not None:
        raise detail.at("insightResults").empty(_INSIGHT)
    elif _shape_or_none(detail) in _HELD:
        yield Found(_shape(detail), detail)
    elif detail.at("findings").value is None:
        raise detail.at("findings").unsupported("missing: a Security Hub event that holds no findings")
    else:
        raise detail.at("findings").malformed(f"expected a list, found {detail.at('findings').kind}")


def _guardduty(detail: Node) -> Iterator[Found | Refusal]:
    """GuardDuty's own finding, or what Security Hub made of it: each parser holds it to its own product's ARN."""
    if isinstance(detail.at("findings").value, list):
        yield from _hub_findings(detail.at("findings"))
    else:
        shape = _shape_or_none(detail)
        yield Found(shape if shape in (Shape.ASFF, Shape.OCSF) else Shape.GUARDDUTY, detail)


def _hub_findings(findings: Node) -> Iterator[Found | Refusal]:
    if not findings.value:
        raise findings.empty("no findings in it")
    for item in findings.items():
        try:
            shape = _shape(item.object())
            if shape not in _HELD:
                raise item.unsupported("neither ASFF nor OCSF, nor a finding of GuardDuty")
            yield Found(shape, item)
        except Unfit as unfit:
            yield unfit.refusal


def _shape_or_none(node: Node) -> Shape | None:
    try:
        return _shape(node)
    except Unfit:
        return None


def _shape(node: Node) -> Shape:
    """Whose a bare object is, by fields that only that service writes."""
    held = node.value if isinstance(node.value, dict) else {}
    marks = [
        (Shape.OCSF, ("class_uid", "finding_info")),
        (Shape.ASFF, ("AwsAccountId", "ProductArn", "GeneratorId")),
        (Shape.INSPECTOR, ("findingArn",)),
        (Shape.ACCESS_ANALYZER, ("resourceOwnerAccount",)),
        (Shape.CONFIG, ("newEvaluationResult",)),
        (Shape.HEALTH, ("eventTypeCode",)),
        (Shape.CLOUDTRAIL, ("userIdentity",)),
        (Shape.MACIE, ("resourcesAffected", "classificationDetails", "policyDetails")),
    ]
    for shape, names in marks:
        if any(name in held for name in names):
            return shape
    named = node.loose("type").text or ""
    if named.startswith("SensitiveData:") or (named.startswith("Policy:") and node.at("category").text == "POLICY"):
        return Shape.MACIE
    if TYPE.fullmatch(named) or ":guardduty:" in (node.loose("arn").text or ""):
        return Shape.GUARDDUTY
    raise node.unsupported("not an event or a finding of a shape that we know")
