"""Cards on the command line: requests about posture that are shown and answered together."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, NoReturn

import typer

from agent.plural import plural
from graphs.answering import MoreNeeded, NotTaken
from graphs.bootstrap import actor, configuration
from graphs.cards import CARD, answer_card, card_named, grouped, waiting
from graphs.entrypoints.opening import REFUSED, ledgers, opened, registry_of, stop
from graphs.entrypoints.printing import as_json, exit_code, line, out, row, shown, where
from tools.ledger import Card


def is_card(name: str) -> bool:
    """Whether the id is a card's."""
    return name.startswith(CARD)


def list_cards() -> None:
    """The cards that hold more than one request."""
    for sandbox, ledger in ledgers().items():
        for card in grouped(waiting(ledger), registry_of(sandbox=sandbox), datetime.now(UTC)):
            if len(card.asks) > 1:
                _head(card, sandbox)


def show_card(name: str, show_run: Callable[[str], None]) -> None:
    """Everything that the card holds, a run after the other."""
    sandbox, card = _found(name)
    _head(card, sandbox)
    for ask in card.asks:
        out.print()
        show_run(ask.run_id)


def answer_all(name: str, decision: Literal["approve", "reject"], by: str, reason: str, json_: bool) -> NoReturn:
    """Answer each request of the card with its own digest. One that is no longer what was shown is left, and said."""
    sandbox, card = _found(name)
    with opened(sandbox=sandbox) as runs:
        came = answer_card(runs, card, decision, by or actor(configuration()), reason)
    reports = [given for _, given in came if not isinstance(given, MoreNeeded | NotTaken)]
    if json_:
        print(as_json(reports))  # noqa: T201 - the JSON is the output
    for run_id, given in came:
        if isinstance(given, NotTaken):
            typer.echo(f"{run_id}: not answered, {given.reason.replace('_', ' ')}: {given.detail}", err=True)
        elif json_:
            continue
        elif isinstance(given, MoreNeeded):
            out.print(f"{run_id}: {shown(given.words)}")
        else:
            line(given)
    refused = [given for _, given in came if isinstance(given, NotTaken)]
    raise typer.Exit(REFUSED if refused else exit_code(reports))


def _head(card: Card, sandbox: bool) -> None:
    out.print(f"[bold]{card.id}[/]{where(sandbox)}")
    row("card", f"{shown(card.control)}, owner {shown(card.owner)}: {plural(len(card.asks), 'run')}, answered together")
    row("runs", ", ".join(ask.run_id for ask in card.asks))


def _found(name: str) -> tuple[bool, Card]:
    now = datetime.now(UTC)
    named = [(here, card_named(name, each, registry_of(sandbox=here), now)) for here, each in ledgers().items()]
    for sandbox, card in named:
        if card is not None:
            return sandbox, card
    return stop(
        f"no card {name[:40]!r}: what it held has changed, or was answered; `stanch approvals list` shows", REFUSED
    )
