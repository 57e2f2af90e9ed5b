"""Law 7: verified or not said. In every bundled case a second reading, afterwards, finds what the report says."""

from worked import Worked

from agent.closing import ACTION as CLOSING
from agent.receipt import Outcome
from agent.report import Report, Status


def test_what_is_said_to_be_done_was_read_back_and_still_is_so(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {action.planned.id}"
        for each in worked
        for report in each.reports
        for action in report.actions
        if action.receipt and action.receipt.outcome in (Outcome.DONE, Outcome.ALREADY) and is_over(report)
        if not (action.receipt.verification and action.receipt.verification.holds)
        or not each.holds[f"{report.run_id} {action.planned.id}"]
    ]
    assert offenders == []


UNFINISHED = {Status.AWAITING_APPROVAL, Status.UNVERIFIED, Status.PARTIALLY_CONTAINED}
"""What a run may say as well that changed something: a part of it waits, or could not be seen to hold."""


def test_contained_is_said_only_where_something_changed_or_was_so_and_a_change_is_never_passed_over(
    worked: tuple[Worked, ...],
) -> None:
    offenders = []
    for each in worked:
        said, kept = {report.status for report in each.reports}, receipts(each, Outcome.ALREADY)
        if Status.CONTAINED in said and each.before == each.after and not kept:
            offenders.append(each.case.name)
        if each.before != each.after and not said & {Status.CONTAINED, *UNFINISHED}:
            offenders.append(each.case.name)
    assert offenders == []


def receipts(each: Worked, outcome: Outcome) -> list[str]:
    """The actions that ended so."""
    return [
        action.planned.id
        for report in each.reports
        for action in report.actions
        if action.receipt and action.receipt.outcome is outcome
    ]


def test_what_changed_is_what_the_receipts_say_and_nothing_else(worked: tuple[Worked, ...]) -> None:
    assert [each.case.name for each in worked if changed(each) != receipted(each)] == []
    assert sum(len(receipted(each)) for each in worked) > 0


def is_over(report: Report) -> bool:
    """A run that waits reads back when it has been answered; one that is unverified says so of what it did."""
    return report.status not in (Status.AWAITING_APPROVAL, Status.UNVERIFIED)


def changed(each: Worked) -> set[str]:
    keys = each.before.keys() | each.after.keys()
    return {name for account, name in keys if each.before.get((account, name)) != each.after.get((account, name))}


def receipted(each: Worked) -> set[str]:
    """Findings are not part of the world that is looked at before and after: closing one changes nothing that runs."""
    targets = [action.planned.change.target for action in each.done if action.planned.change.action != CLOSING]
    return {f"{target.kind} {target.id}" for target in targets}


def test_observed_is_said_only_of_what_was_tried(worked: tuple[Worked, ...]) -> None:
    """And each way of knowing is seen in some case."""
    ways: set[str] = set()
    for each in worked:
        for report in each.reports:
            hows = {a.receipt.verification.how for a in report.actions if a.receipt and a.receipt.verification}
            tried = "s3:HeadObject" in report.calls.get("verify", {})
            assert ("observed" in hows) <= tried, each.case.name
            ways |= hows
    assert ways == {"observed", "by_configuration", "unverified"}
