"""The page of a card: GET shows every run that it holds, POST answers each ticked one with its own digest."""

from typing import Literal

from agent.record import JsonObject
from agent.report import Report, Status
from graphs.answering import Kept, MoreNeeded, NotTaken, keep
from graphs.cards import card_named
from graphs.entrypoints.approval_page import Form, Section, answers, content_policy, group_page, minute, notice, section
from graphs.entrypoints.deployed import Deployed
from graphs.entrypoints.log import note
from graphs.entrypoints.web import FIELDS, Asked, html
from graphs.service import Service
from graphs.tokens import card_form_token, card_link_token, fits
from tools.ledger import Ask, Card

MOST = FIELDS - 20
"""Runs that one form can hold."""


def of_card(asked: Asked, person: str | None, function: Deployed) -> JsonObject:
    """Show the card, or answer it."""
    service = function.service
    card = card_named(asked.run_id, service.ledger, service.registry, service.clock())
    return _look(asked, card, person, service) if asked.method == "GET" else _decide(asked, card, person, function)


def _look(asked: Asked, card: Card | None, person: str | None, service: Service) -> JsonObject:
    """Show the card to whoever has its link, or may answer. Reads only."""
    if card is None or not (person or fits(asked.token, card_link_token(service.approval_key, card))):
        return _said(
            403, "This link opens nothing", "It is wrong, or what the card held has changed since it was sent."
        )
    sections = [_section(ask, service) for ask in card.asks]
    note = _why_no_answer(card, sections, person)
    form = None if note or person is None else Form(person, card_form_token(service.approval_key, card, person))
    return html(200, group_page(card, sections, form, note), content_policy())


def _section(ask: Ask, service: Service) -> Section:
    row, report = service.ledger.run(ask.run_id), service.ledger.report(ask.run_id)
    request = service.ledger.request(ask.run_id)
    status = row.status if row else None
    if request is None or request.digest != ask.digest:
        note = "It asks for something else by now, or for nothing: look at the run itself."
        return section(ask.run_id, ask.digest, None, report, service.catalogue, note)
    note = ""
    if status is not Status.AWAITING_APPROVAL:
        note = f"Nothing is asked any more: the run is {status.replace('_', ' ') if status else 'being worked'}."
    elif service.clock() >= request.expires_at:
        note = f"Its time was over at {minute(request.expires_at)}."
    return section(ask.run_id, ask.digest, request, report, service.catalogue, note)


def _why_no_answer(card: Card, sections: list[Section], person: str | None) -> str:
    if all(each.note for each in sections):
        return "Nothing on this card is asked any more."
    if len(card.asks) > MOST:
        return f"It holds more than one form can: answer it with `stanch approvals approve {card.id}`."
    return "" if person else "You can look. To answer, sign in as somebody whom the registry lists."


def _decide(asked: Asked, card: Card | None, person: str | None, function: Deployed) -> JsonObject:
    service = function.service
    if person is None:
        return _said(403, "Not taken", "Only somebody who is signed in, and whom the registry lists, may answer.")
    if card is None or not fits(asked.one("token"), card_form_token(service.approval_key, card, person)):
        return _said(403, "Not taken", "This form is not from your own look at what is asked now: open the link again.")
    decision = asked.one("decision")
    if decision not in ("approve", "reject"):
        return _said(400, "Not taken", "Approve or reject.")
    ticked = set(asked.form.get("run", []))
    if not ticked or not ticked <= {ask.run_id for ask in card.asks}:
        return _said(400, "Not taken", "Tick at least one run, and none that the card does not hold.")
    word: Literal["approve", "reject"] = "approve" if decision == "approve" else "reject"
    given = [
        (
            ask.run_id,
            _late(ask, service) or keep(service, ask.run_id, word, person, None, asked.one("reason"), ask.digest),
        )
        for ask in card.asks
        if ask.run_id in ticked
    ]
    came = [(run_id, _came_of(kept, function)) for run_id, kept in given]
    left = [(ask.run_id, "left as it is: it was not ticked") for ask in card.asks if ask.run_id not in ticked]
    refused = any(isinstance(kept, NotTaken) for _, kept in given)
    title = f"{card.id}: {'not all answered' if refused else 'answered'}"
    return html(409 if refused else 200, answers(title, [*came, *left]), content_policy())


def _late(ask: Ask, service: Service) -> NotTaken | None:
    request = service.ledger.request(ask.run_id)
    if request is None or service.clock() < request.expires_at:
        return None
    return NotTaken(reason="not_waiting", detail=f"its time was over at {minute(request.expires_at)}")


def _came_of(given: Kept | MoreNeeded | NotTaken, function: Deployed) -> str:
    if isinstance(given, NotTaken):
        return f"not answered: {given.reason.replace('_', ' ')}: {given.detail}"
    if isinstance(given, MoreNeeded):
        return given.words
    came = function.go_on(given.run_id)
    if isinstance(came, Report):
        note([came])
        return f"{came.status.replace('_', ' ')}: {came.reason}"
    return "kept: it goes on"


def _said(status: int, title: str, text: str) -> JsonObject:
    return html(status, notice(title, text), content_policy())
