"""Lambda: goes on with a run that was handed over. It may write, and has no model to speak to."""

import re
from typing import Any

from pydantic import JsonValue

import graphs.entrypoints.lean  # noqa: F401 - before whatever loads those packages
from agent.report import Report
from graphs.came import said
from graphs.entrypoints.deployed import deployed
from graphs.entrypoints.log import log, note
from tools.ledger import Busy

_RUN = re.compile(r"(run|sbx)-[0-9a-f]{12}")
WANTED = 'malformed: what is wanted is {"run": ID}, and nothing else, with the id of a run'


class RunBusy(RuntimeError):
    """Another process works the run now: Lambda delivers an asynchronous invocation that ends with an error again."""


def handler(event: Any, context: Any) -> JsonValue:
    """Go on with `{"run": ID}` until it ends or waits. A run that has ended answers its report, and nothing is done.

    Anything else is refused in words, and nothing is opened for it.
    """
    run_id = event.get("run") if isinstance(event, dict) and set(event) == {"run"} else None
    if not isinstance(run_id, str) or _RUN.fullmatch(run_id) is None:
        log.error("refused: %s", WANTED)
        return {"status": "refused", "reason": WANTED}
    came = deployed("execute").runs.pick_up(run_id)
    if isinstance(came, Busy):
        raise RunBusy(f"{came.run_id} is being worked by {came.holder}")
    if isinstance(came, Report):
        note([came])
    return said(came, run_id)
