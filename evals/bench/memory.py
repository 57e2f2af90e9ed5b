"""Whether memory stays flat over many findings: one process, one ledger, one set of checkpoints, every finding another."""

import copy
import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver

from agent.event import Event
from agent.report import Status
from evals.bench.figures import Figure, Goal, at_most
from evals.bench.scene import Scene, scene
from graphs.checkpoints import serializer
from graphs.runs import Runs
from tools.aws import Clients
from tools.ledger import SqliteLedger
from tools.sandbox.engine import Sandbox
from tools.sandbox.seed import seed
from tools.sandbox.world import World

CASE = "key-used-from-own-office-left-alone"
"""It ends without a write, so that the next finding meets the same world."""
WORLD = 50
"""Findings for which one world lasts at most: the embedded AWS grows with what it is told, and is not what is measured."""
KB_A_FINDING = 1.0


class _Current(Clients):
    """The clients of whatever world there is now."""

    paced = False

    def __init__(self) -> None:
        self.world: Clients = Clients()

    def client(self, service: str, account: str, region: str) -> Any:
        """A client of it."""
        return self.world.client(service, account, region)

    def anonymous(self, service: str, region: str) -> Any:
        """One that signs nothing."""
        return self.world.anonymous(service, region)


def memory(findings: int) -> tuple[list[Figure], list[Goal]]:
    """Kilobytes that each further finding leaves resident, over the second half of them."""
    world = max(1, min(WORLD, findings // 8))
    with TemporaryDirectory(prefix="stanch-bench-") as folder:
        sizes = list(_sizes(scene(CASE, Path(folder)), Path(folder), findings, world))
    middle, last = sizes[len(sizes) // 2], sizes[-1]
    span = max(1, len(sizes) - 1 - len(sizes) // 2) * world
    per = round((last - middle) / span, 3)
    at_end = Figure(
        name="memory after all findings", value=round(last / 1024, 1), unit="MB", note=f"{findings} findings"
    )
    growth = Figure(
        name="memory a further finding takes",
        value=per,
        unit="KB",
        note=f"over the second half of {findings} findings, the embedded AWS beside it in the process",
    )
    return [at_end, growth], [at_most("memory a further finding takes", growth, KB_A_FINDING)]


def _sizes(at: Scene, folder: Path, findings: int, world: int) -> Iterator[int]:
    """Resident kilobytes after each world's findings."""
    clients = _Current()
    nothing = World(now=at.world.now, account=at.world.account, region=at.world.region)
    with closing(sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)) as connection:
        ledger = SqliteLedger(folder / "long.sqlite", durable=False)
        service = replace(at.service, clients=clients, ledger=ledger)
        runs = Runs(service, SqliteSaver(connection, serde=serializer()))
        for start in range(0, findings, world):
            sandbox = Sandbox.fresh(0, at.world.now)
            seed(sandbox, at.world)
            clients.world = sandbox.clients()
            for number in range(start, min(start + world, findings)):
                body = another(at.event, number)
                seed(sandbox, nothing, body)
                (report,) = runs.deliver(Event(body=body, received_at=at.world.now, via="eval"))
                if report.status is not Status.NO_ACTION:
                    raise RuntimeError(f"a finding was not worked to its end: {report.status}, {report.reason}")
            gc.collect()
            yield resident()


def another(event: Any, number: int) -> Any:
    """The same finding under another id."""
    made = copy.deepcopy(event)
    detail = made["detail"]
    old, new = detail["id"], f"{number:032x}"
    detail["id"], detail["arn"] = new, str(detail["arn"]).replace(old, new)
    return made


def resident() -> int:
    """Kilobytes that this process has resident now."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1])
