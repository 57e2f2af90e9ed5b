"""Law 7: verified or not said. In every bundled case a second reading, afterwards, finds what the report says."""

import pytest
from worked import Worked, worked

from agent.receipt import Outcome
from agent.report import Status

pytestmark = pytest.mark.xdist_group("worked")


def test_what_is_said_to_be_done_was_read_back_and_still_is_so() -> None:
    offenders = [
        f"{each.case.name}: {action.planned.id}"
        for each in worked()
        for report in each.reports
        for action in report.actions
        if action.receipt and action.receipt.outcome in (Outcome.DONE, Outcome.ALREADY)
        if not (action.receipt.verification and action.receipt.verification.holds)
        or not each.holds[f"{report.run_id} {action.planned.id}"]
    ]
    assert offenders == []


def test_contained_is_said_exactly_where_something_changed() -> None:
    offenders = [
        each.case.name
        for each in worked()
        if (each.before != each.after) != any(report.status is Status.CONTAINED for report in each.reports)
    ]
    assert offenders == []


def test_what_changed_is_what_the_receipts_say_and_nothing_else() -> None:
    assert [each.case.name for each in worked() if changed(each) != receipted(each)] == []
    assert sum(len(receipted(each)) for each in worked()) > 0


def changed(each: Worked) -> set[str]:
    keys = each.before.keys() | each.after.keys()
    return {name for account, name in keys if each.before.get((account, name)) != each.after.get((account, name))}


def receipted(each: Worked) -> set[str]:
    targets = [action.planned.change.target for action in each.done]
    return {f"{target.kind} {target.id}" for target in targets}


def test_observed_is_said_only_of_what_was_tried() -> None:
    """And each way of knowing is seen in some case."""
    ways: set[str] = set()
    for each in worked():
        for report in each.reports:
            hows = {a.receipt.verification.how for a in report.actions if a.receipt and a.receipt.verification}
            tried = "s3:HeadObject" in report.calls.get("verify", {})
            assert ("observed" in hows) <= tried, each.case.name
            ways |= hows
    assert ways == {"observed", "by_configuration"}
