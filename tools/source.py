"""What an evidence source is: one module in `tools/evidence/` that reads, within a deadline and a byte cap."""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast, runtime_checkable

import tools.evidence
from agent.evidence import Answered
from agent.finding import Finding
from agent.record import Moment
from tools.aws import Aws, AwsCall
from tools.registry import Registry


@dataclass(frozen=True)
class Question:
    """What a source is asked: about which finding, as of when, and what the registry knows."""

    finding: Finding
    now: Moment
    registry: Registry


@dataclass(frozen=True)
class SourceSpec:
    """What a source declares about itself."""

    name: str
    """The name of its module."""
    tells: str
    """What it finds out, in one line, for the docs."""
    facts: tuple[str, ...]
    """Every fact name that it can answer. A wanted fact that it could not read comes back failed, never left out."""
    deadline_seconds: float
    byte_cap: int
    attacker_writes: tuple[str, ...]
    """Which of its strings somebody else chooses."""


@runtime_checkable
class Source(Protocol):
    """A module in `tools/evidence/`. It reads only, and turns every AwsError into facts that say failed."""

    SPEC: SourceSpec
    CALLS: frozenset[AwsCall]

    @staticmethod
    def wanted(finding: Finding) -> bool:
        """Whether this source has anything to say about the finding."""
        ...

    @staticmethod
    def gather(aws: Aws, question: Question) -> Answered: ...


@cache
def sources() -> dict[str, Source]:
    """Every source by name."""
    return {
        name: cast(Source, importlib.import_module(f"tools.evidence.{name}"))
        for _, name, _ in pkgutil.iter_modules(tools.evidence.__path__)
        if not name.startswith("_")
    }
