"""`stanch run`, `sweep`, `catalogue`: one event in, and what came of it."""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.event import Event
from agent.finding import Refusal
from agent.intake import parse
from agent.report import Report, Status
from agent.verdict import Mode
from graphs.bootstrap import prepared
from graphs.cards import Told
from graphs.cards import tell as tell_cards
from graphs.entrypoints.opening import REFUSED, configured, opened, stop
from graphs.entrypoints.printing import as_json, exit_code, indented, line, out, plain, shown
from graphs.entrypoints.reading import Unreadable, read
from graphs.entrypoints.saying import say
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
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON array of reports.")] = False,
) -> None:
    """Work the findings of one event. Exit code 0: done or waiting; 1: failed, unverified or partial; 2: refused."""
    if world is not None and not sandbox:
        stop("--world says what stands in the sandbox: it needs --sandbox", REFUSED)
    raw, name = _raw(event)
    body = _parsed(raw, name)
    reports = _refused_at_once(body, sandbox, mode)
    if not reports:
        with opened(sandbox=sandbox, mode=mode, event=body, world=world) as runs:
            reports = runs.deliver(Event(body=body, received_at=runs.service.clock(), via="cli"))
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
    """Take back what was put in place for a time and is over; tell people of the cards that there is room for."""
    with opened(sandbox=sandbox) as runs:
        swept = sweep_ledger(runs.service)
        cards = tell_cards(runs.service)
    if json_:
        print(as_json(swept.reports))  # noqa: T201 - the JSON is the output
    else:
        for report in swept.reports:
            line(report)
        for text in swept.kept:
            out.print(f"stays  {shown(text)}")
        for card in cards.told:
            out.print(f"told   {card}")
        for card in cards.left:
            out.print(f"waits  {card}, until there is room for it")
        if not swept.reports and not swept.kept and cards == Told():
            out.print("Nothing is over.")
    raise typer.Exit(exit_code(swept.reports))


def catalogue() -> None:
    """List every action: what it is about, its way back, and whom it may disturb."""
    for spec in all_actions().actions:
        out.print(
            f"[bold]{spec.id}[/]  {spec.target}, {spec.reversal.replace('_', ' ')}, disruption {int(spec.disruption)}"
        )
        indented(f"  {spec.summary} Feels it: {spec.disrupts}")
