"""Two sets of policies over the same decisions: the facts of each are judged by both, and nothing is run twice."""

from pathlib import Path
from typing import Literal, NamedTuple

from agent.policy import Policies
from agent.record import Record
from agent.report import Report
from agent.verdict import Facts, Mode, Ruling
from tools.action import catalogue

_BOLDNESS = {Ruling.DENY: 0, Ruling.ASK: 1, Ruling.ALLOW: 2}
BOTH = (Mode.APPROVE, Mode.AUTO)
"""Modes in which every decision is judged; in `observe` all is denied."""


class Decided(NamedTuple):
    """One decision that was made: whose, and all that policy saw."""

    case: str
    facts: Facts


class Ruled(Record):
    """What one set of policies says."""

    ruling: Ruling
    policies: list[str] = []
    needs: list[str] = []
    """For Ask: each set of approvals that would do."""
    errors: list[str] = []


class Moved(Record):
    """One decision that is another under the new policies."""

    case: str
    action: str
    target: str
    mode: Mode
    direction: Literal["looser", "stricter", "otherwise"]
    """`otherwise`: the same ruling by other policies, or other approvals asked for."""
    before: Ruled
    after: Ruled


class PolicyDiff(Record):
    """All decisions under both."""

    decisions: int
    same: int
    looser: int
    stricter: int
    otherwise: int
    moved: list[Moved]
    """Looser ones first."""


def decisions(reports: list[tuple[str, Report]]) -> list[Decided]:
    """Every action's facts as policy saw them, without the approvals that were given since."""
    return [
        Decided(case, action.verdict.facts.model_copy(update={"approvers": [], "approver_roles": []}))
        for case, report in reports
        for action in report.actions
        if action.verdict is not None
    ]


def policy_diff(old: Policies, new: Policies, decided: list[Decided], modes: tuple[Mode, ...] = BOTH) -> PolicyDiff:
    """Judge every decision by both, in each of the modes."""
    seen = [(case, facts.model_copy(update={"mode": mode})) for case, facts in decided for mode in modes]
    moved = [change for case, facts in seen if (change := _moved(case, facts, old, new)) is not None]
    order = ("looser", "stricter", "otherwise")
    counts = {way: sum(change.direction == way for change in moved) for way in order}
    return PolicyDiff(
        decisions=len(seen),
        same=len(seen) - len(moved),
        looser=counts["looser"],
        stricter=counts["stricter"],
        otherwise=counts["otherwise"],
        moved=sorted(moved, key=lambda change: order.index(change.direction)),
    )


def loaded(directory: Path | None) -> Policies:
    """The policies of a directory, or the bundled ones. Raises PolicyError."""
    return Policies.load(directory, catalogue=catalogue())


def _moved(case: str, facts: Facts, old: Policies, new: Policies) -> Moved | None:
    before, after = _ruled(old, facts), _ruled(new, facts)
    if before == after:
        return None
    step = _BOLDNESS[after.ruling] - _BOLDNESS[before.ruling]
    way: Literal["looser", "stricter", "otherwise"] = "looser" if step > 0 else "stricter" if step < 0 else "otherwise"
    target = facts.target_key.split(":", 4)[-1]
    return Moved(
        case=case, action=facts.action, target=target, mode=facts.mode, direction=way, before=before, after=after
    )


def _ruled(policies: Policies, facts: Facts) -> Ruled:
    outcome = policies.outcome(policies.enforced, facts)
    needs = [f"{need.count} as {', '.join(need.roles)}" if need.roles else str(need.count) for need in outcome.needs]
    return Ruled(ruling=outcome.ruling, policies=outcome.policies, needs=needs, errors=outcome.errors)
