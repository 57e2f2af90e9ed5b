"""What every action of the catalogue must keep: plan, act, verify, undo, and no lie when AWS fails (laws 6, 7, 11)."""

import ast
import inspect
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from grounds import Ground, grounds, opened

import tools.actions
from agent.catalogue import Reversal
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from tools.action import Action, actions, catalogue
from tools.aws import Aws, AwsError, Phase
from tools.made import Passing
from tools.sandbox.engine import Sandbox
from tools.sandbox.faults import Fail, Hook, Lost, SandboxCall, fail_calls

ACTIONS = [pytest.param(action, id=name) for name, action in actions().items()]


def _on(pairs: list[tuple[str, Ground]]) -> pytest.MarkDecorator:
    rows = [pytest.param(actions()[name], ground, id=f"{name}-{ground.name}") for name, ground in pairs]
    return pytest.mark.parametrize(("action", "ground"), rows)


GROUNDS = [(name, ground) for name, listed in grounds().items() for ground in listed]
EVERY_GROUND = _on(GROUNDS)
FAILING_GROUND = _on([(name, ground) for name, ground in GROUNDS if ground.failing])
FOR_EVER = 99


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits between its own repeats."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


class Everything(Passing):
    """Somebody who made all that there is: whose a thing is, other tests ask."""

    def made(self, place: str) -> Container[str]:
        return _Any()


class _Any:
    def __contains__(self, one: object) -> bool:
        return True


@dataclass
class Hands:
    """One action at work in one world, with what it called."""

    action: Action
    ground: Ground
    sandbox: Sandbox
    called: dict[Phase, set[str]] = field(default_factory=dict)

    def aws(self, phase: Phase) -> Aws:
        if {only for call in self.action.CALLS for only in call.phases} == {Phase.TELL}:
            phase = Phase.TELL
        target = self.ground.target
        region = "us-east-1" if target.region == "aws-global" else target.region
        made = Aws(
            self.sandbox.clients(), target.account, region, target.partition, phase, self.action.CALLS,
            sleep=lambda seconds: None, now=self.sandbox.now, made=Everything(),
        )  # fmt: skip
        self.called.setdefault(phase, set()).update(made.tally.by_phase.get(phase.value, {}))
        return made

    def _note(self, aws: Aws) -> None:
        self.called[aws.phase].update(aws.tally.by_phase.get(aws.phase.value, {}))

    def plan(self) -> Change:
        aws = self.aws(Phase.PLAN)
        planned = self.action.plan(aws, self.ground.target, self.ground.params, "r1")
        self._note(aws)
        assert isinstance(planned, Change), planned
        assert aws.tally.writes == []
        return Change.model_validate_json(planned.model_dump_json())

    def execute(self, change: Change) -> Executed | Drifted:
        aws = self.aws(Phase.EXECUTE)
        done = self.action.execute(aws, change)
        self._note(aws)
        return done

    def verify(self, change: Change) -> Verification:
        aws = self.aws(Phase.VERIFY)
        seen = self.action.verify(aws, change)
        self._note(aws)
        assert aws.tally.writes == []
        return seen

    def undo(self, change: Change) -> Executed | Drifted:
        aws = self.aws(Phase.UNDO)
        undone = self.action.undo(aws, change)
        self._note(aws)
        return undone

    @property
    def state(self) -> Any:
        return self.ground.look(self.sandbox)

    @property
    def exact(self) -> bool:
        return self.action.SPEC.reversal is Reversal.EXACT


@dataclass(frozen=True)
class Stage:
    """A ground before and after its action, worked out once: every test gets a world of its own from it."""

    before: Any
    """What the public API answered first."""
    change: Change
    start: bytes
    acted: bytes


_STAGES: dict[str, Stage] = {}


def stage_of(action: Action, ground: Ground) -> Stage:
    name = f"{action.SPEC.id}-{ground.name}"
    if name not in _STAGES:
        hands = Hands(action, ground, opened(ground))
        before, start, change = hands.state, hands.sandbox.snapshot(), hands.plan()
        hands.execute(change)
        _STAGES[name] = Stage(before, change, start, hands.sandbox.snapshot())
    return _STAGES[name]


