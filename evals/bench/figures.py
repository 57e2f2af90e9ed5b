"""What a bench measures, and what it is held to."""

import os
import platform
import statistics
from typing import Literal

from agent.record import Record


class Size(Record):
    """How much is measured."""

    rounds: int = 7
    """Cold starts of each handler, and repetitions of what is timed."""
    cases: int = 1000
    """At most so many of the bundled cases."""
    findings: int = 500
    """For the memory."""
    deliveries: int = 2_000
    """For the storm: a hundred of each finding."""

    @classmethod
    def named(cls, name: Literal["tiny", "default", "full"]) -> "Size":
        """`tiny` shows only that everything runs; `full` is the whole of what is promised."""
        sizes = {
            "tiny": cls(rounds=1, cases=2, findings=20, deliveries=200),
            "full": cls(rounds=15, findings=10_000, deliveries=10_000),
        }
        return sizes.get(name, cls())


class Figure(Record):
    """One thing that was measured. Nothing where it could not be: then the note says why."""

    name: str
    value: float | None
    unit: str
    low: float | None = None
    """The least of the repetitions, where there are several; the value is then their median."""
    note: str = ""


class Goal(Record):
    """One promise: a figure, or the ratio of two, that must not exceed its limit."""

    name: str
    limit: float
    value: float | None
    unit: str = ""
    met: bool | None
    """None: it could not be measured."""
    note: str = ""


class Bench(Record):
    """One run of the bench. Ratios carry to other machines; the rest holds for this one."""

    python: str
    machine: str
    cpus: int
    load: float
    """Processes that ran beside it on average when it began: above the number of cpus, times are worth little."""
    size: Size
    figures: list[Figure]
    goals: list[Goal]


def machine() -> dict[str, str | int | float]:
    """Where this is measured."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count() or 1,
        "load": round(os.getloadavg()[0], 2),
    }


def timed(name: str, seconds: list[float], note: str = "") -> Figure:
    """The median of some times, in milliseconds."""
    if not seconds:
        return Figure(name=name, value=None, unit="ms", note=note)
    return Figure(name=name, value=ms(statistics.median(seconds)), unit="ms", low=ms(min(seconds)), note=note)


def ms(seconds: float) -> float:
    """Seconds as milliseconds."""
    return round(seconds * 1000, 2)


def ratio(name: str, above: Figure, below: Figure, limit: float, note: str = "") -> Goal:
    """A goal on the ratio of two figures."""
    if above.value is None or not below.value:
        why = above.note or below.note
        return Goal(name=name, limit=limit, value=None, met=None, note=why or note)
    value = round(above.value / below.value, 3)
    return Goal(name=name, limit=limit, value=value, unit="x", met=value <= limit, note=note)


def at_most(name: str, figure: Figure, limit: float, note: str = "") -> Goal:
    """A goal on one figure."""
    met = None if figure.value is None else figure.value <= limit
    return Goal(name=name, limit=limit, value=figure.value, unit=figure.unit, met=met, note=note or figure.note)
