"""What an action is: one module in `tools/actions/` with a declaration and four functions."""

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast, runtime_checkable

import tools.actions
from agent.catalogue import ActionSpec, Catalogue
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject
from agent.target import Target
from tools.aws import Aws, AwsCall


@runtime_checkable
class Action(Protocol):
    """A module in `tools/actions/`. Its id is its name.

    `plan` reads only. `execute` and `undo` are compare-and-set: state as `before`, act; state as `after`, nothing to do;
    a recorded partial, go on; anything else, Drifted and nothing written. All four raise AwsError when AWS gives no answer.
    `verify` reads back (twice, with backoff, where AWS is eventually consistent) and never writes.
    """

    SPEC: ActionSpec
    CALLS: frozenset[AwsCall]

    @staticmethod
    def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable: ...
    @staticmethod
    def execute(aws: Aws, change: Change) -> Executed | Drifted: ...
    @staticmethod
    def verify(aws: Aws, change: Change) -> Verification: ...
    @staticmethod
    def undo(aws: Aws, change: Change) -> Executed | Drifted: ...


@cache
def actions() -> dict[str, Action]:
    """Every action by id, in the catalogue's order."""
    found = {
        name: cast(Action, importlib.import_module(f"tools.actions.{name}"))
        for _, name, _ in pkgutil.iter_modules(tools.actions.__path__)
        if not name.startswith("_")
    }
    return dict(sorted(found.items(), key=lambda item: item[1].SPEC.order))


@cache
def catalogue() -> Catalogue:
    """The actions as data, for the agent."""
    return Catalogue.of([action.SPEC for action in actions().values()])
