"""Lambda: events of EventBridge, batches of SQS, and direct invocations, each worked up to its first write."""

from typing import Any, Literal

from pydantic import JsonValue

import graphs.entrypoints.lean  # noqa: F401 - before whatever loads those packages
from graphs.entrypoints.messages import answered, is_batch
from graphs.entrypoints.screened import screened

_ASKED = ("run", "look_again")
"""What the clock asks for: to go on with a run, or to look at an ended one again."""


def handler(event: Any, context: Any) -> JsonValue:
    """Answer a batch with the messages to deliver again; anything else with its reports, or where its runs go on."""
    if is_batch(event):
        return answered(event["Records"], context)
    asked = next((name for name in _ASKED if isinstance(event, dict) and isinstance(event.get(name), str)), None)
    return _worked(event) if asked is None else _taken_up(asked, event[asked])


def _worked(event: Any) -> JsonValue:
    named = isinstance(event, dict)
    body = event["finding"] if named and set(event) == {"finding"} else event
    first = screened(body, road(event))
    if first.reports is not None:
        return [report.model_dump(mode="json") for report in first.reports]
    from graphs.came import said
    from graphs.entrypoints.working import worked

    return [said(came, "") for came in worked(first.event)]


def road(event: Any) -> Literal["eventbridge", "direct"]:
    """Whether a rule or a topic's subscription brings an invocation, or whoever invoked the function themselves."""
    return "eventbridge" if isinstance(event, dict) and {"detail-type", "Records"} & {*event} else "direct"


def _taken_up(asked: str, run_id: str) -> JsonValue:
    from graphs.came import said
    from graphs.entrypoints.deployed import deployed

    function = deployed("events")
    return said(function.plan_on(run_id) if asked == "run" else function.look_again(run_id), run_id)
