"""Law 6: a way back, honestly declared. In every bundled case, what was done is taken back, days later, by another process."""

from bundled import given_back
from worked import Worked

from agent.catalogue import Reversal
from agent.closing import ACTION as CLOSING
from agent.report import Report, ReportedAction, Status
from tools.action import actions, catalogue
from tools.aws import Phase


def test_an_action_declares_one_of_two_ways_back() -> None:
    assert {spec.id for spec in catalogue().actions if spec.reversal not in tuple(Reversal)} == set()


def test_an_exact_way_back_has_calls_to_go_it_and_the_other_none() -> None:
    """A forward-only action has nothing to undo, so it may not write then."""
    offenders = [
        name
        for name, action in actions().items()
        if any(call.writes and Phase.UNDO in call.phases for call in action.CALLS)
        != (action.SPEC.reversal is Reversal.EXACT)
    ]
    assert offenders == []


def test_undo_gives_back_the_whole_world_as_the_public_api_told_it(worked: tuple[Worked, ...]) -> None:
    changed = [each for each in worked if each.done]
    assert {a.planned.change.action for each in changed for a in each.done} == {s.id for s in catalogue().offered} | {
        CLOSING
    }
    offenders = [
        f"{each.case.name}: {name}"
        for each in changed
        for before, after in [(given_back(each.before), given_back(each.restored))]
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    assert offenders == []


def test_undo_says_that_it_took_everything_back(worked: tuple[Worked, ...]) -> None:
    offenders = [
        each.case.name
        for each in worked
        for told in each.undone
        if not isinstance(told, Report)
        or told.status is not Status.UNDONE
        or any(a.undone is None or a.undone.verification is None for a in told.actions if a.undo.startswith("stanch"))
    ]
    assert offenders == []


def test_the_report_names_the_command_that_takes_an_action_back(worked: tuple[Worked, ...]) -> None:
    offenders = [
        f"{each.case.name}: {action.undo}"
        for each in worked
        for report in each.reports
        for action in report.actions
        if action in each.done and action.undo != way_back(report, action)
    ]
    assert offenders == []


def way_back(report: Report, action: ReportedAction) -> str:
    """The command; of an action that declares none, that there is nothing to take back."""
    spec = catalogue().get(action.planned.change.action)
    assert spec is not None
    exact = spec.reversal is Reversal.EXACT
    return f"stanch undo {report.run_id} {action.planned.id}" if exact else "nothing to take back: it only adds"
