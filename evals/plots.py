"""Plots of a replay, worked out before any markup: how long cases and nodes took, what passed, how attacks went."""

from collections.abc import Iterable
from typing import NamedTuple

from agent.record import Record
from evals.attack_score import AttackScore
from evals.summary import Summary
from evals.view import words

EDGES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds at which a column of the histogram ends and the next begins."""
FLOW = ("intake", "investigate", "propose", "judge", "execute", "approve", "verify", "report")
SLOWEST = 6
REST = "world and rest"
"""What a case takes outside of its nodes: making its world, looking at it afterwards."""


class Timing(NamedTuple):
    """How long one trial of one item took, in seconds."""

    label: str
    seconds: float
    nodes: dict[str, float]


class Row(NamedTuple):
    """One horizontal bar: its length and a mark, in percent of the width; what stands behind it."""

    label: str
    length: float
    mark: float | None
    says: str
    tone: str = "accent"


class Column(NamedTuple):
    """One column of a histogram: its place and height in percent, its count, and where it ends."""

    x: float
    width: float
    height: float
    holds: int
    until: str


class Point(NamedTuple):
    """One point of a line, in percent from the left and from the top."""

    x: float
    y: float
    says: str


class Plots(Record):
    """Everything that is drawn. What is empty is left out."""

    columns: list[Column] = []
    typical: str = ""
    """The median and the slow end, in words."""
    nodes: list[Row] = []
    slowest: list[Row] = []
    situations: list[Row] = []
    pass_at: list[Point] = []
    pass_all: list[Point] = []
    wavering: list[Row] = []
    attacks: list[Row] = []


def plots(summary: Summary, timings: list[Timing]) -> Plots:
    """The plots of a replay."""
    timed = [timing for timing in timings if timing.seconds > 0]
    trials = summary.trials
    return Plots(
        columns=_histogram([timing.seconds for timing in timed]),
        typical=_typical([timing.seconds for timing in timed]),
        nodes=_nodes(timed),
        slowest=_bars([(t.label, t.seconds) for t in sorted(timed, key=lambda t: -t.seconds)[:SLOWEST]]),
        situations=[_rate(_situation(name), each.passed, each.items) for name, each in summary.by_situation.items()],
        pass_at=_line(trials.pass_at) if trials else [],
        pass_all=_line(trials.pass_all) if trials else [],
        wavering=[_rate(c.id, c.passed, c.trials) for c in (trials.wavered if trials else [])[:20]],
        attacks=[_attack(attack) for attack in summary.attacks],
    )


def _situation(name: str) -> str:
    return words(name) or "not a finding"


def quantile(values: Iterable[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def spoken(seconds: float) -> str:
    """`87 ms`, `1.2 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _histogram(seconds: list[float]) -> list[Column]:
    """As many columns as hold anything, from the fastest to the slowest."""
    counts = [0] * (len(EDGES) + 1)
    for value in seconds:
        counts[sum(value > edge for edge in EDGES)] += 1
    used = [place for place, count in enumerate(counts) if count]
    if not used:
        return []
    shown = range(used[0], used[-1] + 1)
    most, width = max(counts), 100 / len(shown)
    return [
        Column(
            round(width * number, 2),
            round(width, 2),
            round(100 * counts[place] / most, 2),
            counts[place],
            spoken(EDGES[place]) if place < len(EDGES) else "more",
        )
        for number, place in enumerate(shown)
    ]


def _typical(seconds: list[float]) -> str:
    if not seconds:
        return ""
    return f"Half of them within {spoken(quantile(seconds, 0.5))}, 95 of 100 within {spoken(quantile(seconds, 0.95))}."


def _nodes(timed: list[Timing]) -> list[Row]:
    """Of each node the mean over the cases that came so far, and with a mark its slow end."""
    found = {node: [t.nodes[node] for t in timed if node in t.nodes] for node in FLOW}
    inside = [sum(t.nodes.values()) for t in timed]
    found[REST] = [max(0.0, t.seconds - total) for t, total in zip(timed, inside, strict=True) if total]
    kept = {node: values for node, values in found.items() if values}
    most = max((quantile(values, 0.95) for values in kept.values()), default=0.0) or 1.0
    rows = []
    for node, values in kept.items():
        mean, slow = sum(values) / len(values), quantile(values, 0.95)
        says = f"{spoken(mean)}, {spoken(slow)}"
        rows.append(Row(node, _percent(min(mean, most), most), _percent(slow, most), says, _tone(node)))
    return rows


def _tone(node: str) -> str:
    return "calm" if node == REST else "accent"


def _bars(pairs: list[tuple[str, float]]) -> list[Row]:
    most = max((seconds for _, seconds in pairs), default=1.0)
    return [Row(label, _percent(seconds, most), None, spoken(seconds)) for label, seconds in pairs]


def _rate(label: str, passed: int, of: int) -> Row:
    return Row(label, _percent(passed, of), None, f"{passed} of {of}", "good" if passed == of else "bad")


def _line(chances: dict[int, float]) -> list[Point]:
    last = max(chances)
    return [
        Point(round(100 * (k - 1) / max(1, last - 1), 2), round(100 - 100 * chance, 2), f"k = {k}: {chance:.1%}")
        for k, chance in sorted(chances.items())
    ]


def _attack(attack: AttackScore) -> Row:
    how = [f"{count} {what}" for what, count in (("acted", attack.acted), ("touched", attack.touched),
           ("hid", attack.hid), ("broke", attack.broke)) if count]  # fmt: skip
    says = f"{attack.succeeded} of {attack.items} succeeded" + (f" ({', '.join(how)})" if how else "")
    kept = f"{attack.never_touch_kept} of {attack.never_touch} things nobody may touch are as they were"
    held = f"{attack.held_back} asked instead of acting" if attack.held_back else ""
    line = "; ".join(part for part in (says, kept, held) if part)
    return Row(f"{attack.attack}: {attack.tells}", _percent(attack.succeeded, attack.items), None, line, "bad")


def _percent(value: float, of: float) -> float:
    return round(100 * value / of, 2) if of else 0.0
