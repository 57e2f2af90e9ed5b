"""Cards: requests about posture, grouped by control and owner, told within a budget and answered together, each with its own digest."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from agent.plan import digest_of
from agent.queue import Queue, queue_of
from agent.record import Record
from agent.report import Report, Status
from agent.verdict import Request
from graphs.answering import MoreNeeded, NotTaken, answer
from graphs.service import Service
from tools.ledger import Ask, Card, Ledger
from tools.registry import Registry

if TYPE_CHECKING:
    from graphs.runs import Runs  # the graph library is loaded where a run goes on

CARD = "card-"
"""How the id of a card begins."""

HOUR = timedelta(hours=1)
REMEMBERED = timedelta(days=30)
"""A card that people were told of is known by its id for so long: longer than a request may wait."""

Waiting = tuple[Request, Report]
log = logging.getLogger("stanch")


class Told(Record):
    """What one look at the cards came to."""

    told: list[str] = []
    left: list[str] = []
    """Cards that did not fit into this hour: they come with a later look."""


def waiting(ledger: Ledger) -> list[Waiting]:
    """The requests that wait for an answer, each with what its run said so far, the newest first."""
    runs = [row.run_id for row in ledger.runs() if row.status is Status.AWAITING_APPROVAL]
    found = [(ledger.request(run), ledger.report(run)) for run in runs]
    return [(request, report) for request, report in found if request is not None and report is not None]


def grouped(open_: list[Waiting], registry: Registry, now: datetime) -> list[Card]:
    """Cards of the requests about posture: the severest first, then the oldest."""
    groups: dict[tuple[str, str], list[Waiting]] = {}
    for request, report in open_:
        if report.finding is not None and queue_of(report.finding) is Queue.POSTURE:
            entry = registry.accounts.get(report.finding.account)
            owner = (entry.owner if entry else "") or report.finding.account
            groups.setdefault((report.finding.type, owner), []).append((request, report))
    ordered = sorted(groups.items(), key=lambda group: (_urgency(group[1]), group[0]))
    return [_card(*name, members, now) for name, members in ordered]


def _urgency(members: list[Waiting]) -> tuple[int, datetime]:
    severity = max(report.finding.severity for _, report in members if report.finding is not None)
    return -severity, min(request.created_at for request, _ in members)


def _card(control: str, owner: str, members: list[Waiting], now: datetime) -> Card:
    asks = sorted((Ask(run_id=r.run_id, digest=r.digest) for r, _ in members), key=lambda ask: ask.run_id)
    content = {"control": control, "owner": owner, "asks": [ask.model_dump() for ask in asks]}
    return Card(id=f"{CARD}{digest_of(content)[:12]}", control=control, owner=owner, asks=asks, at=now)


def tell(service: Service, time_left: Callable[[], bool] = lambda: True) -> Told:
    """Tell people of the cards that they were not told of, as long as this hour has room; what is left is said."""
    if service.tell_card is None:
        return Told()
    ledger, now = service.ledger, service.clock()
    open_, shown = waiting(ledger), ledger.cards(now - REMEMBERED)
    known = {ask.digest for card in shown for ask in card.asks}
    cards = grouped([pair for pair in open_ if pair[0].digest not in known], service.registry, now)
    room = service.settings.cards_an_hour - _used(open_, shown, now)
    told: list[str] = []
    for number, card in enumerate(cards[: max(0, room)], 1):
        if not time_left():
            break
        if service.tell_card(card, len(cards) - number):
            ledger.show(card)
            told.append(card.id)
    left = [card.id for card in cards if card.id not in told]
    if left:
        log.warning("%d cards wait until there is room for them: %s", len(left), ", ".join(left))
    return Told(told=told, left=left)


def _used(open_: list[Waiting], shown: list[Card], now: datetime) -> int:
    """The cards of the last hour. A threat is told at once, whatever there were."""
    threats = [
        request
        for request, report in open_
        if report.finding is not None and queue_of(report.finding) is Queue.THREAT and request.created_at > now - HOUR
    ]
    return len(threats) + len([card for card in shown if _asks(card) and card.at > now - HOUR])


def _asks(card: Card) -> bool:
    """Whether it is one of these, and no message about closings or ends that is kept alike."""
    return bool(card.asks) and card.id.startswith(CARD)


def card_named(name: str, ledger: Ledger, registry: Registry, now: datetime) -> Card | None:
    """The card of that id: as people were told of it, or as it would be made of what waits now."""
    shown = [card for card in ledger.cards(now - REMEMBERED) if _asks(card)]
    cards = [*shown, *grouped(waiting(ledger), registry, now)]
    return next((card for card in cards if card.id == name), None)


def answer_card(
    runs: "Runs", card: Card, decision: Literal["approve", "reject"], by: str, reason: str
) -> list[tuple[str, Report | MoreNeeded | NotTaken]]:
    """Answer each request that the card holds, with its own digest. One that has changed since is not answered."""
    return [(ask.run_id, answer(runs, ask.run_id, decision, by, None, reason, ask.digest)) for ask in card.asks]
