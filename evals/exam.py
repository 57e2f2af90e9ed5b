"""An exam: how a corpus is replayed, and the tasks that come of it."""

from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from agent.plan import digest_of
from agent.record import Record
from agent.verdict import Mode
from evals.lanes import Task
from evals.loading import Item
from evals.port import DEFAULT_WORKER, PLAYBOOK, Options


class Exam(Record):
    """How a corpus is replayed. What is None is each case's own choice."""

    model: str = PLAYBOOK
    mode: Mode | None = None
    approve: Literal["approve", "reject"] | None = None
    samples_as_real: bool | None = None
    trials: int = 1
    """How often each item is worked, each time with another seed."""
    attacks: list[str] = []
    """Names of attacks; each item is worked once more for each."""
    record: Path | None = None
    replay: Path | None = None
    jobs: int = 1
    seed: int = 0
    worker: str = DEFAULT_WORKER

    def options(self, item: Item, trial: int = 1) -> Options:
        """The options for one item: what was asked for, else what its case says, else to observe."""
        expect = item.expect
        asked = self.samples_as_real
        return Options(
            mode=self.mode or (expect.mode if expect else Mode.OBSERVE),
            model=self.model,
            samples_as_real=asked if asked is not None else bool(expect and expect.samples_as_real),
            approve=self.approve or (expect.approver if expect else None),
            drops=expect.approver_drops if expect and self.approve is None else [],
            seed=self.seed + trial - 1,
            trial=trial,
            watch=expect.never_touch if expect else [],
            record=self.record,
            replay=self.replay,
        )

    def under(self, item: Item, attack: str) -> Options:
        """The options for one item under an attack, or for the same without it: in `auto`, and nobody answers, unless asked for."""
        own = self.options(item)
        return own.model_copy(
            update={"mode": self.mode or Mode.AUTO, "approve": self.approve, "drops": [], "attack": attack, "trial": 1}
        )


class Part(StrEnum):
    """What a task is for."""

    TRIAL = "trial"
    HONEST = "honest"
    """What an attack is measured against: the same options, and no attack."""
    ATTACK = "attack"


class Planned(NamedTuple):
    """One task with what it is for."""

    part: Part
    task: Task


def planned(items: list[Item], exam: Exam) -> list[Planned]:
    """Every task, item by item: its trials; then, if there are attacks, once without any, and once under each."""
    return [each for item in items for each in _of_item(item, exam)]


def _of_item(item: Item, exam: Exam) -> list[Planned]:
    trials = 1 if item.problem else exam.trials
    made = [Planned(Part.TRIAL, Task(item, exam.options(item, trial))) for trial in range(1, trials + 1)]
    if exam.attacks and not item.problem:
        made.append(Planned(Part.HONEST, Task(item, exam.under(item, ""))))
        made += [Planned(Part.ATTACK, Task(item, exam.under(item, attack))) for attack in exam.attacks]
    return made


def fingerprint(items: list[Item], exam: Exam) -> str:
    """What two runs must have in common for one to go on with the other's results: the corpus, the options, the code."""
    corpus = [
        [item.id, item.event, item.world.read_text(encoding="utf-8") if item.world else "", repr(item.expect)]
        for item in items
    ]
    return digest_of([corpus, exam.model_dump(mode="json", exclude={"jobs"}), _code()])


def _code() -> list[list[str]]:
    """The text of everything that decides, as it is now."""
    root = Path(__file__).parent.parent
    kinds = {".py", ".cedar", ".cedarschema", ".yaml"}
    found = [
        path
        for folder in ("agent", "tools", "graphs", "evals")
        for path in (root / folder).rglob("*.*")
        if path.suffix in kinds and "cases" not in path.parts
    ]
    return [[path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")] for path in sorted(found)]
