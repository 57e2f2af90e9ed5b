"""What one Lambda function has between its invocations: its service, its runs, and the way to the other functions."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from agent.record import JsonObject
from graphs.bootstrap import configuration, outbox, real, working
from graphs.came import Came, HandedOver, Sent
from graphs.configuration import Configuration
from graphs.entrypoints.log import log
from graphs.not_here import NotHere
from graphs.plain import plain
from graphs.service import Service
from tools.aws import AwsError
from tools.outbox import invoke

if TYPE_CHECKING:
    from graphs.runs import Runs

Part = Literal["events", "execute", "approvals", "clock"]
TimeLeft = Callable[[], bool]

_MAKING = RLock()
_OPEN = ExitStack()
"""What stays open as long as the process lives."""

RESERVE_MS = 30_000
"""What is left of an invocation's time when nothing new is begun any more."""


@dataclass(frozen=True)
class Deployed:
    """One function. Where no other is configured for a part of the work, it does that part itself."""

    part: Part
    config: Configuration
    service: Service

    @property
    def runs(self) -> "Runs":
        """The runs; loads the graph library on first use."""
        with _MAKING:
            return self._runs

    @cached_property
    def _runs(self) -> "Runs":
        return _OPEN.enter_context(working(self.service, self.config))

    def go_on(self, run_id: str) -> Came | None:
        """Let the run make its writes: in the function that may, else here. None: there is no such run."""
        if not self.config.execute_function:
            return self.runs.pick_up(run_id)
        return self._sent(self.config.execute_function, {"run": run_id}, run_id)

    def plan_on(self, run_id: str) -> Came | None:
        """Go on with a run that has no plan yet: in the function that speaks to the model, else here."""
        if self._elsewhere:
            return self._sent(self.config.events_function, {"run": run_id}, run_id)
        return self.passed_on(self.runs.pick_up(run_id))

    def look_again(self, run_id: str) -> Came | None:
        """Work an ended run's delivery once more, where the model is. None: somebody did so already."""
        if self._elsewhere:
            return self._sent(self.config.events_function, {"look_again": run_id}, run_id)
        return self.passed_on(self.runs.look_again(run_id))

    def passed_on(self, came: Came | None) -> Came | None:
        """The same, or what came of a run that was handed over."""
        return self.go_on(came.run_id) if isinstance(came, HandedOver) else came

    @property
    def _elsewhere(self) -> bool:
        return self.part != "events" and bool(self.config.events_function)

    def _sent(self, function: str, payload: JsonObject, run_id: str) -> Sent:
        """Send the run there. Where that fails the ledger keeps it as it is, and the clock finds it."""
        try:
            invoke(outbox(self.service), function, payload)
        except AwsError as error:
            log.error("%s could not be sent to %s: %s", run_id, function, error)
        return Sent(run_id=run_id, function=function)


def deployed(part: Part) -> Deployed:
    """The function's own, made on its first use."""
    with _MAKING:
        return _made(part)


@cache
def _made(part: Part) -> Deployed:
    config = configuration()
    log.setLevel(config.log_level)
    speaks = part == "events" or (part == "clock" and not config.events_function)
    hand_over = bool(config.execute_function) and part != "execute"
    service = real(config, model=None if speaks else NotHere(), hand_over=hand_over)
    if service.policies.unusable:
        log.error("STANCH_POLICIES cannot be used, so everything is denied: %s", plain(service.policies.unusable, 500))
    return Deployed(part, config, service)


def time_left(context: Any) -> TimeLeft:
    """Whether an invocation has time to begin something; always, where it has no end."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: True) if remaining is None else lambda: remaining() > RESERVE_MS
