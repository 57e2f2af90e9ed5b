"""Reports as one HTML file: nothing from outside, nothing that runs, nothing of the data that becomes markup."""

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from agent.plural import plural
from agent.policy import decided_by
from agent.report import Report, proposed_by
from evals import view
from evals.difference import LONGEST, difference
from evals.plots import Plots, Timing, plots
from evals.summary import Summary
from evals.visible import pieces

LARGEST = 950_000
"""Bytes of a page that a mail or a browser still takes with ease."""

_DETAIL = ("all", "no_facts", "actions")
"""How much is drawn of each run, until the page is small enough. Then some are drawn as their row in the list, and at last all."""


_FRAME = 100
"""Bytes around a run that is drawn, at most."""


class Bar(NamedTuple):
    """One bar of a chart. `key` is a name that code chose, or empty."""

    label: str
    number: int
    share: float
    tone: str = "calm"
    key: str = ""


def render_run(report: Report) -> str:
    """One run as a page of its own."""
    return _environment().get_template("run.html.j2").render(report=report, detail="all")


class Place(NamedTuple):
    """Which item a report is of, and its line in `results.jsonl`, from 1."""

    name: str
    line: int


def render_eval(
    reports: list[Report],
    summary: Summary,
    timings: list[Timing] | None = None,
    places: list[Place] | None = None,
) -> str:
    """A replay as one page: the counts, the plots, the list of runs, and each run behind its row. Under a megabyte.

    `places`: of each report. Without them the lines are numbered, and nothing is named.
    """
    drawn = plots(summary, timings or [])
    at = places or [Place("", number) for number in range(1, len(reports) + 1)]
    page = ""
    for detail in _DETAIL:
        page = _draw(reports, at, summary, drawn, detail, range(len(reports)))
        if len(page.encode()) <= LARGEST:
            return page
    rows = len(_draw(reports, at, summary, drawn, "rows", ()).encode())
    if rows > LARGEST:
        room = len(reports) * LARGEST // (rows + 1)
        return _draw(reports[: max(1, room * 9 // 10)], at, summary, drawn, "rows", ())
    return _draw(reports, at, summary, drawn, "some", _fitting(reports, LARGEST - rows))


def _fitting(reports: list[Report], room: int) -> list[int]:
    """The places of the runs that are drawn in so many bytes: the shortest first, so that as many as can be are."""
    parts: Any = _environment().get_template("parts.html.j2").module
    sizes = {place: len(str(parts.body(report, "some")).encode()) + _FRAME for place, report in enumerate(reports)}
    kept = []
    for place in sorted(sizes, key=lambda place: sizes[place]):
        room -= sizes[place]
        if room < 0:
            break
        kept.append(place)
    return kept


def _draw(
    reports: list[Report], places: list[Place], summary: Summary, drawn: Plots, detail: str, opened: Collection[int]
) -> str:
    """The page. What is not among the opened places is its row alone."""
    template = _environment().get_template("eval.html.j2")
    return template.render(
        reports=reports, places=places, summary=summary, plots=drawn, detail=detail, opened=frozenset(opened), charts=_charts(summary)
    )  # fmt: skip


def _charts(summary: Summary) -> dict[str, list[Bar]]:
    tones = {status.value: tone for status, tone in view.TONES.items()}
    return {
        "status": [bar._replace(tone=tones[bar.key]) for bar in _bars(summary.by_status) if bar.key in tones],
        "reason": _bars(summary.by_reason),
        "disposition": _bars({name: n for name, n in summary.by_disposition.items() if name != "none"}),
    }


def _bars(counts: dict[str, int]) -> list[Bar]:
    most = max(counts.values(), default=1)
    return [Bar(view.words(name), n, round(100 * n / most, 1), key=name) for name, n in counts.items()]


def shown(value: Any) -> Any:
    """Every value on its way into the page: text escaped, cut to length, and with nothing hidden in it."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return ""
    if not isinstance(value, str):
        return escape(value)
    text = value[:LONGEST]
    drawn = "".join(
        f'<span class="x">{piece}</span>' if hidden else str(escape(piece)) for piece, hidden in pieces(text)
    )
    more = len(value) - len(text)
    return Markup(drawn + (f" … ({more:,} characters more)" if more else ""))  # noqa: S704 - every piece is escaped above


def breaking(text: str) -> Markup:
    """A name that may break after its separators, like a finding's type."""
    return Markup("<wbr>").join(shown(part) for part in re.split(r"(?<=[:/._])(?=\w)", text))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=view.moment, breaking=breaking, fact_name=view.fact_name)
    environment.tests.update(told=view.told)
    environment.globals.update(
        steps=view.steps, told=view.told, why_silent=view.why_silent, fact_rows=view.fact_rows, difference=difference,
        decided_on=view.decided_on,
        proposed_by=proposed_by, mattered=view.mattered, verified=view.verified, rulings=view.rulings, words=view.words,
        origin=view.origin, decided_by=decided_by, plural=plural, nameless=view.nameless, tone=view.tone, tones=view.TONES,
    )  # fmt: skip
    return environment
