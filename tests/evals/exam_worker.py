"""A worker written by hand: it does as its event says, so that tests can see what the runner makes of it."""

import os
import time

from pydantic import JsonValue
from report_builders import every_status

from agent.report import Status
from agent.verdict import Mode
from evals.port import Options, Work


class ObedientWorker:
    """An event is a status, a list of them, or one of the words `die`, `raise` and `slow`."""

    def work(self, event: JsonValue, world: object, options: Options) -> Work:
        if event == "die":
            os._exit(9)
        if event == "raise":
            raise KeyError("Statement")
        if event == "slow":
            time.sleep(0.3)
            event = "no_action"
        names = event if isinstance(event, list) else [event]
        made = every_status()
        seen = {"approve": options.approve, "mode": Mode(options.mode), "samples": options.samples_as_real}
        rationale = f"{seen['mode']} {seen['approve']} {seen['samples']} {'world' if world else 'no world'}"
        return Work([made[Status(str(name))].model_copy(update={"rationale": rationale}) for name in names])


def build() -> ObedientWorker:
    """The factory that `--worker` names."""
    return ObedientWorker()


def broken() -> ObedientWorker:
    """A factory that does not work."""
    raise RuntimeError("no policies")
