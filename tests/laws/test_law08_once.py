"""Law 8: once. In every bundled case the same event, delivered again, changes nothing and asks nobody."""

from worked import Worked

from agent.report import Status


def test_a_second_delivery_makes_no_call_and_says_why(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {[report.reason for report in each.again]}, {each.again_calls} calls"
        for each in worked
        if each.again_calls or not all(report.status in (Status.SKIPPED, Status.REFUSED) for report in each.again)
    ]
    assert offenders == []


def test_a_second_delivery_names_the_run_that_works_it(worked: tuple[Worked, ...]) -> None:
    offenders = [
        each.case.name
        for each in worked
        for first, again in zip(each.reports, each.again, strict=True)
        if first.run_id != again.run_id or (first.answered_by and not again.reason.startswith("duplicate: "))
    ]
    assert offenders == []


def test_no_effect_is_written_twice(worked: tuple[Worked, ...]) -> None:
    """Each write of a run is on another target or is another operation."""
    offenders = []
    for each in worked:
        for report in each.reports:
            calls = [
                (c.operation, a.planned.change.target.key) for a in report.actions if a.receipt for c in a.receipt.calls
            ]
            offenders += [each.case.name] if len(calls) != len(set(calls)) else []
    assert offenders == []
