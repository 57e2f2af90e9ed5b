"""A containment that holds no more, in the report of the run that made it."""

from agent.left_open import refreshed
from agent.plan import Change
from agent.receipt import Verification
from agent.report import Report, Status
from graphs.service import Service


def lapsing(report: Report, change: Change, seen: Verification, service: Service) -> Report:
    """The report, lapsed: the action says by what, and what it closed is open again."""
    actions = [
        a.model_copy(update={"lapsed": seen}) if a.planned.change.key == change.key else a for a in report.actions
    ]
    return refreshed(report.model_copy(update={"actions": actions, "status": Status.LAPSED}), service.catalogue)
