"""A desk whose state is in two tables of the tooling account, as on AWS; each `Runs` of it is another process."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desk import REGION, Desk, desk

from agent.verdict import Mode
from graphs.checkpoint_table import CheckpointTable
from graphs.runs import Runs
from tools.ledger.dynamo import DynamoLedger
from tools.ledger.tables import CHECKPOINTS, LEDGER, create
from tools.sandbox.faults import SandboxCall

TOOLING = "444455556666"
TABLE, CHECKPOINT_TABLE = "stanch-ledger", "stanch-checkpoints"


class Killed(BaseException):
    """The process is gone: nothing of it runs or is heard any more."""


@dataclass
class Tables:
    """The desk, and the tables behind it."""

    at: Desk
    client: Any
    wrapped: Callable[[Any], Any] = lambda client: client
    """What a test puts before the client of the checkpoints."""
    by_phase: bool = True
    paused: list[float] = field(default_factory=list)

    def another_process(self, *, hand_over: bool = False) -> Desk:
        """The same tables and world, seen from a process that starts now; `hand_over`: one that makes no writes."""
        ledger = DynamoLedger(self.client, TABLE, pause=lambda _: None)
        settings = self.at.service.settings.model_copy(update={"hand_over": hand_over})
        service = replace(self.at.service, ledger=ledger, settings=settings)
        saver = CheckpointTable(
            self.wrapped(self.client),
            CHECKPOINT_TABLE,
            lambda run_id, fence: ledger.heartbeat(run_id, fence, service.clock()),
        )
        runs = Runs(service, saver, by_phase=self.by_phase, pause=self.paused.append)
        return replace(self.at, service=service, runs=runs)

    def items(self, table: str = CHECKPOINT_TABLE) -> list[dict[str, Any]]:
        """Everything in a table."""
        return list(self.client.scan(TableName=table)["Items"])

    def kill_at(self, number: int, *, after: bool) -> list[str]:
        """From the n-th call on there is no process any more: with the call's effect, or without it. Names of what was called."""
        seen: list[str] = []

        def hook(call: SandboxCall) -> None:
            seen.append(call.name)
            if len(seen) >= number:
                raise Killed

        (self.at.sandbox.faults.after if after else self.at.sandbox.faults.before).append(hook)
        return seen

    def revive(self) -> None:
        """A new process may call AWS again."""
        self.at.sandbox.faults.clear()
        self.at.sandbox.faults.before.append(self.at.calls.append)


def tables(folder: Path, text: str, body: Any, mode: Mode = Mode.AUTO, *, by_phase: bool = True, **more: Any) -> Tables:
    """A desk as `desk` sets it up, with its state in DynamoDB."""
    at = desk(folder, text, body, mode, **more)
    client = at.sandbox.client("dynamodb", TOOLING, REGION)
    create(client, LEDGER, TABLE)
    create(client, CHECKPOINTS, CHECKPOINT_TABLE)
    made = Tables(at, client, by_phase=by_phase)
    made.at = made.another_process()
    at.calls.clear()
    return made


def aws_writes(at: Desk) -> list[str]:
    """The writes to what Stanch works on: its own tables are none of it."""
    return [call.name for call in at.calls if call.writes and call.service != "dynamodb"]
