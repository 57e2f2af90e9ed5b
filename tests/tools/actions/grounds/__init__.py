"""The worlds that an action must leave as it found them: one file for each action, named as it."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from agent.plan import Change
from agent.record import JsonObject
from agent.target import Target
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World

ACCOUNT = "111122223333"
REGION = "us-east-1"


@dataclass(frozen=True)
class Ground:
    """One world, what the action does there, and how a bystander sees it."""

    name: str
    world: str
    """`world.yaml`, with a sibling beside the target that must not notice."""
    target: Target
    look: Callable[[Sandbox], Any]
    """What AWS's public API answers of everything near the target, less ids of requests."""
    drift: Callable[[Sandbox, Change], None]
    """Somebody else brings the target into a state that is neither before nor after."""
    sibling: Callable[[Sandbox], bool]
    """Whether the sibling still works for those who use it."""
    attacker: Callable[[Sandbox], bool] | None = None
    """Whether the attacker's way is open. None: the action closes no way."""
    params: JsonObject = field(default_factory=dict)
    how: str = "by_configuration"
    """How `verify` must say that it knows."""
    failing: bool = False
    """Whether each call is also made to fail here, in each way. One ground for each way to act and to undo is enough."""


@cache
def grounds() -> dict[str, list[Ground]]:
    """Every ground, by the id of its action."""
    modules = {name: importlib.import_module(f"grounds.{name}") for _, name, _ in pkgutil.iter_modules(__path__)}
    return {name: module.GROUNDS for name, module in modules.items()}


@cache
def _seeded(text: str) -> bytes:
    world = World.parse(text)
    sandbox = Sandbox.fresh(7, world.now)
    seed(sandbox, world)
    return sandbox.snapshot()


def opened(ground: Ground) -> Sandbox:
    """The ground's world, new."""
    return Sandbox.restore(_seeded(ground.world))


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what differs from call to call."""
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "IsTruncated")}
