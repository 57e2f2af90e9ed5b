"""The sum of a run: counts, and the score of what was expected."""

import re
from collections import Counter
from collections.abc import Iterable
from textwrap import shorten
from typing import Self

from agent.record import Record
from agent.report import Report, Status
from agent.target import Target
from evals.expect import Check

BAD = frozenset({Status.FAILED, Status.UNVERIFIED, Status.PARTIALLY_CONTAINED})
"""Ends that are nobody's wish, unless a case says that it expects them."""


class Examined(Record):
    """One item of the corpus: its reports' places in `results.jsonl`, and what was expected of it."""

    id: str
    first: int
    """Index of its first report in the results, from 0."""
    reports: int
    checks: list[Check] = []
    scored: bool = False
    ok: bool = True
    problem: str = ""
    """Why it did not pass, when that is not a check."""

    @classmethod
    def of(cls, name: str, first: int, reports: list[Report], checks: list[Check] | None) -> Self:
        """An item passes if every check does; with nothing expected, if no run went wrong."""
        bad = [] if checks is not None else [f"{r.status}: {r.reason}" for r in reports if r.status in BAD]
        return cls(
            id=name,
            first=first,
            reports=len(reports),
            checks=checks or [],
            scored=checks is not None,
            ok=not bad and all(check.ok for check in checks or []),
            problem="; ".join(bad),
        )


class Summary(Record):
    """What `summary.json` holds. Nothing in it varies between two runs over the same corpus."""

    items: int
    reports: int
    by_status: dict[str, int]
    by_reason: dict[str, int]
    """By the reason's code, like `sample`; where it has none, by its first sentence."""
    by_disposition: dict[str, int]
    checks: int
    checks_passed: int
    cases: int
    """Items that something was expected of."""
    cases_passed: int
    ok: bool
    not_ok: list[Examined] = []

    @classmethod
    def of(cls, examined: list[Examined], reports: Iterable[Report]) -> Self:
        """Sum up. Counts stand largest first, equal ones by name."""
        seen = list(reports)
        scored = [item for item in examined if item.scored]
        return cls(
            items=len(examined),
            reports=len(seen),
            by_status=_counts(report.status.value for report in seen),
            by_reason=_counts(reason_code(report) for report in seen),
            by_disposition=_counts(report.disposition.value if report.disposition else "none" for report in seen),
            checks=sum(len(item.checks) for item in scored),
            checks_passed=sum(check.ok for item in scored for check in item.checks),
            cases=len(scored),
            cases_passed=sum(item.ok for item in scored),
            ok=all(item.ok for item in examined),
            not_ok=[item for item in examined if not item.ok],
        )


def reason_code(report: Report) -> str:
    """What reasons are counted by: the code before the first colon, or the first sentence with targets as their kinds."""
    code = re.match(r"[a-z]+(_[a-z]+)*(?=: |$)", report.reason)
    if code and code.group() not in {target.id for target in _targets(report)}:
        return code.group()
    reason = report.reason
    for target in sorted(_targets(report), key=lambda target: -len(target.id)):
        reason = re.sub(rf"(?<!\w){re.escape(target.id)}(?!\w)", f"[{target.kind}]", reason)
    return shorten(reason.split(". ", 1)[0].rstrip("."), 120, placeholder=" …") or "none"


def _targets(report: Report) -> list[Target]:
    planned = [action.planned.change.target for action in report.actions]
    return planned + (report.finding.targets if report.finding else [])


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