@pytest.fixture
def stage(action: Action, ground: Ground) -> Stage:
    return stage_of(action, ground)


@pytest.fixture
def change(stage: Stage) -> Change:
    return stage.change


@pytest.fixture
def hands(action: Action, ground: Ground, stage: Stage) -> Iterator[Hands]:
    """In a new world."""
    yield from _in(Sandbox.restore(stage.start), action, ground)


@pytest.fixture
def later(action: Action, ground: Ground, stage: Stage) -> Iterator[Hands]:
    """In another process, after the action."""
    yield from _in(Sandbox.restore(stage.acted), action, ground)


def _in(sandbox: Sandbox, action: Action, ground: Ground) -> Iterator[Hands]:
    yield Hands(action, ground, sandbox)
    sandbox.faults.clear()


# The catalogue


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_named_as_its_module(action: Action) -> None:
    assert isinstance(action, Action)
    assert action.__name__.rsplit(".", 1)[-1] == action.SPEC.id  # type: ignore[attr-defined]  # actions are modules


def test_no_two_actions_run_at_the_same_place() -> None:
    orders = [spec.order for spec in catalogue().actions]
    assert orders == sorted(set(orders))


def test_every_action_has_its_grounds_and_every_ground_its_action() -> None:
    assert set(grounds()) == set(actions())
    assert [name for name, listed in grounds().items() if not any(ground.failing for ground in listed)] == []


