"""Hooks around every call of the embedded AWS: to fail chosen calls, to kill the process after one, to save the world."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

_READS = (
    "Get", "List", "Describe", "Lookup", "Head", "BatchGet", "Search", "Select", "Converse", "Simulate", "Filter",
    "StartQuery", "StopQuery", "Query", "Scan", "TransactGet", "CheckNo", "Validate", "GenerateCredentialReport",
)  # fmt: skip


@dataclass(frozen=True)
class SandboxCall:
    """One request that reached the embedded AWS. A retry by botocore is another one."""

    service: str
    """The boto3 client name."""
    operation: str
    """The API's own name, like `UpdateAccessKey`."""
    account: str
    region: str
    ordinal: int
    """From 1, over the life of the world in this process."""

    @property
    def writes(self) -> bool:
        """Whether the operation can change the world, judged by its name."""
        return not self.operation.startswith(_READS)

    @property
    def name(self) -> str:
        """`iam:UpdateAccessKey`."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True)
class Fail:
    """An AWS error to answer with."""

    code: str
    status: int = 400
    message: str = "Injected."


class Lost(StrEnum):
    """No answer comes: the connection breaks before the request leaves, or while waiting for the answer."""

    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"


Hook = Callable[[SandboxCall], Fail | Lost | None]


@dataclass
class Faults:
    """What happens around calls. A hook that returns a Fail or a Lost makes that the caller's answer.

    Order of a call: `before` hooks (a fault here means that nothing took effect); the effect; `written` for a write; `after` hooks
    (a fault here hides an effect that did happen); the answer.
    """

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    written: list[Callable[[], None]] = field(default_factory=list)

    def on_write(self, callback: Callable[[], None]) -> None:
        """Call back after each write took effect, before its caller sees the answer."""
        self.written.append(callback)

    def clear(self) -> None:
        """Forget every hook."""
        self.before.clear()
        self.after.clear()
        self.written.clear()


def fail_calls(name: str, fault: Fail | Lost, times: int = 1, skip: int = 0) -> Hook:
    """A hook that gives the calls of `iam:UpdateAccessKey` this fault: not the first `skip` ones, then `times` times."""
    seen = 0

    def hook(call: SandboxCall) -> Fail | Lost | None:
        nonlocal seen
        if call.name != name:
            return None
        seen += 1
        return fault if skip < seen <= skip + times else None

    return hook


def kill_after(ordinal: int) -> Hook:
    """A hook for `after`: SIGKILL to this process once that many calls were made (and, if a write, saved)."""

    def hook(call: SandboxCall) -> Fail | Lost | None:
        if call.ordinal == ordinal:
            os.kill(os.getpid(), signal.SIGKILL)
        return None

    return hook
