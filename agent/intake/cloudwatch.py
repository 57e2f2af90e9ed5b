"""CloudWatch alarms that changed their state, and through them what Shield Advanced sees."""

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import severity
from agent.intake.naming import Naming
from agent.intake.node import Node
from agent.intake.place import Arn, Place, account_of, partition_of, region_of

_SHIELD = "AWS/DDoSProtection"
"""The namespace in which Shield Advanced publishes; its dimension `ResourceArn` says what is attacked."""
_HIGH = 70


def parse(event: Node) -> Finding:
    """One state change, from the whole event: only its envelope says which alarm it is. Raises Unfit where it is none."""
    detail = event.at("detail")
    arn_node = next(event.at("resources").items(), event.at("resources"))
    arn = Arn.parse(arn_node.needed(1024))
    if arn is None or arn.service != "cloudwatch":
        raise arn_node.malformed("not the ARN of an alarm")
    place = Place(
        account=account_of(event.at("account"), arn),
        region=region_of(event.at("region"), arn),
        partition=partition_of(arn),
    )
    if (place.account, place.region) != (arn.account, arn.region):
        raise arn_node.malformed("the alarm of another account or Region than the event's")
    state = detail.at("state").object()
    changed, metrics = state.at("timestamp"), _metrics(detail)
    shield = any(metric.at("namespace").text == _SHIELD for metric in metrics)
    naming = Naming(place)
    for metric in metrics:
        _name(naming, metric)
    return naming.finding(
        key=arn_node.needed(1024),
        version=naming.version(changed, event.at("time")),
        origin=Origin.CLOUDWATCH,
        type="Shield:DDoSDetected" if shield else "CloudWatch:Alarm",
        situation=Situation.INBOUND_ATTACK if shield else Situation.OPERATIONS,
        severity=_HIGH if shield else severity.UNSAID,
        title=detail.at("alarmName").needed(255),
        description=state.at("reason").text,
        seen=(naming.moment(changed), naming.moment(changed)),
        lifecycle=Lifecycle(workflow="new" if state.at("value").needed(32) == "ALARM" else "resolved"),
    )


def _metrics(detail: Node) -> list[Node]:
    """Each metric that the alarm watches; none for a composite alarm."""
    return [entry.at("metricStat", "metric") for entry in detail.at("configuration", "metrics").elements()]


def _name(naming: Naming, metric: Node) -> None:
    """An instance of which EC2 itself measures something is a target; whatever else the dimensions hold is only named."""
    dimensions = metric.at("dimensions").object()
    for name in sorted(dimensions.value) if isinstance(dimensions.value, dict) else []:
        text = dimensions.at(name).text
        if text and (metric.at("namespace").text, name) == ("AWS/EC2", "InstanceId"):
            naming.add_resource("AwsEc2Instance", [text])
        else:
            naming.name(text)