@pytest.mark.parametrize("path", sorted(Path(tools.actions.__path__[0]).glob("*.py")), ids=lambda path: path.stem)
def test_an_action_knows_no_other_action_and_no_graph(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
    ours = {name for name in imported if name.split(".")[0] in ("agent", "tools", "graphs", "evals")}
    others = ("tools.action", "tools.evidence", "tools.sandbox", "tools.ledger", "tools.source", "graphs", "evals")
    assert {name for name in ours if name.startswith(others)} == set()


@pytest.mark.parametrize("action", ACTIONS)
def test_only_what_is_declared_to_write_is_declared_outside_of_reading_phases(action: Action) -> None:
    reading = {Phase.READ, Phase.PLAN, Phase.VERIFY}
    assert [call.name for call in action.CALLS if call.writes and call.phases & reading] == []


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_says_for_people_what_it_does_and_whom_it_disrupts(action: Action) -> None:
    assert action.SPEC.summary.endswith(".")
    assert action.SPEC.disrupts.endswith(".")
    assert inspect.getdoc(action)


# One action in one world


@EVERY_GROUND
def test_planning_changes_nothing_and_gives_the_same_change_each_time(hands: Hands, stage: Stage) -> None:
    assert hands.plan() == hands.plan() == stage.change
    assert hands.state == stage.before


@EVERY_GROUND
def test_a_change_is_about_the_same_fields_before_and_after(hands: Hands, change: Change) -> None:
    assert change.before.keys() == change.after.keys()
    assert change.action == hands.action.SPEC.id
    assert change.target == hands.ground.target


@EVERY_GROUND
def test_after_execute_the_state_is_what_the_plan_said(hands: Hands, change: Change) -> None:
    done = hands.execute(change)
    assert isinstance(done, Executed)
    assert done.outcome == ("done" if change.needed else "already")
    assert bool(done.calls) == change.needed
    assert hands.plan().before == change.after


@EVERY_GROUND
def test_executing_again_finds_it_done_and_writes_nothing(later: Hands, change: Change) -> None:
    state = later.state
    assert later.execute(change) == Executed(outcome="already")
    assert later.state == state


@EVERY_GROUND
def test_verify_says_how_it_knows(later: Hands, change: Change) -> None:
    assert later.verify(change).how == later.ground.how


@EVERY_GROUND
def test_what_was_not_done_is_not_verified(hands: Hands, change: Change) -> None:
    if change.needed:
        assert not hands.verify(change).holds


@EVERY_GROUND
def test_undo_from_another_process_restores_exactly_what_the_public_api_answered_before(
    later: Hands, change: Change, stage: Stage
) -> None:
    undone = later.undo(change)
    assert isinstance(undone, Executed)
    if later.exact:
        assert later.state == stage.before
        assert not change.needed or not later.verify(change).holds
    else:
        assert undone.calls == []


@EVERY_GROUND
def test_undoing_again_finds_it_undone_and_writes_nothing(later: Hands, change: Change) -> None:
    later.undo(change)
    state = later.state
    again = later.undo(change)
    assert isinstance(again, Executed)
    assert (again.outcome, again.calls, later.state) == ("already", [], state)


@EVERY_GROUND
def test_executing_over_drift_stops_and_writes_nothing(hands: Hands, change: Change) -> None:
    hands.ground.drift(hands.sandbox, change)
    state = hands.state
    assert isinstance(hands.execute(change), Drifted)
    assert hands.state == state


@EVERY_GROUND
def test_drift_after_execute_is_not_verified_and_undoing_over_it_stops_and_writes_nothing(
    later: Hands, change: Change
) -> None:
    later.ground.drift(later.sandbox, change)
    assert not later.verify(change).holds
    state = later.state
    undone = later.undo(change)
    assert isinstance(undone, Drifted) or not later.exact or not change.needed
    assert later.state == state


@EVERY_GROUND
def test_the_attacker_s_way_is_closed_and_open_again_after_undo_and_the_sibling_never_notices(
    hands: Hands, change: Change
) -> None:
    open_, works = hands.ground.attacker, hands.ground.sibling
    assert works(hands.sandbox)
    assert open_ is None or open_(hands.sandbox)
    hands.execute(change)
    assert open_ is None or not open_(hands.sandbox)
    assert works(hands.sandbox)
    hands.undo(change)
    assert open_ is None or open_(hands.sandbox)
    assert works(hands.sandbox)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_declared_call_is_made_in_its_phase_on_some_ground_and_no_other(action: Action) -> None:
    called: dict[Phase, set[str]] = {}
    for ground in grounds()[action.SPEC.id]:
        hands = Hands(action, ground, opened(ground), called)
        change = hands.plan()
        hands.execute(change)
        hands.verify(change)
        hands.plan()
        hands.undo(change)
    declared = {
        phase: {call.name for call in action.CALLS if phase in call.phases}
        for call in action.CALLS
        for phase in call.phases
    }
    assert {phase: names for phase, names in called.items() if names} == declared


# Every call fails in every way

FAULTS: dict[str, tuple[str, Fail | Lost, int]] = {
    "throttled_for_ever": ("before", Fail("Throttling"), FOR_EVER),
    "not_permitted": ("before", Fail("AccessDenied", 403), FOR_EVER),
    "refused": ("before", Fail("ValidationError"), FOR_EVER),
    "gone": ("before", Fail("ResourceNotFoundException", 404), FOR_EVER),
    "changed_meanwhile": ("before", Fail("OperationAborted", 409), FOR_EVER),
    "never_reached": ("before", Lost.CONNECT_TIMEOUT, FOR_EVER),
    "answer_lost_for_ever": ("after", Lost.READ_TIMEOUT, FOR_EVER),
    "answer_lost_once": ("after", Lost.READ_TIMEOUT, 1),
}
EVERY_FAULT = pytest.mark.parametrize("fault", FAULTS)


def _calls(action: Action, phase: Phase) -> list[str]:
    return sorted(call.name for call in action.CALLS if call.phases & {phase, Phase.TELL})


def _break(hands: Hands, name: str, fault: str) -> None:
    where, how, times = FAULTS[fault]
    hooks: list[Hook] = getattr(hands.sandbox.faults, where)
    hooks.append(fail_calls(name, how, times))


@EVERY_FAULT
@FAILING_GROUND
def test_a_plan_whose_call_fails_is_true_or_none(hands: Hands, change: Change, fault: str) -> None:
    for name in _calls(hands.action, Phase.PLAN):
        _break(hands, name, fault)
        aws = hands.aws(Phase.PLAN)
        try:
            planned = hands.action.plan(aws, hands.ground.target, hands.ground.params, "r1")
        except AwsError:
            planned = None
        hands.sandbox.faults.clear()
        if isinstance(planned, Change) and fault != "gone":
            assert (planned.before, planned.after) == (change.before, change.after), name
        if isinstance(planned, Inapplicable):
            assert planned.reason != "gone" or fault == "gone", name


@dataclass
class Trial:
    """One call that fails while the action acts or undoes, in a world of its own."""

    hands: Hands
    ended: Executed | Drifted | None
    """What was said. None: an error was raised."""
    untouched: bool
    """No write took effect: what is tried next is tried in the stage's own world, as other tests do."""

    @property
    def says_done(self) -> bool:
        return isinstance(self.ended, Executed) and self.ended.outcome != "partial"


def trials(action: Action, ground: Ground, world: bytes, phase: Phase, change: Change, fault: str) -> Iterator[Trial]:
    """One for each call of the phase."""
    for name in _calls(action, phase):
        hands = Hands(action, ground, Sandbox.restore(world))
        wrote: list[str] = []
        hands.sandbox.faults.on_write(partial(wrote.append, name))
        _break(hands, name, fault)
        try:
            ended = hands.execute(change) if phase is Phase.EXECUTE else hands.undo(change)
        except AwsError:
            ended = None
        hands.sandbox.faults.clear()
        yield Trial(hands, ended, untouched=not wrote)


@EVERY_FAULT
@FAILING_GROUND
def test_an_execution_whose_call_fails_never_says_more_than_is_true_and_can_be_repeated(
    action: Action, ground: Ground, stage: Stage, fault: str
) -> None:
    change = stage.change
    for trial in trials(action, ground, stage.start, Phase.EXECUTE, change, fault):
        if trial.untouched:
            assert not trial.says_done or not change.needed
            continue
        hands = trial.hands
        assert not trial.says_done or hands.plan().before == change.after
        assert isinstance(hands.execute(change), Executed)
        assert hands.verify(change).holds


@EVERY_FAULT
@FAILING_GROUND
def test_an_undo_whose_call_fails_never_says_more_than_is_true_and_can_be_repeated(
    action: Action, ground: Ground, stage: Stage, fault: str
) -> None:
    if stage_is_forward_only := action.SPEC.reversal is not Reversal.EXACT:
        assert not any(call.writes for call in action.CALLS if Phase.UNDO in call.phases)
    for trial in [] if stage_is_forward_only else trials(action, ground, stage.acted, Phase.UNDO, stage.change, fault):
        if trial.untouched:
            assert not trial.says_done or not stage.change.needed or left_with_its_place(action, fault)
            continue
        hands = trial.hands
        assert not trial.says_done or hands.state == stage.before or left_with_its_place(action, fault)
        assert isinstance(hands.undo(stage.change), Executed)
        assert hands.state == stage.before


def left_with_its_place(action: Action, fault: str) -> bool:
    """An address in a set of which AWS says that it is gone is nowhere any more: nothing of it is left to take out."""
    return fault == "gone" and action.SPEC.id == "wafv2_block_address"


@EVERY_FAULT
@FAILING_GROUND
def test_a_verification_whose_call_fails_never_holds_for_what_is_not_so(
    hands: Hands, change: Change, fault: str
) -> None:
    for name in _calls(hands.action, Phase.VERIFY):
        _break(hands, name, fault)
        try:
            seen = hands.verify(change)
        except AwsError:
            seen = None
        hands.sandbox.faults.clear()
        assert seen is None or not seen.holds or not change.needed, name


@EVERY_GROUND
def test_a_write_whose_answer_was_lost_is_done_once_it_reads_as_wanted(hands: Hands, change: Change) -> None:
    lost: list[SandboxCall] = []

    def lose(call: SandboxCall) -> Lost | None:
        if call.writes:
            lost.append(call)
        return Lost.READ_TIMEOUT if call.writes else None

    hands.sandbox.faults.after.append(lose)
    done = hands.execute(change)
    assert isinstance(done, Executed)
    assert done.outcome == ("done" if change.needed else "already")
    assert bool(lost) == change.needed
