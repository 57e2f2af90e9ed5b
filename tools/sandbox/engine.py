"""The embedded AWS: one world in this process, with its clock, its ids, its clients and its faults."""

import datetime
import hashlib
from typing import Any, Self, TypeVar

from tools.aws import Clients
from tools.sandbox import identity, mechanism, worldstate
from tools.sandbox.answering import LOCK, OutsideSandbox
from tools.sandbox.clock import Clock, follow
from tools.sandbox.connection import connection, send_unsigned_get
from tools.sandbox.faults import Faults, SandboxCall
from tools.sandbox.identity import Credentials

__all__ = ["Credentials", "OutsideSandbox", "Sandbox", "SandboxClients", "instance_credentials"]

State = TypeVar("State")
_INSTALLED: list[bool] = []


class Sandbox:
    """The one world of this process. Making or restoring another one ends it.

    Made by `fresh` or `restore`. IAM is enforced: every call is signed by somebody. `clients()` sign as an admin role of the account.
    """

    _current: "Sandbox | None" = None

    def __init__(self, seed: int, clock: Clock) -> None:
        self.seed = seed
        self.clock = clock
        self.faults = Faults()
        self.calls = 0
        self._writes = 0

    @classmethod
    def fresh(cls, seed: int, now: datetime.datetime, *, ticking: bool = False) -> Self:
        """An empty world. `now` is aware; `ticking` lets its clock run on from there."""
        _install()
        sandbox = cls(seed, Clock(now.astimezone(datetime.UTC), ticking))
        sandbox.reset()
        return sandbox

    @classmethod
    def restore(cls, data: bytes) -> Self:
        """The world that `snapshot` gave, in this process or another."""
        _install()
        kept = worldstate.load(data)
        sandbox = cls(kept["seed"], Clock(kept["now"], kept["ticking"]))
        sandbox._writes = kept["writes"]
        sandbox._take_over()
        return sandbox

    def snapshot(self) -> bytes:
        """The whole world as bytes: resources, ids to come, clock, counters. Hooks are not part of it."""
        self._alive()
        with LOCK:
            return worldstate.dump(
                {"seed": self.seed, "now": self.now(), "ticking": self.clock.ticking, "writes": self._writes}
            )

    def reset(self) -> None:
        """Empty the world and start its ids again. Hooks stay."""
        with LOCK:
            worldstate.empty()
            self.calls = self._writes = 0
            from moto.moto_api._internal import mock_random

            mock_random.seed(self.seed)
            self._take_over()

    def now(self) -> datetime.datetime:
        """The world's time, aware, in UTC."""
        return self.clock.now()

    def clients(self, credentials: Credentials | None = None) -> "SandboxClients":
        """Clients for the tools: as each account's admin role, or all as somebody else."""
        return SandboxClients(self, credentials)

    def client(
        self, service: str, *where: str, access_key: str | None = None, secret: str = "", token: str | None = None
    ) -> Any:
        """A boto3 client: `client(service, account, region)` as the account's admin role, or
        `client(service, region, access_key=..., secret=...)` as whoever has that key."""
        account, region = where if len(where) == 2 else ("", where[0])
        if access_key is not None:
            return self._client(service, region, Credentials(access_key, secret, token), account)
        if not account:
            raise ValueError("client() needs an account and a Region, or a Region and an access key")
        return self._client(service, region, self.admin(account, region), account)

    def admin(self, account: str, region: str = "us-east-1") -> Credentials:
        """Credentials of an account's admin role."""
        self._alive()
        from moto.utilities.utils import get_partition

        with LOCK:
            return identity.admin(account, get_partition(region))

    def anonymous_get(self, bucket: str, key: str) -> int:
        """The HTTP status that an unsigned GET of an object answers."""
        self._alive()
        return send_unsigned_get(bucket, key)

    def shelf(self, kind: type[State], account: str, region: str) -> State:
        """The sandbox's own state of a service that moto lacks, to be filled by whoever builds a world."""
        self._alive()
        return mechanism.shelf(kind, account, region)

    def on_write(self, callback: Any) -> None:
        """Call back after each write took effect, before its caller sees the answer."""
        self.faults.on_write(callback)

    def _client(self, service: str, region: str, credentials: Credentials | None, account: str) -> Any:
        self._alive()
        return connection().client(service, account, region, credentials)

    def number(self, service: str, operation: str, account: str, region: str) -> tuple[SandboxCall, str]:
        """The call with its number and the request id that it will get, the same in every run of the same writes."""
        self._alive()
        with LOCK:
            self.calls += 1
            call = SandboxCall(service, operation, account, region, self.calls)
            self._writes += call.writes
            name = f"{self.seed}:{self._writes}" if call.writes else f"{self.seed}:{call.name}:{self.calls}"
            return call, hashlib.sha256(name.encode()).hexdigest()[:32]

    def _take_over(self) -> None:
        Sandbox._current = self
        follow(self.clock)
        connection().serve(self)

    def _alive(self) -> None:
        if Sandbox._current is not self:
            raise OutsideSandbox("This world has ended: another one was made in this process")


class SandboxClients(Clients):
    """The port to AWS, answered by a sandbox."""

    paced = False

    def __init__(self, sandbox: Sandbox, credentials: Credentials | None = None) -> None:
        self._sandbox = sandbox
        self._credentials = credentials

    def client(self, service: str, account: str, region: str) -> Any:
        """A boto3 client, the same one for the same three."""
        credentials = self._credentials or self._sandbox.admin(account, region)
        return self._sandbox._client(service, region, credentials, account)

    def anonymous(self, service: str, region: str) -> Any:
        """A boto3 client that signs nothing: what it may do is what a stranger may."""
        return self._sandbox._client(service, region, None, "")


def instance_credentials(
    sandbox: Sandbox, account: str, role: str, instance_id: str, region: str = "us-east-1"
) -> Credentials:
    """What a process on an instance signs with: a session of its role, which must exist, named like the instance.

    The same for the same three; `sandbox.clients(credentials)` then calls as it. The Region says the partition.
    """
    sandbox._alive()
    with LOCK:
        return identity.instance_session(account, role, instance_id, region)


def _install() -> None:
    """Load moto's core, our operations and our patches, and turn IAM enforcement on. Once a process."""
    import tools.sandbox.patches
    import tools.sandbox.services

    for package in ("settings", "core", "utilities"):
        mechanism.prepare(package)
    if not _INSTALLED:
        mechanism.add_services()
        _INSTALLED.append(True)
    tools.sandbox.patches.enforce_iam()
