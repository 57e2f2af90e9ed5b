"""Two runs side by side: what changed, case by case and node by node, and what got worse."""

from collections import Counter
from typing import Literal

from agent.plural import plural
from agent.record import Record
from agent.report import Report, ReportedAction
from evals.ended import Ended, Place
from evals.summary import Examined, Summary
from evals.view import plain

Node = Literal["finding", "evidence", "plan", "verdict", "receipt", "report"]
NODES: tuple[Node, ...] = ("finding", "evidence", "plan", "verdict", "receipt", "report")
ABSENT = "-"


class Change(Record):
    """One thing that a node says otherwise."""

    case: str
    node: Node
    what: str
    source: str = ""
    """Of evidence: which source says it."""
    before: str
    after: str


class Turn(Record):
    """A case, or an attack, that went over to the other side."""

    case: str
    why: str


class Comparison(Record):
    """Everything that differs between two runs."""

    same_corpus: bool = True
    """Whether both hold the same items. If not, what is gone or new says nothing about getting worse."""
    modes: list[str] = []
    """The modes of the first run and of the second, where they differ: then what changed says nothing of better or worse."""
    regressions: list[Turn]
    """What passed before and does not now; what is gone; attacks that succeed more often."""
    improvements: list[Turn]
    changes: list[Change]
    """Of regressed cases first, then of the others."""
    by_node: dict[str, int]
    """Cases that changed at each node."""
    same: int
    """Reports that say the same."""
    changed: int
    added: list[str]
    """Cases that only the second run has."""

    @property
    def worse(self) -> bool:
        """Whether anything got worse."""
        return bool(self.regressions)


def compare(before: Ended, after: Ended) -> Comparison:
    """What the second run does otherwise than the first."""
    common = [place for place in before.reports if place in after.reports]
    changed = {place: _changes(place, before.reports[place], after.reports[place]) for place in common}
    regressions, improvements = _turns(before.summary, after.summary)
    regressions += [Turn(case=place.label, why="gone") for place in before.reports if place not in after.reports]
    worse = {turn.case for turn in regressions}
    ordered = sorted(common, key=lambda place: place.label not in worse and _try(place) not in worse)
    differing = [place for place in ordered if changed[place]]
    nodes = Counter(node for place in differing for node in {change.node for change in changed[place]})
    return Comparison(
        same_corpus={place.id for place in before.reports} == {place.id for place in after.reports},
        modes=_modes(before, after),
        regressions=regressions,
        improvements=improvements,
        changes=[change for place in differing for change in changed[place]],
        by_node={node: nodes[node] for node in NODES if nodes[node]},
        same=len(common) - len(differing),
        changed=len(differing),
        added=[place.label for place in after.reports if place not in before.reports],
    )


def _modes(before: Ended, after: Ended) -> list[str]:
    """What each ran in; nothing where that is the same."""
    both = [" and ".join(sorted({report.mode for report in ended.reports.values()})) for ended in (before, after)]
    return both if both[0] != both[1] and all(both) else []


def _try(place: Place) -> str:
    return Place(place.id, place.trial).label


def _turns(before: Summary, after: Summary) -> tuple[list[Turn], list[Turn]]:
    """Cases by whether they passed, attacks by how often they succeeded."""
    bad = {item.label: _why(item) for item in before.not_ok}
    now = {item.label: _why(item) for item in after.not_ok}
    worse = [Turn(case=case, why=why) for case, why in now.items() if case not in bad]
    better = [Turn(case=case, why=f"was: {why}") for case, why in bad.items() if case not in now]
    won = {attack.attack: attack.succeeded for attack in before.attacks}
    for attack in after.attacks:
        was = won.get(attack.attack)
        if was is not None and attack.succeeded != was:
            turn = Turn(case=f"attack {attack.attack}", why=f"succeeded {plural(was, 'time')}, now {attack.succeeded}")
            (worse if attack.succeeded > was else better).append(turn)
    return worse, better


def _why(item: Examined) -> str:
    return item.problem or "; ".join(f"{check.name}: {check.message}" for check in item.checks if not check.ok)[:300]


def _changes(place: Place, before: Report, after: Report) -> list[Change]:
    made = []
    sources = _sources(before) | _sources(after)
    for node in NODES:
        one, two = _said(node, before), _said(node, after)
        for what in [*one, *(what for what in two if what not in one)]:
            was, now = one.get(what, ABSENT), two.get(what, ABSENT)
            if was != now:
                source = sources.get(what, "") if node == "evidence" else ""
                made.append(Change(case=place.label, node=node, what=what, source=source, before=was, after=now))
    return made


def _sources(report: Report) -> dict[str, str]:
    """Which source each thing of the evidence is of."""
    return {
        what: source.source for source in report.evidence for what in (source.source, *source.facts, *source.not_known)
    }


def _said(node: Node, report: Report) -> dict[str, str]:
    """What a node says in a report, flat: each thing by its name."""
    return {
        "finding": _finding,
        "evidence": _evidence,
        "plan": _plan,
        "verdict": _verdict,
        "receipt": _receipt,
        "report": _report,
    }[node](report)


def _finding(report: Report) -> dict[str, str]:
    finding = report.finding
    if finding is None:
        return {}
    names = ("type", "origin", "situation", "severity", "account", "region")
    return {name: str(getattr(finding, name)) for name in names} | {
        "targets": ", ".join(f"{target.kind} {target.id}" for target in finding.targets) or "none"
    }


def _evidence(report: Report) -> dict[str, str]:
    said: dict[str, str] = {}
    for source in report.evidence:
        said[source.source] = source.standing
        said |= {fact: plain(value) for fact, value in source.facts.items()}
        said |= source.not_known
    return said


def _plan(report: Report) -> dict[str, str]:
    if report.disposition is None:
        return {}
    said = {
        "disposition": report.disposition.value,
        "confidence": report.confidence.value if report.confidence else ABSENT,
        "playbook": report.playbook_disposition.value if report.playbook_disposition else ABSENT,
        "answered by": report.answered_by,
        "fallback": report.fallback_reason or ABSENT,
    }
    said |= {f"dropped {d.action} {d.target.id if d.target else ''}".rstrip(): d.reason for d in report.dropped}
    return said | {_name(action): _proposed(action) for action in report.actions}


def _proposed(action: ReportedAction) -> str:
    planned = action.planned
    return {
        (True, True): "proposed by both",
        (True, False): "proposed by the model",
        (False, True): "proposed by the playbook",
    }.get((planned.proposed_by_model, planned.proposed_by_playbook), "proposed by nobody")


def _verdict(report: Report) -> dict[str, str]:
    return {
        _name(action): f"{action.verdict.ruling} ({', '.join(action.verdict.policies) or 'no policy'})"
        for action in report.actions
        if action.verdict
    }


def _receipt(report: Report) -> dict[str, str]:
    return {
        _name(action): action.receipt.outcome
        + (f", {action.receipt.verification.how}" if action.receipt.verification else "")
        for action in report.actions
        if action.receipt
    }


def _report(report: Report) -> dict[str, str]:
    told = report.told.outcome if report.told else ABSENT
    return {"status": report.status.value, "reason": report.reason, "Security Hub": str(told)}


def _name(action: ReportedAction) -> str:
    return f"{action.planned.change.action} {action.planned.change.target.id}"
