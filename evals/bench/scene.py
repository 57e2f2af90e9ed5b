"""One bundled case on the embedded AWS, with a service over it: what several parts of the bench start from."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from agent.verdict import Mode
from evals.loading import load
from evals.port import Options
from evals.worker import ExamWorker
from graphs.service import Service
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World

CASES = Path(__file__).parent.parent / "cases"


@dataclass(frozen=True)
class Scene:
    """A world, the event that arrives in it, and the service."""

    sandbox: Sandbox
    world: World
    event: JsonValue
    service: Service


def scene(case: str, folder: Path, mode: Mode = Mode.AUTO) -> Scene:
    """The scene of a bundled case; its ledger lies in the folder."""
    (item,) = load([CASES / case])
    world = World.load(CASES / case / "world.yaml")
    sandbox = Sandbox.fresh(0, world.now)
    seed(sandbox, world, item.event if isinstance(item.event, dict) else None)
    service = ExamWorker().service(sandbox, world.registry, Options(mode=mode), folder)
    return Scene(sandbox, world, item.event, service)
