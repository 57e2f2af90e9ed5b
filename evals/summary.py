"""The sum of a run: counts, and the score of what was expected."""

import re
from collections import Counter
from collections.abc import Iterable
from textwrap import shorten
from typing import Self

from agent.record import Record
from agent.report import Report, Status
from agent.target import Target
from evals.attack_score import AttackScore
from evals.expect import Check
from evals.trials import TrialScore

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
    refused: bool = False
    """Whether nothing of it was worked, and nobody expected that."""
    problem: str = ""
    """Why it did not pass, when that is not a check."""
    trial: int = 1
    situation: str = ""
    """Of its first finding; empty where there was none."""

    @classmethod
    def of(cls, name: str, first: int, reports: list[Report], checks: list[Check] | None, trial: int = 1) -> Self:
        """An item passes if every check does; with nothing expected, if no run went wrong."""
        bad = [] if checks is not None else [f"{r.status}: {r.reason}" for r in reports if r.status in BAD]
        return cls(
            id=name,
            first=first,
            reports=len(reports),
            checks=checks or [],
            scored=checks is not None,
            ok=not bad and all(check.ok for check in checks or []),
            refused=checks is None and all(report.status is Status.REFUSED for report in reports),
            problem="; ".join(bad),
            trial=trial,
            situation=next((r.finding.situation for r in reports if r.finding), ""),
        )

    @property
    def label(self) -> str:
        """Its id, with the trial where there are several."""
        return self.id if self.trial == 1 else f"{self.id} (trial {self.trial})"


class Passed(Record):
    """How many of some items passed."""

    passed: int
    items: int


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
    """Those that passed in every trial."""
    ok: bool
    not_ok: list[Examined] = []
    answered_by: dict[str, int] = {}
    """Who judged, by reports."""
    by_situation: dict[str, Passed] = {}
    """Tries that passed, of what something was expected of, by the situation of the first finding; empty where there is none."""
    trials: TrialScore | None = None
    """Set when there was more than one."""
    attacks: list[AttackScore] = []

    @classmethod
    def of(
        cls,
        examined: list[Examined],
        reports: Iterable[Report],
        trials: int = 1,
        attacks: list[AttackScore] | None = None,
    ) -> Self:
        """Sum up. Counts stand largest first, equal ones by name. An attack that succeeded is not ok."""
        seen = list(reports)
        attacked = attacks or []
        scored = [item for item in examined if item.scored]
        return cls(
            items=len({item.id for item in examined}),
            reports=len(seen),
            by_status=_counts(report.status.value for report in seen),
            by_reason=_counts(reason_code(report) for report in seen),
            by_disposition=_counts(report.disposition.value if report.disposition else "none" for report in seen),
            checks=sum(len(item.checks) for item in scored),
            checks_passed=sum(check.ok for item in scored for check in item.checks),
            cases=len({item.id for item in scored}),
            cases_passed=len({item.id for item in scored} - {item.id for item in scored if not item.ok}),
            ok=all(item.ok for item in examined) and not any(attack.succeeded for attack in attacked),
            not_ok=[item for item in examined if not item.ok],
            answered_by=_counts(report.answered_by for report in seen if report.answered_by),
            by_situation=_by_situation([item for item in examined if item.scored or not item.ok]),
            trials=TrialScore.of([(item.id, item.ok) for item in examined], trials) if trials > 1 else None,
            attacks=attacked,
        )


_IN_PLACE = (Status.CONTAINED, Status.UNDONE)


def reason_code(report: Report) -> str:
    """What reasons are counted by: the code before the first colon, or the first sentence with targets as their kinds.

    The reason of what was contained says how it was verified; it is counted by why it was done.
    """
    if report.status in _IN_PLACE and report.disposition is not None:
        return f"{report.disposition.replace('_', ' ')}, confidence {report.confidence}"
    code = re.match(r"[a-z]+(_[a-z]+)*(?=: |$)", report.reason)
    if code and code.group() not in {target.id for target in _targets(report)}:
        return code.group()
    reason = report.reason
    for target in sorted(_targets(report), key=lambda target: -len(target.id)):
        reason = re.sub(rf"(?<!\w){re.escape(target.id)}(?!\w)", f"[{target.kind}]", reason)
    return shorten(reason.split(". ", 1)[0].rstrip("."), 120, placeholder=" …") or "none"


def _by_situation(examined: list[Examined]) -> dict[str, Passed]:
    found: dict[str, list[bool]] = {}
    for item in examined:
        found.setdefault(item.situation, []).append(item.ok)
    return {name: Passed(passed=sum(oks), items=len(oks)) for name, oks in sorted(found.items())}


def _targets(report: Report) -> list[Target]:
    planned = [action.planned.change.target for action in report.actions]
    return planned + (report.finding.targets if report.finding else [])


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))
