"""Cassettes: what a model really said to a prompt, kept in files, and played back to exactly that prompt."""

import difflib
import json
import os
from collections import Counter
from pathlib import Path

from pydantic import ValidationError

from agent.plan import Case, digest_of
from agent.plural import plural
from agent.prompt import case_from_user_text
from agent.record import JsonObject, Record
from evals.port import CassetteMissed
from graphs.model import Brief, Chat, Said
from graphs.service import NotAnswered

BRIEFS = "briefs"
"""The folder beside the cassettes with what all their prompts have in common, once for each that there was."""
_SHOWN = 60
"""Lines of a difference that are shown."""


class Cassette(Record):
    """One prompt and what came of it. Its file is named by the hash of the prompt."""

    model: str
    """The id that was asked."""
    answered_by: str
    """Who really answered; empty where nobody did."""
    trial: int
    brief: str
    """The hash of the static prompt and the schema: a file in `briefs`."""
    case: Case
    said: Said | None
    """None where nobody answered."""
    failure: str = ""


class Tape:
    """A folder of cassettes, as one trial of a replay uses it. Several processes may use one folder at once."""

    def __init__(self, folder: Path, brief: Brief, trial: int) -> None:
        self.brief = brief
        self._folder = folder
        self._trial = trial

    def find(self, user: str) -> Cassette | None:
        """The cassette of exactly this prompt, in this trial."""
        path = self._path(user)
        return _read(path) if path.exists() else None

    def keep(self, user: str, said: Said | NotAnswered) -> None:
        """Write what came of a prompt."""
        made = Cassette(
            model=self.brief.model,
            answered_by=said.answered_by if isinstance(said, Said) else "",
            trial=self._trial,
            brief=_hash(self.brief),
            case=case_from_user_text(user),
            said=said if isinstance(said, Said) else None,
            failure=said.reason if isinstance(said, NotAnswered) else "",
        )
        _write(self._folder / BRIEFS / f"{made.brief}.json", _static(self.brief))
        _write(self._path(user), made.model_dump(mode="json"))

    def missed(self, user: str) -> CassetteMissed:
        """Why there is no cassette: how the nearest one differs."""
        asked = _lines(json.loads(case_from_user_text(user).canonical()))
        tapes = [(path, _read(path)) for path in sorted(self._folder.glob("*.json"))]
        if not tapes:
            return CassetteMissed(f"no_cassette: {self._folder} holds none at all", "")
        path, nearest = min(tapes, key=lambda tape: self._distance(tape[1], asked))
        lines = [*self._elsewise(nearest), *_difference(_lines(nearest.case.model_dump(mode="json")), asked)]
        why = "; ".join(line for line in lines if line.startswith(("the ", "- ", "+ ")))[:200]
        return CassetteMissed(f"no_cassette: the nearest is {path.name}: {why}", "\n".join(lines))

    def _distance(self, tape: Cassette, asked: list[str]) -> tuple[int, bool, bool, bool]:
        there = _lines(tape.case.model_dump(mode="json"))
        apart = sum(((Counter(there) - Counter(asked)) + (Counter(asked) - Counter(there))).values())
        return apart, tape.trial != self._trial, tape.model != self.brief.model, tape.brief != _hash(self.brief)

    def _elsewise(self, nearest: Cassette) -> list[str]:
        """How it differs apart from the case."""
        lines = []
        if nearest.model != self.brief.model:
            lines.append(f"the model asked: recorded {nearest.model}, now {self.brief.model}")
        if nearest.trial != self._trial:
            lines.append(f"the trial: recorded {nearest.trial}, now {self._trial}")
        if nearest.brief != _hash(self.brief):
            path = self._folder / BRIEFS / f"{nearest.brief}.json"
            there = _lines(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []
            lines += ["the static prompt or the schema:", *_difference(there, _lines(_static(self.brief)))]
        return lines

    def _path(self, user: str) -> Path:
        prompt = {"model": self.brief.model, "brief": _hash(self.brief), "user": user}
        return self._folder / f"{digest_of(prompt)[:32]}.{self._trial}.json"


class Recording:
    """Chat that asks another one and keeps what it says. What the folder holds already is not asked again."""

    def __init__(self, chat: Chat, folder: Path, trial: int) -> None:
        self.brief = chat.brief
        self._chat = chat
        self._tape = Tape(folder, chat.brief, trial)

    def say(self, user: str) -> Said | NotAnswered:
        """Ask, or play what was said before. Where nobody answered, it is asked again."""
        found = self._tape.find(user)
        if found is not None and found.said is not None:
            return found.said
        said = self._chat.say(user)
        self._tape.keep(user, said)
        return said


class Replaying:
    """Chat that asks nobody: it plays what was recorded, or raises CassetteMissed."""

    def __init__(self, folder: Path, brief: Brief, trial: int) -> None:
        self.brief = brief
        self._tape = Tape(folder, brief, trial)

    def say(self, user: str) -> Said | NotAnswered:
        """What was said to exactly this prompt."""
        found = self._tape.find(user)
        if found is None:
            raise self._tape.missed(user)
        return found.said or NotAnswered(reason=found.failure)


def _hash(brief: Brief) -> str:
    return digest_of(_static(brief))[:32]


def _static(brief: Brief) -> JsonObject:
    return {"system": [*brief.system.splitlines()], "schema": brief.answer_schema}


def _read(path: Path) -> Cassette:
    try:
        return Cassette.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CassetteMissed(f"no_cassette: {path.name} cannot be read ({type(error).__name__})", str(error)) from error


def _write(path: Path, value: JsonObject) -> None:
    """Whole or not at all, whoever else writes the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True) + "\n", encoding="utf-8")
    draft.replace(path)


def _lines(value: object) -> list[str]:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=True).splitlines()


def _difference(there: list[str], asked: list[str]) -> list[str]:
    """Recorded lines with a minus, asked ones with a plus, and one line around each."""
    found = [f"{line[0]} {line[1:]}" for line in difflib.unified_diff(there, asked, lineterm="", n=1)][2:]
    return found[:_SHOWN] + ([f"... and {plural(len(found) - _SHOWN, 'more line')}"] if len(found) > _SHOWN else [])
