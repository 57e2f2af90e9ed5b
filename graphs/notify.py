"""Telling people on a topic: that a run asks, what it would do, until when and where to answer, and what asks nothing."""

import logging
from collections.abc import Callable
from urllib.parse import quote

from agent.plural import plural
from agent.record import iso
from agent.report import Report
from agent.verdict import Refused, Request
from graphs.plain import quiet
from graphs.tokens import card_link_token, link_token
from tools.aws import Aws, AwsError
from tools.ledger import Card
from tools.outbox import publish

_RUNS = 20
"""Runs that a message about a card, or about many ends, names."""
_OPEN = 5
"""Lines of what is still open that a message names."""

log = logging.getLogger("stanch")


def notifier(aws: Aws, topic: str, page: str, key: bytes | None) -> Callable[[Request, Report], None]:
    """A notifier on the topic. What cannot be sent is logged: the run waits all the same, and a list shows it."""

    def notify(request: Request, report: Report) -> None:
        try:
            publish(aws, topic, f"Stanch asks: {request.run_id}", message(request, report, page, key))
        except AwsError as error:
            log.error("%s asks, and the topic could not be told: %s", request.run_id, error)

    return notify


def card_teller(aws: Aws, topic: str, page: str, key: bytes | None) -> Callable[[Card, int], bool]:
    """A teller of cards on the topic, which says whether it could."""

    def tell(card: Card, more: int) -> bool:
        try:
            publish(aws, topic, f"Stanch asks: {card.id}", card_message(card, more, page, key))
        except AwsError as error:
            log.error("%s asks, and the topic could not be told: %s", card.id, error)
            return False
        return True

    return tell


def notice_teller(aws: Aws, topic: str) -> Callable[[str, str], bool]:
    """A teller of what asks nothing, by subject and text, which says whether it could."""

    def tell(subject: str, text: str) -> bool:
        try:
            publish(aws, topic, subject, text)
        except AwsError as error:
            log.error("%s, and the topic could not be told: %s", subject, error)
            return False
        return True

    return tell


def end_teller(aws: Aws, topic: str) -> Callable[[list[Report], int], bool]:
    """A teller of how runs ended, which says whether it could."""

    def tell(reports: list[Report], more: int) -> bool:
        one = len(reports) == 1 and not more
        subject = (
            f"Stanch: {reports[0].run_id} {_words(reports[0])}"
            if one
            else f"Stanch: {plural(len(reports), 'run')} ended"
        )
        try:
            publish(aws, topic, subject, end_message(reports[0]) if one else ends_message(reports, more))
        except AwsError as error:
            log.error("%s ended, and the topic could not be told: %s", reports[0].run_id, error)
            return False
        return True

    return tell


def end_message(report: Report) -> str:
    """The text: what, where, why, what is still open, and how to look. Others' words are cut, on one line, and no links."""
    found = report.finding
    where = f" in {found.account} {found.region}, severity {found.severity}" if found else ""
    lines = [f"Run {report.run_id} ended {_words(report)}{where}, in {report.mode} mode."]
    if found:
        lines += [f"What: {quiet(found.type, 200)}"]
        lines += [f"On: {quiet(', '.join(target.words for target in found.targets[:_OPEN]) or 'nothing named', 400)}"]
    lines += [f"Why: {quiet(report.reason, 600)}"]
    lines += [f"Still open: {quiet(line, 200)}" for line in report.leaves_open[:_OPEN]]
    lines += [f"Still open: {len(report.leaves_open) - _OPEN} more"] if len(report.leaves_open) > _OPEN else []
    return "\n".join([*lines, f"Look: stanch explain {report.run_id}"])


def ends_message(reports: list[Report], more: int) -> str:
    """The text about many ends, a line each."""
    lines = [f"{plural(len(reports), 'run')} ended, and nobody was asked:"]
    lines += [_end_line(report) for report in reports[:_RUNS]]
    lines += [f"- and {len(reports) - _RUNS} more"] if len(reports) > _RUNS else []
    lines += [f"{more} more are told of later."] if more else []
    return "\n".join([*lines, "Look: stanch explain RUN"])


def _end_line(report: Report) -> str:
    found = report.finding
    what = f" {quiet(found.type, 100)} in {found.account} {found.region}" if found else ""
    return f"- {report.run_id} {_words(report)}:{what}: {quiet(report.reason, 160)}"


def _words(report: Report) -> str:
    return report.status.replace("_", " ")


def card_message(card: Card, more: int, page: str = "", key: bytes | None = None) -> str:
    """The text: what one card asks, and how many others wait."""
    runs = [ask.run_id for ask in card.asks]
    shown, rest = runs[:_RUNS], len(runs) - _RUNS
    lines = [
        f"Card {card.id} asks for {plural(len(runs), 'run')}: {quiet(card.control, 200)}, owner {quiet(card.owner, 100)}"
    ]
    lines += [f"- {run_id}" for run_id in shown] + ([f"- and {rest} more"] if rest > 0 else [])
    lines += [f"Look and answer: {card_link(card, page, key)}" if page else f"Look: stanch approvals show {card.id}"]
    lines += [f"{plural(more, 'more card')} to come when there is room."] if more else []
    return "\n".join(lines)


def message(request: Request, report: Report, page: str, key: bytes | None) -> str:
    """The text: of the finding's own words only the names of what would be changed, and its one link is to the request's page."""
    where = f" in {report.finding.account} {report.finding.region}" if report.finding else ""
    lines = [f"Run {request.run_id} asks{where}, until {iso(request.expires_at)}:"]
    lines += [f"- {a.id} {a.change.action} on {quiet(a.change.target.id, 200)}" for a in request.actions]
    lines += [f"  {quiet(no.words, 400)}" for no in _refused(request, report)]
    lines += [f"It needs {quiet(report.waits_for, 400)}."] if report.waits_for else []
    lines += [_where(request, page, key)]
    return "\n".join(lines)


def _refused(request: Request, report: Report) -> list[Refused]:
    """What people said who refused before what is asked, each once."""
    asked = {action.id for action in request.actions}
    verdicts = [action.verdict for action in report.actions if action.planned.id in asked]
    return [*{v.refused.key: v.refused for v in verdicts if v is not None and v.refused is not None}.values()]


def link(request: Request, page: str, key: bytes | None) -> str:
    """The address of the request's page. Without a key it opens only for somebody who is signed in and listed."""
    address = f"{page.rstrip('/')}/approvals/{quote(request.run_id)}"
    return address if key is None else f"{address}?token={link_token(key, request)}"


def card_link(card: Card, page: str, key: bytes | None) -> str:
    """The address of the card's page, as `link`."""
    address = f"{page.rstrip('/')}/approvals/{quote(card.id)}"
    return address if key is None else f"{address}?token={card_link_token(key, card)}"


def _where(request: Request, page: str, key: bytes | None) -> str:
    return f"Look and answer: {link(request, page, key)}" if page else f"Look: stanch approvals show {request.run_id}"
