"""The page of one request: what would change, why it is asked, who would feel it. Others' words stand in quotes."""

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import JsonValue

from agent.catalogue import Catalogue
from agent.left_open import lines_on_a_card
from agent.plan import PlannedAction
from agent.report import Report, ReportedAction, Status, answered_by_playbook, proposed_by
from agent.verdict import Approval, Refused, Request
from graphs.entrypoints.asked import left_undone
from graphs.plain import plain
from tools.ledger import Card as Group

LONGEST = 700
"""Characters of one value on the page."""


class Row(NamedTuple):
    """One field that an action writes."""

    name: str
    before: str
    after: str


class Card(NamedTuple):
    """One asked action, ready to be drawn."""

    action: PlannedAction
    summary: str
    rows: list[Row]
    why: list[str]
    refused: Refused | None
    """Who refused it before."""
    left_open: list[str]
    way_back: str
    wanted: str
    """Who proposed it."""


class Section(NamedTuple):
    """One run of a group, ready to be drawn."""

    run_id: str
    digest: str
    report: Report | None
    cards: list[Card]
    note: str
    """Why it cannot be answered here; empty if it can."""

    @property
    def needs(self) -> str:
        """Whose answer it takes."""
        return "" if self.report is None or self.note else self.report.waits_for


class Done(NamedTuple):
    """One action of a run that has answered, and what came of it."""

    id: str
    what: str
    came: str
    undo: str


class Form(NamedTuple):
    """What the person who looks may send. Without one the page only shows."""

    person: str
    token: str


def page(
    request: Request,
    report: Report | None,
    catalogue: Catalogue,
    form: Form | None,
    note: str,
    answers: Sequence[Approval] = (),
) -> str:
    """The whole page. `note` says why there is no form, or how the request stands; `answers`, what people said so far."""
    asks = report is None or report.status is Status.AWAITING_APPROVAL
    return (
        _environment()
        .get_template("approval.html.j2")
        .render(
            request=request,
            report=report,
            title=_title(request.run_id, asks=asks),
            answers=answers,
            done=[] if report is None or asks else _done(report),
            cards=_cards(request, report, catalogue),
            form=form,
            note=note,
            until=minute(request.expires_at),
        )
    )


def section(
    run_id: str, digest: str, request: Request | None, report: Report | None, catalogue: Catalogue, note: str
) -> Section:
    """One run of a group. Without its request nothing of it is drawn but the note."""
    cards = [] if request is None else _cards(request, report, catalogue)
    return Section(run_id, digest, report, cards, note)


def group_page(group: Group, sections: list[Section], form: Form | None, note: str) -> str:
    """The page of a card: every run that it holds, a section each."""
    open_ = len([each for each in sections if not each.note])
    return (
        _environment()
        .get_template("group.html.j2")
        .render(
            group=group, sections=sections, open=open_, form=form, note=note, title=_title(group.id, asks=open_ > 0)
        )
    )


def answers(title: str, rows: list[tuple[str, str]]) -> str:
    """What came of each run of a group."""
    return _environment().get_template("answers.html.j2").render(title=title, rows=rows)


def ended(report: Report) -> str:
    """What came of the answer: each action done or not, what stays open, the way back, and who said what."""
    title = f"{report.run_id}: {report.status.replace('_', ' ')}"
    # a rejection's reason is what the person said, which stands below in quotes
    why = "" if report.status is Status.REJECTED else report.reason
    return (
        _environment()
        .get_template("ended.html.j2")
        .render(title=title, why=why, report=report, done=_done(report), answers=report.approvals)
    )


def minute(at: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def notice(title: str, text: str) -> str:
    """A page that only says something."""
    return _environment().get_template("notice.html.j2").render(title=title, text=text)


@cache
def content_policy() -> str:
    """Nothing is loaded and nothing runs; our own style is known by its hash; the form goes back where it came from."""
    style = _environment().get_template("style.css.j2").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _title(name: str, *, asks: bool) -> str:
    return f"Stanch asks: {name}" if asks else f"Stanch asked: {name}"


def _cards(request: Request, report: Report | None, catalogue: Catalogue) -> list[Card]:
    return [_card(action, request, report, catalogue) for action in request.actions]


def _card(action: PlannedAction, request: Request, report: Report | None, catalogue: Catalogue) -> Card:
    change, spec = action.change, catalogue.get(action.change.action)
    names = sorted(change.before.keys() | change.after.keys())
    rows = [Row(name, _value(change.before.get(name)), _value(change.after.get(name))) for name in names]
    said = [one.verdict for one in report.actions if one.planned.id == action.id] if report else []
    verdict = said[0] if said else None
    why, refused = (verdict.why, verdict.refused) if verdict is not None else ([], None)
    way_back = spec.reversal.replace("_", " ") if spec else "unknown"
    standing = [one.planned.change for one in report.actions if one.stands] if report else []
    left_open = lines_on_a_card(change, request.actions, standing)
    wanted = proposed_by(action, report.answered_by) if report else ""
    return Card(action, spec.summary if spec else change.action, rows, why, refused, left_open, way_back, wanted)


def _done(report: Report) -> list[Done]:
    return [_came_of(report, action) for action in report.actions]


def _came_of(report: Report, action: ReportedAction) -> Done:
    change, receipt = action.planned.change, action.receipt
    what = f"{change.action} on {change.target.kind} {change.target.id}"
    if receipt is None:
        ruling = action.verdict.ruling if action.verdict else "not judged"
        return Done(action.planned.id, what, left_undone(report, action) or ruling, "")
    checked = receipt.verification
    came = str(receipt.outcome) + (f", {checked.how.replace('_', ' ')}" if checked else "")
    return Done(action.planned.id, what, f"{came}; {action.gone}" if action.gone else came, action.undo)


def _value(value: JsonValue) -> str:
    return "(not there)" if value is None else json.dumps(value, ensure_ascii=False)


def _drawn(value: object) -> object:
    """Every value on its way into the page; Jinja escapes what this returns."""
    return plain(value, LONGEST) if isinstance(value, str) else value


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        finalize=_drawn,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["ours"] = answered_by_playbook
    made.globals["minute"] = minute
    return made
