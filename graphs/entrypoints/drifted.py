"""What reads otherwise than we left it, and the ways out."""

import json

from agent.receipt import Outcome
from agent.record import JsonObject
from agent.report import Report, ReportedAction


def drifted(action: ReportedAction) -> bool:
    """Whether taking it back stopped because it did not read as we had left it."""
    return action.undone is not None and action.undone.outcome is Outcome.DRIFTED


def reads_now(action: ReportedAction) -> list[str]:
    """The fields of an action that read otherwise, by the last look."""
    undone = action.undone.found if action.undone is not None else {}
    lapsed = action.lapsed.found if action.lapsed is not None else {}
    return fields_read({**lapsed, **undone}, action.planned.change.after)


def fields_read(found: JsonObject, ours: JsonObject) -> list[str]:
    """Each field with what was read and what we had put there."""
    told = []
    for name, value in found.items():
        told.append(f"{name} reads {json.dumps(value)}")
        told += [f"{name} was put as {json.dumps(ours[name])}"] if name in ours else []
    return told


def ways_out(report: Report, action: ReportedAction) -> list[str]:
    """What a person can do about an undo that stopped."""
    name, here = f"{report.run_id} {action.planned.id}", " --sandbox" if report.sandbox else ""
    return [
        f"stanch run EVENT.json{here}, the same event: contain it again",
        f"put it as it was put, by hand, then: stanch undo {name}",
        f"leave AWS as it is: stanch undo {name} --let-go --reason WHY",
    ]
