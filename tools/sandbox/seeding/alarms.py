"""CloudWatch in a world: the event's own alarm, in the state that the event says."""

from datetime import datetime
from typing import Any

from agent.record import JsonObject
from tools.sandbox.seeding.events import Carried, pick
from tools.sandbox.seeding.place import Place
from tools.sandbox.seeding.shape import moment


def put_own(place: Place, carried: Carried) -> None:
    """Put it where it can be read again, unless nothing identifies it, or its state there is as new."""
    named, state = carried.body.get("alarmName"), carried.body.get("state")
    at, value = moment(pick(state, "timestamp")), pick(state, "value")
    if not isinstance(named, str) or not isinstance(value, str) or at is None:
        return
    backend = place.backend("cloudwatch")
    kept = backend.alarms.get(named)
    if kept is not None and kept.state_updated_timestamp >= at.replace(tzinfo=None):
        return
    alarm = kept or _made(backend, named, carried.body)
    alarm.state_value, alarm.state_reason = value, str(pick(state, "reason") or "")
    alarm.state_updated_timestamp = _as_moto_has_it(at)


def _made(backend: Any, named: str, body: JsonObject) -> Any:
    """An alarm on the event's metrics; a composite one where it has none. No public API takes every name that events have."""
    metrics = _metrics(body)
    first = metrics[0] if len(metrics) == 1 else {}
    return backend.put_metric_alarm(
        name=named, namespace=first.get("namespace"), metric_name=first.get("name"), comparison_operator="GreaterThanThreshold",
        evaluation_periods=1, period=60, threshold=0.0, statistic="Sum", description="", alarm_actions=[],
        dimensions=_dimensions(first), metric_data_queries=[_query(n, one) for n, one in enumerate(metrics)] if not first else [],
        rule=None if metrics else "FALSE",
    )  # fmt: skip


def _metrics(body: JsonObject) -> list[JsonObject]:
    entries = pick(body.get("configuration"), "metrics")
    found = [pick(pick(one, "metricstat"), "metric") for one in (entries if isinstance(entries, list) else [])]
    return [one for one in found if isinstance(one, dict)]


def _dimensions(metric: JsonObject) -> list[dict[str, str]]:
    held = metric.get("dimensions")
    return [{"Name": name, "Value": str(value)} for name, value in held.items()] if isinstance(held, dict) else []


def _query(number: int, metric: JsonObject) -> Any:
    from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat

    watched = Metric(
        str(metric.get("name")), str(metric.get("namespace")),
        [Dimension(one["Name"], one["Value"]) for one in _dimensions(metric)],
    )  # fmt: skip
    return MetricDataQuery(f"m{number}", "", "60", "true", metric_stat=MetricStat(watched, "60", "Sum", ""))


def _as_moto_has_it(at: datetime) -> datetime:
    """moto keeps moments without their zone, which is UTC."""
    return at.replace(tzinfo=None)
