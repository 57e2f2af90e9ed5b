"""`stanch run`, `sweep`, `catalogue`: one event in, and what came of it."""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from agent.event import Event
from agent.finding import Refusal
from agent.intake import parse
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.bootstrap import actor, prepared
from graphs.cards import Told
from graphs.cards import tell as tell_cards
from graphs.closing_notice import tell as tell_closings
from graphs.endings import tell_ends
from graphs.entrypoints.opening import REFUSED, configured, opened, stop
from graphs.entrypoints.printing import as_json, exit_code, indented, line, out, plain, shown
from graphs.entrypoints.reading import Unreadable, read
from graphs.entrypoints.saying import say
from graphs.people import canonical
from graphs.refusing import refused
from graphs.sweep import sweep as sweep_ledger
from tools.action import catalogue as all_actions


def add_to(app: typer.Typer) -> None:
    """Add the commands that have no group of their own."""
    for command in (run, sweep, catalogue):
        app.command()(command)


def run(
    event: Annotated[Path, typer.Argument(metavar="EVENT.json", help="The event; - reads standard input.")],
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Run on the embedded AWS of this home.")] = False,
    world: Annotated[Path | None, typer.Option("--world", help="A world.yaml for a new sandbox.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Default: STANCH_MODE, else observe.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Work it once more on purpose, though it was worked, rejected or resolved.")
    ] = False,
    by: Annotated[
        str, typer.Option("--by", help="With --again: who asks. Default: STANCH_ACTOR, else the system's user.")
    ] = "",
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON array of reports.")] = False,
) -> None:
    """Work the findings of one event. Exit code 0: done or waiting; 1: failed, unverified or partial; 2: refused."""
    if world is not None and not sandbox:
        stop("--world says what stands in the sandbox: it needs --sandbox", REFUSED)
    if by and not again:
        stop("--by says who asks for it once more: it goes with --again", REFUSED)
    asking = _asking(by) if again else ""
    raw, name = _raw(event)
    body = _parsed(raw, name)
    reports = _refused_at_once(body, sandbox, mode)
    if not reports:
        with opened(sandbox=sandbox, mode=mode, event=body, world=world) as runs:
            reports = runs.deliver(_event(body, runs.service.clock(), asking))
    for report in reports:
        if report.status is Status.REFUSED:
            _refuse(f"{name}: {report.reason}", raw)
    if json_:
        print(as_json(reports))  # noqa: T201 - the JSON is the output
    else:
        for report in reports:
            if report.status is not Status.REFUSED:
                line(report)
    raise typer.Exit(exit_code(reports))


def _asking(by: str) -> str:
    """Who has a finding worked again: their name is kept with the run."""
    person = canonical(by or actor(configured()))
    if person is None:
        stop(f"{plain(by, 64)!r} is no name: say who asks with --by", REFUSED)
    return person


def _event(body: Any, now: datetime, asking: str) -> Event:
    """One delivery; each that somebody asks for is another one."""
    return Event(body=body, received_at=now, via="cli", asked_by=asking, asked_as=uuid4().hex if asking else "")


def _refused_at_once(body: Any, sandbox: bool, mode: Mode | None) -> list[Report]:
    """The reports of an event that holds no finding at all; empty if it holds any. Nothing is opened for it."""
    now = datetime.now(UTC)
    event = Event(body=body, received_at=now, via="cli")
    found = parse(event).findings
    refusals = [item for item in found if isinstance(item, Refusal)]
    if len(refusals) < len(found):
        return []
    chosen = mode or configured().mode
    return [refused(event, position, item, chosen, sandbox, now) for position, item in enumerate(refusals)]


def _raw(path: Path) -> tuple[bytes, str]:
    """The bytes of the event, and what to call it."""
    name = "standard input" if str(path) == "-" else str(path)
    try:
        return (sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()), name
    except OSError as error:
        stop(f"{name}: {error.strerror}", REFUSED)


def _parsed(raw: bytes, name: str) -> Any:
    """The event. What is not JSON is kept and refused in one line."""
    body = read(raw)
    if not isinstance(body, Unreadable):
        return body
    _refuse(f"{name}: {body.why}", raw)
    raise typer.Exit(REFUSED)


def _refuse(text: str, raw: bytes) -> None:
    """One line that says what and where; the original stays under the home, if there can be one."""
    folder = configured().home / "refused"
    kept = folder / f"{hashlib.sha256(raw).hexdigest()[:16]}.event"
    try:
        prepared(folder)
        kept.write_bytes(raw)
        where_kept = f"kept as {kept}"
    except OSError as error:
        where_kept = f"not kept, {folder}: {error.strerror}"
    say(f"refused: {plain(text, 400)}; {where_kept}")


def sweep(
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Sweep the embedded AWS of this home.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the reports as JSON.")] = False,
) -> None:
    """Take back what was put in place for a time and is over; tell people of the cards that there is room for, and of closings."""
    with opened(sandbox=sandbox) as runs:
        swept = sweep_ledger(runs.service)
        cards, closings = tell_cards(runs.service), tell_closings(runs.service)
        ends = tell_ends(runs.service)
    if json_:
        print(as_json(swept.reports))  # noqa: T201 - the JSON is the output
    else:
        for report in swept.reports:
            line(report)
        for text in swept.kept:
            out.print(f"stays  {shown(text)}")
        for card in [*cards.told, *closings]:
            out.print(f"told   {card}")
        for card in cards.left:
            out.print(f"waits  {card}, until there is room for it")
        for run_id in ends.told:
            out.print(f"told   {run_id}, how it ended")
        if not swept.reports and not swept.kept and cards == Told() and not closings and not ends.told:
            out.print("Nothing is over.")
    raise typer.Exit(exit_code(swept.reports))


def catalogue() -> None:
    """List every action: what it is about, its way back, and whom it may disturb."""
    for spec in all_actions().actions:
        out.print(
            f"[bold]{spec.id}[/]  {spec.target}, {spec.reversal.replace('_', ' ')}, disruption {int(spec.disruption)}"
        )
        indented(f"  {spec.summary} Feels it: {spec.disrupts}")
