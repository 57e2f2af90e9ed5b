"""What the page shows of a report, worked out before any markup: steps, facts, differences, counts."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal, NamedTuple

from pydantic import JsonValue

from agent.evidence import unit
from agent.plural import plural
from agent.receipt import Outcome
from agent.report import Report, SourceSummary, Status
from agent.verdict import Facts, Mode, Ruling, Verdict

Tone = Literal["good", "wait", "bad", "odd", "calm"]

TONES: dict[Status, Tone] = {
    Status.REFUSED: "calm",
    Status.SKIPPED: "calm",
    Status.FAILED: "bad",
    Status.AWAITING_APPROVAL: "wait",
    Status.PARTIALLY_CONTAINED: "odd",
    Status.UNVERIFIED: "odd",
    Status.CONTAINED: "good",
    Status.REJECTED: "calm",
    Status.EXPIRED: "calm",
    Status.DENIED: "bad",
    Status.ESCALATED: "wait",
    Status.PROPOSED: "wait",
    Status.NO_ACTION: "calm",
    Status.UNDONE: "good",
    Status.LAPSED: "odd",
}


class Step(NamedTuple):
    """One of the seven words, and what this run has to say to it. Empty: the run did not come so far."""

    word: str
    says: str


class FactRow(NamedTuple):
    """One fact: its name, what it is about, its value or why there is none, and whether the plan rests on it.

    Facts about one thing that say the same, or are not known for the same reason, are one row; `about` is empty where the row
    above is about the same.
    """

    names: list[str]
    about: str
    value: str
    standing: str
    note: str
    cited: bool


def words(name: object) -> str:
    """`awaiting_approval` as people write it."""
    return str(name).replace("_", " ")


def moment(at: datetime) -> str:
    """A moment to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def nameless(report: Report) -> str:
    """What a report without a finding is about: what was refused is none, what failed under us may be a good one."""
    return "not a finding" if report.status is Status.REFUSED else "not worked"


def origin(name: str) -> str:
    """The finding's service under its own name."""
    own = {"guardduty": "GuardDuty", "securityhub": "Security Hub", "access_analyzer": "Access Analyzer"}
    return own.get(name, words(name).capitalize())


def steps(report: Report) -> list[Step]:
    """The flow line: event, finding, evidence, plan, verdict, receipt, report."""
    finding = report.finding
    facts = sum(len(source.facts) for source in report.evidence)
    plan = f"{words(report.disposition)}, {report.confidence}" if report.disposition else ""
    return [
        Step("event", report.event_digest[:12]),
        Step("finding", f"{origin(finding.origin)}, severity {finding.severity}" if finding else ""),
        Step(
            "evidence", f"{plural(facts, 'fact')}, {plural(len(report.evidence), 'source')}" if report.evidence else ""
        ),
        Step("plan", plan and f"{plan}, {plural(len(report.actions), 'action')}"),
        Step("verdict", _tally([a.verdict.ruling.value for a in report.actions if a.verdict])),
        Step("receipt", _tally([a.receipt.outcome.value for a in report.actions if a.receipt])),
        Step("report", words(report.status)),
    ]


def _tally(names: list[str]) -> str:
    return ", ".join(f"{count} {words(name)}" for name, count in Counter(names).items())


def told(source: SourceSummary) -> bool:
    """Whether a source has anything to show: a call, a fact, or a reason other than that there is nothing to ask."""
    known = any(value is not None for value in source.facts.values())
    return bool(source.calls) or known or source.standing != "absent"


def why_silent(source: SourceSummary) -> str:
    """Why a source had nothing to ask, each reason once."""
    reasons = [source.note, *(why.partition(":")[2].strip() for why in source.not_known.values())]
    return ", ".join(dict.fromkeys(words(reason) for reason in reasons if reason))


