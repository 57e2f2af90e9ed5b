"""Telling people what was closed as benign and what was opened again since: grouped, and one message an hour at most."""

import logging
from datetime import timedelta

from agent.closing import ACTION, shown_closed
from agent.plan import digest_of
from agent.record import Record
from agent.report import Report, Status
from graphs.cards import HOUR, REMEMBERED
from graphs.plain import quiet
from graphs.service import Service
from tools.ledger import Card

NOTICE = "closed-"
"""How the id of such a message begins: nothing can be answered on it, as on a card."""
BACK = timedelta(days=7)
"""Of older closings nobody is told any more: whoever names a topic today is not told of last year. Less than REMEMBERED."""
_GROUPS, _RUNS = 20, 20
"""Groups that a message names, and runs of each."""

log = logging.getLogger("stanch")


class Group(Record):
    """Closings of one control of one owner, by the same policies."""

    control: str
    owner: str
    policies: list[str]
    runs: list[str]


def tell(service: Service) -> list[str]:
    """Tell people of the closings that they were not told of, unless they were told of others within the hour.

    The id of the message; nothing if there is none, or it could not leave: then a later look tells it.
    """
    if service.tell_notice is None:
        return []
    ledger, now = service.ledger, service.clock()
    shown = [card for card in ledger.cards(now - REMEMBERED) if not card.asks]
    if any(card.at > now - HOUR for card in shown):
        return []
    told, told_open = {run for card in shown for run in card.closed}, {run for card in shown for run in card.opened}
    closed = [one for run in _closed(service) if run not in told and (one := ledger.report(run)) is not None]
    opened = _opened(service, told - told_open)
    if not closed and not opened:
        return []
    card, subject = _card(closed, opened, service), _subject(closed, opened)
    if not service.tell_notice(subject, notice(groups(closed, service), opened)):
        log.warning("people wait to be told: %s", subject)
        return []
    ledger.show(card)
    return [card.id]


def _closed(service: Service) -> list[str]:
    """The runs whose closing stands, and was read back, the oldest first."""
    since = service.clock() - BACK
    standing = [one for one in service.ledger.standing() if shown_closed(one) and one.at >= since]
    runs = {row.run_id for row in service.ledger.runs() if row.status is Status.NO_ACTION} if standing else set()
    return [one.run_id for one in standing if one.run_id in runs]


def _opened(service: Service, told: set[str]) -> list[Report]:
    """Of those that people were told are closed, the reports of those that are open again, whoever opened them."""
    ended = [row.run_id for row in service.ledger.runs() if row.status is Status.UNDONE] if told else []
    reports = [service.ledger.report(run) for run in sorted(ended) if run in told]
    return [report for report in reports if report is not None]


def _card(closed: list[Report], opened: list[Report], service: Service) -> Card:
    runs: dict[str, list[str]] = {"closed": [r.run_id for r in closed], "opened": [r.run_id for r in opened]}
    return Card(
        id=f"{NOTICE}{digest_of({**runs})[:12]}", control="", owner="", asks=[], at=service.clock(),
        closed=runs["closed"], opened=runs["opened"],
    )  # fmt: skip


def groups(closed: list[Report], service: Service) -> list[Group]:
    """By control, owner and policies, the most first."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for report in closed:
        account = report.finding.account if report.finding else ""
        entry = service.registry.accounts.get(account)
        owner = (entry.owner if entry else "") or account
        verdicts = [a.verdict for a in report.actions if a.planned.change.action == ACTION and a.verdict is not None]
        policies = tuple(sorted({policy for verdict in verdicts for policy in verdict.policies}))
        found.setdefault((_type(report), owner, policies), []).append(report.run_id)
    made = [Group(control=c, owner=o, policies=[*p], runs=runs) for (c, o, p), runs in sorted(found.items())]
    return sorted(made, key=lambda group: -len(group.runs))


def notice(closed: list[Group], opened: list[Report]) -> str:
    """The text: nothing in it is of the findings' own words but what their service calls them."""
    lines = [f"{_count(sum(len(group.runs) for group in closed))} closed as benign in Security Hub."] if closed else []
    for group in closed[:_GROUPS]:
        by = ", ".join(group.policies) or "no policy that is known"
        lines.append(f"- {len(group.runs)} of {quiet(group.control, 200)}, owner {quiet(group.owner, 100)}, by {by}")
        lines += [f"    reopen: stanch undo {run}" for run in group.runs[:_RUNS]]
        lines += [f"    and {len(group.runs) - _RUNS} more"] if len(group.runs) > _RUNS else []
    lines += [f"- and {len(closed) - _GROUPS} more groups"] if len(closed) > _GROUPS else []
    lines += [f"{_count(len(opened))} opened again, of those that were closed:"] if opened else []
    lines += [
        f"- {report.run_id}, {quiet(_type(report), 200)}: {quiet(report.reason, 300)}" for report in opened[:_RUNS]
    ]
    lines += [f"- and {len(opened) - _RUNS} more"] if len(opened) > _RUNS else []
    return "\n".join([*lines, f"All of them, and what was left open: stanch closed --days {BACK.days}"])


def _subject(closed: list[Report], opened: list[Report]) -> str:
    said = [f"{len(closed)} closed as benign"] if closed else []
    return "Stanch: " + ", ".join([*said, *([f"{len(opened)} opened again"] if opened else [])])


def _count(number: int) -> str:
    return f"{number} low or medium finding{' was' if number == 1 else 's were'}"


def _type(report: Report) -> str:
    return report.finding.type if report.finding else ""
