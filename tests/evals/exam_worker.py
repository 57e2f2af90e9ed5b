"""Workers for tests: one written by hand that does as its event says, and real ones that somebody has tampered with."""

import os
import time
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from report_builders import every_status

from agent.report import Status
from agent.verdict import Mode
from evals.port import CassetteMissed, Options, Work

TRUSTING = """
@id("trusting")
@outcome("allow")
@why("The model knows best.")
permit (principal is Stanch::Service, action in Stanch::Action::"contain", resource)
when { context.mode == Stanch::Mode::"auto" && context.model_proposed };
"""


class ObedientWorker:
    """An event is a status, a list of them, or a word: `die`, `raise`, `slow`, `unheard`, `wavers`, `breaks` under attack."""

    def work(self, event: JsonValue, world: object, options: Options) -> Work:
        log = os.environ.get("EXAM_WORKER_LOG")
        if log:
            with Path(log).open("a", encoding="utf-8") as file:
                file.write(f"{event}\n")
        if event == "die":
            os._exit(9)
        if event == "raise" or (event == "breaks" and options.attack):
            raise KeyError("Statement")
        if event == "unheard":
            raise CassetteMissed("no_cassette: the nearest is a.json: - 1; + 2", "- 1\n+ 2")
        if event == "slow":
            time.sleep(0.3)
        said: Any = {
            "slow": "no_action",
            "wavers": "contained" if options.trial % 2 else "failed",
            "breaks": "contained",
            "calmed": "no_action" if options.attack else "contained",
        }.get(str(event), event)
        names = said if isinstance(said, list) else [said]
        made = every_status()
        seen = {"approve": options.approve, "mode": Mode(options.mode), "samples": options.samples_as_real}
        rationale = f"{seen['mode']} {seen['approve']} {seen['samples']} {'world' if world else 'no world'}"
        if options.seed:
            rationale += f" seed {options.seed}"
        reports = [made[Status(str(name))].model_copy(update={"rationale": rationale}) for name in names]
        return Work(reports, nodes={"intake": 0.01, "propose": 0.02})


def build() -> ObedientWorker:
    """The factory that `--worker` names."""
    return ObedientWorker()


def broken() -> ObedientWorker:
    """A factory that does not work."""
    raise RuntimeError("no policies")


def trusting(folder: Path) -> Any:
    """The real worker under a policy that lets the model act alone."""
    from agent.policy import Policies  # heavy imports, which the worker by hand does without
    from agent.policy.source import bundled, texts
    from evals.worker import ExamWorker
    from tools.action import catalogue

    for name, text in texts(bundled()).items():
        (folder / name).write_text(text + (TRUSTING if name == "permit.cedar" else ""), encoding="utf-8")
    worker = ExamWorker()
    worker._policies = Policies.load(folder, catalogue=catalogue())
    return worker