def fact_rows(source: SourceSummary, cites: list[str]) -> list[FactRow]:
    """The facts of a source, in its own order; those that are not known come last and say why."""
    rows: dict[tuple[str, str, str, str, bool], FactRow] = {}
    for fact in [*source.facts, *(fact for fact in source.not_known if fact not in source.facts)]:
        name, _, about = fact.partition("@")
        why = source.not_known.get(fact, "")
        standing, _, note = why.partition(":")
        value = source.facts.get(fact)
        known = value is not None and not why
        row = FactRow(
            names=[name],
            about=_about(about),
            value=_shown(name, value) if known else "",
            standing="known" if known else standing.strip() or "absent",
            note=words(note.strip()),
            cited=fact in cites or name in cites,
        )
        alike = (row.value, row.about, row.standing, row.note, row.cited)
        rows.setdefault(alike, row._replace(names=[])).names.append(name)
    return [
        row._replace(about="") if above is not None and above.about == row.about else row
        for above, row in pairwise([None, *rows.values()])
        if row is not None
    ]


def _shown(name: str, value: JsonValue) -> str:
    """A port is a name, not an amount."""
    return str(value) if name.endswith("_port") else plain(value) + unit(name)


def fact_name(fact: str) -> str:
    """A fact's id without what it is about."""
    return fact.partition("@")[0]


def _about(key: str) -> str:
    parts = key.split(":", 4)
    return f"{words(parts[3])} {parts[4]}" if len(parts) == 5 else key


def plain(value: JsonValue) -> str:
    """A fact's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def decided_on(facts: Facts) -> str:
    """Everything that policy saw, one fact a line, for the curious."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.model_dump(mode="json").items())


def mattered(verdict: Verdict) -> list[tuple[str, str]]:
    """The facts that the deciding policies read, with their values."""
    seen = verdict.facts.model_dump(mode="json")
    return [(words(name), words(plain(seen[name]))) for name in verdict.mattered if name in seen]


def ruled(report: Report, verdict: Verdict) -> str:
    """The ruling; where only the observe mode forbids, what the next mode that writes would come to instead."""
    if report.mode is not Mode.OBSERVE or verdict.ruling is not Ruling.DENY:
        return str(verdict.ruling)
    said = {Ruling.ALLOW: "would do", Ruling.ASK: "would ask", Ruling.DENY: "deny"}
    return said[verdict.otherwise.get(Mode.AUTO, verdict.otherwise.get(Mode.APPROVE, Ruling.DENY))]


def rulings(report: Report) -> list[str]:
    """What was ruled of the actions, each once."""
    return list(dict.fromkeys(ruled(report, action.verdict) for action in report.actions if action.verdict))


def verified(report: Report) -> str:
    """How the actions of a run were verified, in few words."""
    receipts = [action.receipt for action in report.actions if action.receipt]
    hows = [words(receipt.verification.how) for receipt in receipts if receipt.verification]
    return ", ".join(dict.fromkeys(hows))


OUTCOME_TONES: dict[Outcome, Tone] = {
    Outcome.DONE: "good",
    Outcome.ALREADY: "calm",
    Outcome.DRIFTED: "odd",
    Outcome.PARTIAL: "odd",
    Outcome.UNSURE: "odd",
    Outcome.FAILED: "bad",
    Outcome.UNDONE: "good",
    Outcome.LET_GO: "odd",
}


def tone(name: object) -> Tone:
    """The colour of a standing, a ruling, an outcome, or a way of verifying."""
    tones: dict[str, Tone] = {
        **{str(outcome): colour for outcome, colour in OUTCOME_TONES.items()},
        "known": "good", "absent": "calm", "not_yet": "wait", "failed": "bad",
        "allow": "good", "ask": "wait", "deny": "bad", "would ask": "wait", "would do": "wait", "approve": "good", "reject": "bad",
        "observed": "good", "by_configuration": "good", "unverified": "odd",
    }  # fmt: skip
    return tones.get(str(name), "calm")
