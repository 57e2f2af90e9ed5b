"""The first look at what arrived: what is refused or skipped ends here, before the graph or any AWS client is loaded."""

from datetime import UTC, datetime
from functools import cache
from typing import Literal

from pydantic import JsonValue

from agent.event import Event, unsound
from agent.finding import Finding, Reason, Refusal
from agent.intake import parse, sent
from agent.note import is_unsigned, signed
from agent.record import Record
from agent.report import Report
from graphs.configuration import Configuration
from graphs.entrypoints.log import log, note
from graphs.refusing import reason_of, refused
from graphs.screening import screen
from tools.registry import Registry

_LONG_AGO = datetime.fromtimestamp(0, UTC)


class Screened(Record):
    """What an event came to at first sight."""

    event: Event
    reports: list[Report] | None
    """Set when nothing of it is to be worked."""
    malformed: str = ""
    """Why a part of it is no finding, if one is not."""


def screened(body: JsonValue, via: Literal["eventbridge", "sqs", "direct"]) -> Screened:
    """Look at an event. Reports are logged."""
    now = datetime.now(UTC)
    fault = unsound(body)
    if fault is not None:
        # nothing may be computed of such a body, not even its digest
        nothing = Event(body=None, received_at=now, via=via)
        refusal = Refusal(reason=Reason.MALFORMED, where=fault[0], detail=f"the event: {fault[1]}")
        return _screened(nothing, [refusal], now)
    event = Event(body=body, received_at=now, via=via)
    return _screened(event, parse(event).findings, now)


def _screened(event: Event, found: list[Finding | Refusal], now: datetime) -> Screened:
    config, registry = chosen(), _registry()
    since = config.since if not event.by_hand and isinstance(config.since, datetime) else None
    by = [sent(event, at, config.custom_action) is not None for at in range(len(found))]
    why = [
        item if isinstance(item, Refusal) else _screen(item, config, registry, since, by_a_person)
        for item, by_a_person in zip(found, by, strict=True)
    ]
    malformed = [one for one in why if one is not None and one.reason is Reason.MALFORMED]
    reports = [
        refused(event, at, refusal, config.mode, False, now, item if isinstance(item, Finding) else None)
        for at, (item, refusal) in enumerate(zip(found, why, strict=True))
        if refusal is not None
    ]
    whole = reports if len(reports) == len(found) else None
    note(whole or [])
    return Screened(event=event, reports=whole, malformed=reason_of(malformed[0]) if malformed else "")


def _screen(
    finding: Finding, config: Configuration, registry: Registry, since: datetime | None, sent: bool
) -> Refusal | None:
    floor = config.minimum_severity
    # whether our note on it is our own update coming back, and when a note without a time was written, only the ledger knows
    finding = signed(finding, _LONG_AGO) if is_unsigned(finding) else finding
    return screen(
        finding, registry, minimum_severity=floor, samples_are_real=False, since=since, heeds_note=False, sent=sent
    )


@cache
def chosen() -> Configuration:
    """What the operator chose, read once; the log's level follows it."""
    config = Configuration()
    log.setLevel(config.log_level)
    return config


@cache
def _registry() -> Registry:
    config = chosen()
    if config.registry_table:
        from tools import registry_table  # boto3 takes half a second to load: only where it is needed here
        from tools.session import state_client

        return registry_table.load(state_client(config.region), config.registry_table)
    return Registry.load(config.registry) if config.registry else Registry()
