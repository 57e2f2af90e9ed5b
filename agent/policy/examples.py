"""Examples beside the policies: facts, and what policy must make of them."""

from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError

from agent.catalogue import Catalogue
from agent.need import in_words
from agent.policy.engine import Policies
from agent.policy.source import PolicyError, bundled
from agent.record import JsonObject, Record
from agent.verdict import Facts, Need, Ruling, Verdict

BASES = "base.yaml"


class Example(Record):
    """One line of an examples file."""

    name: str
    """A sentence that says what must happen."""
    base: str
    """Which of the facts in `base.yaml` it starts from."""
    facts: JsonObject = {}
    """What is different."""
    ruling: Ruling
    policies: list[str]
    """Ids of exactly the policies that decide."""
    needs: list[Need] | None = None
    """Where it matters: exactly what is asked for."""
    otherwise: dict[str, Ruling] | None = None
    shadow: list[str] = []


class ReadyExample(Record):
    """An example with its whole facts."""

    file: str
    example: Example
    facts: Facts

    def mismatch(self, verdict: Verdict) -> str:
        """How the verdict differs from what must be; empty if it does not."""
        wanted = self.example
        differences = [
            f"{what} {_plain(got)}, not {_plain(expected)}"
            for what, got, expected in (
                ("ruling", verdict.ruling, wanted.ruling),
                ("policies", verdict.policies, sorted(wanted.policies)),
                ("needs", verdict.needs, wanted.needs),
                ("otherwise", verdict.otherwise, wanted.otherwise),
                ("shadow", verdict.shadow, wanted.shadow),
                ("errors", verdict.errors, []),
            )
            if expected is not None and got != expected
        ]
        return f"{self.file}: {wanted.name}: {'; '.join(differences)}" if differences else ""


def run_examples(directory: Path | None = None, *, catalogue: Catalogue) -> list[str]:
    """Run the examples of a policy directory against its policies: each failure, one line each."""
    try:
        policies = Policies.load(directory, catalogue=catalogue)
        examples = load_examples(directory)
    except PolicyError as error:
        return [str(error)]
    return failures(policies, examples)


def failures(policies: Policies, examples: Iterable[ReadyExample]) -> list[str]:
    """What the policies get wrong."""
    found = (ready.mismatch(policies.judge("A1", ready.facts)) for ready in examples)
    return [line for line in found if line]


def exercised(examples: Iterable[ReadyExample]) -> set[str]:
    """Ids of the policies that decide an example."""
    return {name for ready in examples for name in [*ready.example.policies, *ready.example.shadow]}


def load_examples(directory: Path | None = None) -> list[ReadyExample]:
    """All examples of `examples/*.yaml`, complete. Raises PolicyError with the file and what is wrong in it."""
    folder = (directory or bundled()) / "examples"
    if not (folder / BASES).is_file():
        raise PolicyError(
            "is not there: examples start from its facts; copy that of `agent/policy`", f"examples/{BASES}"
        )
    bases = {name: _object(BASES, facts) for name, facts in _mapping(folder / BASES).items()}
    found = []
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml") and entry.name != BASES:
            items = _mapping(entry).get("examples")
            if not isinstance(items, list):
                raise PolicyError("has no list `examples`", entry.name)
            found += [_ready(entry.name, item, bases) for item in items]
    return found


def _ready(file: str, item: object, bases: dict[str, JsonObject]) -> ReadyExample:
    try:
        example = Example.model_validate(item)
        if example.base not in bases:
            raise PolicyError(f"there is no base {example.base}", file, example.name)
        return ReadyExample(
            file=file, example=example, facts=Facts.model_validate({**bases[example.base], **example.facts})
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        name = item.get("name", "") if isinstance(item, dict) else ""
        raise PolicyError(f"{place}: {first['msg']}", file, str(name)) from error


def _entries(folder: Traversable | Path) -> list[Traversable | Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise PolicyError(f"cannot be read: {error}", str(folder)) from error


def _mapping(entry: Traversable | Path) -> JsonObject:
    try:
        return _object(entry.name, yaml.safe_load(entry.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"cannot be read: {error}", entry.name) from error


def _object(file: str, value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise PolicyError("holds something other than names and values", file)
    return value


def _plain(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, Need):
        return in_words([value], "person", "people")
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items()) or "nothing"
    return str(value)
