"""The state of a CloudWatch alarm now."""

import re
from typing import Any

from agent.finding import Finding
from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import NO_IDENTIFIER, Reread, known, listed

# Narrower than `*`, AWS leaves out composite alarms.
DESCRIBE = AwsCall("cloudwatch", "DescribeAlarms", "cloudwatch:DescribeAlarms", "*", frozenset({Phase.READ}))
CALLS = frozenset({DESCRIBE})
_TYPES = ("MetricAlarm", "CompositeAlarm", "LogAlarm")
"""AWS answers with metric alarms alone, unless it is asked for the others."""
_ARN = re.compile(
    r"arn:aws[a-z-]*:cloudwatch:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):alarm:(?P<name>[\x20-\x7e]{1,255})"
)


def read(aws: Aws, finding: Finding) -> Reread:
    """By the name in its ARN. One that is in order again is known to be.

    Never absent: whoever deletes an alarm leaves what set it off as it is.
    """
    named = _ARN.fullmatch(finding.key)
    if named is None or named["account"] != finding.account:
        return NO_IDENTIFIER
    for page in aws.at(named["region"]).pages(DESCRIBE, AlarmNames=[named["name"]], AlarmTypes=[*_TYPES]):
        for alarm in [alarm for kind in _TYPES for alarm in listed(page, f"{kind}s")]:
            if alarm.get("AlarmArn") == finding.key:
                return known("aws.cloudwatch", "CloudWatch Alarm State Change", _detail(alarm), **_envelope(named))
    return Reread(outcome="failed", note="alarm_gone")


def _envelope(named: re.Match[str]) -> JsonObject:
    """Only its envelope says which alarm an event is about."""
    return {"account": named["account"], "region": named["region"], "resources": [named[0]]}


def _detail(alarm: Any) -> JsonObject:
    """An event's moment is when the state changed. What a state is called again for, its reason, may have come later."""
    at = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
    state = {"value": alarm.get("StateValue"), "reason": alarm.get("StateReason"), "timestamp": at}
    metrics: list[Any] = [{"metricStat": {"metric": metric}} for metric in _metrics(alarm)]
    return {"alarmName": alarm.get("AlarmName"), "state": state, "configuration": {"metrics": metrics}}


def _metrics(alarm: Any) -> list[JsonObject]:
    """Each metric that it watches: the one that it names itself, or those of its queries."""
    queried = [(one.get("MetricStat") or {}).get("Metric") for one in listed(alarm, "Metrics")]
    return [
        {
            "namespace": metric.get("Namespace"),
            "name": metric.get("MetricName"),
            "dimensions": {one["Name"]: one["Value"] for one in listed(metric, "Dimensions")},
        }
        for metric in (queried if listed(alarm, "Metrics") else [alarm])
        if metric and metric.get("Namespace")
    ]
