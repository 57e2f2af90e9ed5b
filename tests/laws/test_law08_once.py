"""Law 8: once. In every bundled case the same event, delivered again, changes nothing and asks nobody."""

from collections import Counter
from typing import Any

from worked import Worked

from agent.catalogue import Reversal
from agent.report import Report, Status
from tools.action import catalogue

GOES_ON = {Status.UNVERIFIED, Status.PARTIALLY_CONTAINED}
"""What did not wholly succeed is worked again when it is delivered again."""


def test_a_second_delivery_makes_no_call_and_says_why(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {[report.reason for report in each.again]}, {each.again_calls} calls"
        for each in worked
        if not GOES_ON & {report.status for report in each.reports}
        if each.again_calls or not all(report.status in (Status.SKIPPED, Status.REFUSED) for report in each.again)
    ]
    assert offenders == []


def test_a_second_delivery_names_the_run_that_works_it(worked: tuple[Worked, ...]) -> None:
    offenders = [
        each.case.name
        for each in worked
        for first, again in zip(each.reports, each.again, strict=True)
        if first.status not in GOES_ON
        if first.run_id != again.run_id or (first.answered_by and not again.reason.startswith("duplicate: "))
    ]
    assert offenders == []


def test_no_effect_is_written_twice(worked: tuple[Worked, ...]) -> None:
    """No operation is called for an effect more often than the effect has parts: interfaces, volumes, target groups."""
    assert [each.case.name for each in worked for report in each.reports if repeated(report)] == []
    assert any(a.receipt.calls for each in worked for a in each.done if a.receipt)


def repeated(report: Report) -> list[str]:
    """Operations that were called too often. What only goes forward may take two steps for each part."""
    offenders = []
    for action in report.actions:
        change, spec = action.planned.change, catalogue().get(action.planned.change.action)
        if action.receipt is None or spec is None or spec.reversal is not Reversal.EXACT:
            continue
        parts = max(leaves(change.before), leaves(change.after))
        made = Counter(call.operation for call in action.receipt.calls)
        offenders += [f"{change.action}: {name}" for name, times in made.items() if times > parts]
    return offenders


def leaves(state: Any) -> int:
    """How many single values a state has."""
    held = list(state.values()) if isinstance(state, dict) else state if isinstance(state, list) else None
    return 1 if held is None else sum(map(leaves, held))
