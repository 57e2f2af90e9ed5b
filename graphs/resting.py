"""What is so because of an effect of ours that stands: whose it is, and which runs rest on it."""

from datetime import UTC, datetime

from agent.catalogue import ActionSpec, Reversal
from agent.plan import Change, Disposition, Inapplicable, Plan
from agent.receipt import Receipt
from agent.report import Report, Status
from agent.target import Target, case_of
from graphs.service import Service
from tools.ledger import Ledger

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_STANDS = ("standing", "partial")
_NOT_BENIGN = "the finding may look benign by that alone, so it stays open"


def whose(change: Change, run_id: str, ledger: Ledger) -> list[str]:
    """The other run that made exactly this effect, if it stands."""
    found = ledger.claimed(change)
    return [found.run_id] if found is not None and found.state in _STANDS and found.run_id != run_id else []


def told_by(change: Change, spec: ActionSpec, run_id: str, ledger: Ledger) -> list[str]:
    """The other run whose own word stands where this one would write: an effect that names its run is shared, not replaced."""
    if not spec.per_run or spec.reversal is not Reversal.EXACT:
        return []
    return whose(change.model_copy(update={"after": change.before}), run_id, ledger)


def with_ours(plan: Plan, run_id: str, targets: list[Target], service: Service) -> Plan:
    """The plan with the containments of ours that stand on these targets, and that it does not speak of.

    What is taken for benign where one stands may look so by that alone: it is contained, which nobody may close.
    """
    told = {(action.change.action, action.change.target.key) for action in plan.actions}
    told |= {(one.action, one.target.key) for one in plan.dropped if one.target is not None}
    benign = plan.disposition is plan.playbook.disposition is Disposition.BENIGN and not plan.actions
    ours = [
        Inapplicable(
            action=each.change.action,
            target=each.change.target,
            reason="contained",
            detail=_NOT_BENIGN if benign else "",
            by=[each.run_id],
        )
        for each in _of_ours(run_id, targets, service)
        if (each.change.action, each.change.target.key) not in told
    ]
    changed = {"disposition": Disposition.UNCERTAIN} if benign and ours else {}
    return plan.model_copy(update={"dropped": [*plan.dropped, *ours], **changed}) if ours else plan


def _of_ours(run_id: str, targets: list[Target], service: Service) -> list[Receipt]:
    """The containments of other runs of the same case that stand on these targets, or on whose they are."""
    cases = sorted({case_of([target]) for target in targets})
    felt = {*cases, *(target.key for target in targets)}
    runs = {kin.run_id: None for case in cases for kin in service.ledger.kin(case, _EVER) if kin.run_id != run_id}
    found = [receipt for run in runs for receipt in service.ledger.receipts(run)]
    return [each for each in found if each.change.target.key in felt and _contains(each, service)]


def still_stands(one: Inapplicable, service: Service) -> bool:
    """Whether one of the runs that it is by still has what it did in place, as far as the ledger knows."""
    receipts = [receipt for run in one.by for receipt in service.ledger.receipts(run)]
    same = [each for each in receipts if (each.change.action, each.change.target) == (one.action, one.target)]
    return any(_contains(each, service) for each in same)


def _contains(receipt: Receipt, service: Service) -> bool:
    """Whether it is a containment, made by the run that the receipt is of, and stands. A tag or a note stops nothing."""
    spec = service.catalogue.get(receipt.change.action)
    if spec is None or not spec.offered or spec.per_run or spec.reversal is not Reversal.EXACT:
        return False
    return receipt.undo_of is None and whose(receipt.change, "", service.ledger) == [receipt.run_id]


def rest_on(report: Report, taken_back: list[Change], service: Service) -> list[Report]:
    """The reports of the later runs, of its case or about the same, that found in place what was taken back of this run."""
    gone = {(change.action, change.target.key) for change in taken_back}
    targets = report.finding.targets if report.finding is not None else []
    if not gone:
        return []
    cases = {case for case in (case_of(targets), *(case_of([each.target]) for each in taken_back)) if case}
    kin = [each.run_id for case in sorted(cases) for each in service.ledger.kin(case, report.started_at)]
    others = [service.ledger.report(run) for run in dict.fromkeys(kin) if run != report.run_id]
    return [other for other in others if other is not None and _rests(other, report.run_id, gone)]


def _rests(other: Report, run_id: str, gone: set[tuple[str, str]]) -> bool:
    return any(
        run_id in one.by and one.target is not None and (one.action, one.target.key) in gone for one in other.dropped
    )


def warning(others: list[Report]) -> str:
    """What is to be said of them to whoever took it back; empty if there are none."""
    waiting = [other.run_id for other in others if other.status is Status.AWAITING_APPROVAL]
    ended = [f"{o.run_id} ({o.status.replace('_', ' ')})" for o in others if o.status is not Status.AWAITING_APPROVAL]
    said = {
        "found it in place and waits for an answer: it is read again then": waiting,
        "found it in place: work its finding anew with --again": ended,
    }
    return "; ".join(f"{' and '.join(runs)} {words}" for words, runs in said.items() if runs)
