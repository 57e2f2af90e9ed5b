"""What people refused: kept with the answer that says no, it makes the same ask from then on, until somebody approves it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from agent.closing import ACTION as CLOSING
from agent.plan import Change
from agent.verdict import Approval, Known, Refused, Request, Verdict, refused_key
from graphs.service import Service
from graphs.state import Decision, Planned
from graphs.undone_before import undone_before
from tools.ledger import Unavailable


class Said(NamedTuple):
    """What people said of a finding and of what is planned for it, before now."""

    undone: bool = False
    refused: dict[str, Refused] | None = {}
    """By `Refused.key`. None: the ledger could not be read, so nobody knows."""

    def known(self, change: Change, finding: str) -> Known:
        """Whether somebody refused it."""
        if self.refused is None:
            return Known.UNKNOWN
        return Known.NO if self.of(change, finding) is None else Known.YES

    def of(self, change: Change, finding: str) -> Refused | None:
        """The no to it, the nearest one; None if there is none that is known."""
        found = self.refused or {}
        return next((found[key] for key in _keys(change, finding) if key in found), None)


def said_before(state: Planned, service: Service) -> Said:
    """What the ledger keeps, read at once for all that is planned."""
    keys = {key for action in state.plan.actions for key in _keys(action.change, state.finding.key)}
    try:
        refused = service.ledger.refused(keys) if keys else {}
    except (Unavailable, ValidationError):
        refused = None
    return Said(undone=undone_before(state.run_id, service.ledger), refused=refused)


def _keys(change: Change, finding: str) -> list[str]:
    """Under what a no to the change is kept. Who would not have a finding closed says nothing of containing it."""
    own = refused_key(change.action, change.target.key)
    return [own] if change.action == CLOSING else [own, refused_key("", finding)]


def refusals(answer: Approval, request: Request) -> dict[str, Refused]:
    """What the answer says no to, by the action's id: all that was asked, or what an edit dropped."""
    said_no = answer.decision == "reject"
    dropped = [action for action in request.actions if said_no or action.id not in answer.action_ids]
    return {action.id: _no(answer, action.change.action, action.change.target.key) for action in dropped}


def kept(answer: Approval, request: Request, finding: str) -> list[Refused]:
    """The same as the ledger keeps it; a no to all holds for whatever else would be done about the finding."""
    single = [*{no.key: no for no in refusals(answer, request).values()}.values()]
    whole = answer.decision == "reject" and any(action.change.action != CLOSING for action in request.actions)
    return [*single, _no(answer, "", finding)] if whole else single


def _no(answer: Approval, action: str, target: str) -> Refused:
    return Refused(action=action, target=target, run_id=answer.run_id, by=answer.by, reason=answer.reason, at=answer.at)


def left_out(answers: Sequence[Approval], request: Request) -> dict[str, Refused]:
    """What came of the answers together: the actions that somebody refused and nobody approved."""
    approved = {name for answer in answers if answer.decision == "approve" for name in answer.action_ids}
    refused = {name: no for answer in answers for name, no in refusals(answer, request).items()}
    rejected = any(answer.decision == "reject" for answer in answers)
    return refused if rejected else {name: no for name, no in refused.items() if name not in approved}


def refused_in(decisions: Mapping[str, Decision]) -> dict[str, Refused]:
    """What people refused in a run, by the action's id; who approves what was asked anew has the later word."""
    found: dict[str, Refused] = {}
    for decision in decisions.values():
        approved = {name for a in decision.approvals if a.decision == "approve" for name in a.action_ids}
        found = {name: no for name, no in found.items() if name not in approved} | decision.refused
    return found


def lifted(answers: Sequence[Approval], verdicts: dict[str, Verdict], finding: str) -> list[Refused]:
    """The earlier refusals that whoever approved was shown, with the no to all that came with them: theirs is the later word."""
    approved = {name for answer in answers if answer.decision == "approve" for name in answer.action_ids}
    shown = [no for name in sorted(approved) if name in verdicts and (no := verdicts[name].refused) is not None]
    whole = [no.model_copy(update={"action": "", "target": finding}) for no in shown]
    return [no for number, no in enumerate([*shown, *whole]) if no not in [*shown, *whole][:number]]
