"""Lambda: the page of a request, behind a function URL or an HTTP API. GET shows, POST decides, and then the run goes on."""

from typing import Any

import graphs.entrypoints.lean  # noqa: F401 - before whatever loads those packages
from agent.record import JsonObject
from agent.report import Report, Status
from agent.verdict import Request
from graphs.answering import Kept, MoreNeeded, NotTaken, keep
from graphs.cards import CARD
from graphs.entrypoints.approval_page import Form, content_policy, ended, minute, notice, page
from graphs.entrypoints.card_answers import of_card
from graphs.entrypoints.deployed import Deployed, deployed
from graphs.entrypoints.identity import person_of
from graphs.entrypoints.log import note
from graphs.entrypoints.web import Asked, Unfit, authorizer, html
from graphs.service import Service
from graphs.tokens import fits, form_token, link_token

_REFUSED = {
    "unknown_person": 403,
    "named_in_finding": 403,
    "nothing_named": 400,
    "wider_than_asked": 400,
    "too_late": 410,
}
"""The HTTP status of an answer that was not taken; any other is a conflict."""


def handler(event: Any, context: Any) -> JsonObject:
    """Answer one request of the payload format 2.0."""
    asked = Asked.of(event)
    if isinstance(asked, Unfit):
        return _said(asked.status, "Not this way", asked.why)
    function = deployed("approvals")
    # the account that this function is in, by its own ARN
    person = person_of(authorizer(event), context.invoked_function_arn.split(":")[4], function.service.registry)
    if asked.run_id.startswith(CARD):
        return of_card(asked, person, function)
    request = function.service.ledger.request(asked.run_id)
    if asked.method == "GET":
        return _look(asked, request, person, function.service)
    return _decide(asked, request, person, function)


def _look(asked: Asked, request: Request | None, person: str | None, service: Service) -> JsonObject:
    """Show the request to whoever has its link, or may answer. Reads only."""
    if request is None or not (person or fits(asked.token, link_token(service.approval_key, request))):
        return _said(403, "This link opens nothing", "It is wrong, or what was asked has changed since it was sent.")
    row, report = service.ledger.run(request.run_id), service.ledger.report(request.run_id)
    note = _why_no_answer(request, row.status if row else None, person, service)
    form = None if note or person is None else Form(person, form_token(service.approval_key, request, person))
    answers = service.ledger.answers(request.run_id, request.digest)
    return html(200, page(request, report, service.catalogue, form, note, answers), content_policy())


def _why_no_answer(request: Request, status: Status | None, person: str | None, service: Service) -> str:
    if status is not Status.AWAITING_APPROVAL:
        return f"Nothing is asked any more: the run is {status.replace('_', ' ') if status else 'being worked'}."
    if service.clock() >= request.expires_at:
        return f"Its time was over at {minute(request.expires_at)}."
    return "" if person else "You can look. To answer, sign in as somebody whom the registry lists."


def _decide(asked: Asked, request: Request | None, person: str | None, function: Deployed) -> JsonObject:
    service = function.service
    if person is None:
        return _said(403, "Not taken", "Only somebody who is signed in, and whom the registry lists, may answer.")
    if request is None or not fits(asked.one("token"), form_token(service.approval_key, request, person)):
        return _said(403, "Not taken", "This form is not from your own look at what is asked now: open the link again.")
    if service.clock() >= request.expires_at:
        return _said(410, "Too late", f"Its time was over at {minute(request.expires_at)}.")
    decision = asked.one("decision")
    if decision == "approve":
        only = asked.form.get("action", [])
        given = keep(service, asked.run_id, "approve", person, only, asked.one("reason"), request.digest)
    elif decision == "reject":
        given = keep(service, asked.run_id, "reject", person, None, asked.one("reason"), request.digest)
    else:
        return _said(400, "Not taken", "Approve or reject.")
    return _came_of(given, function)


def _came_of(given: Kept | MoreNeeded | NotTaken, function: Deployed) -> JsonObject:
    if isinstance(given, NotTaken):
        return _said(_REFUSED.get(given.reason, 409), "Not taken", f"{given.reason.replace('_', ' ')}: {given.detail}")
    if isinstance(given, MoreNeeded):
        return _said(200, "Kept", f"{given.words}.")
    came = function.go_on(given.run_id)
    if isinstance(came, Report):
        note([came])
        return html(200, ended(came), content_policy())
    return _said(200, "Kept", f"{given.run_id} goes on.")


def _said(status: int, title: str, text: str) -> JsonObject:
    return html(status, notice(title, text), content_policy())
