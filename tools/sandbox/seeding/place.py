"""Where seeding happens: one account and Region of a sandbox, at the world's moment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from tools.sandbox import mechanism

if TYPE_CHECKING:
    from tools.sandbox.engine import Sandbox

State = TypeVar("State")


@dataclass(frozen=True)
class Place:
    """An account and a Region of a sandbox."""

    sandbox: "Sandbox"
    account: str
    region: str
    now: datetime

    @property
    def partition(self) -> str:
        """The partition of the Region: `aws`, `aws-cn`, `aws-us-gov`."""
        return partition_of(self.region)

    def at(self, region: str | None) -> "Place":
        """The same account in another Region."""
        return self if region is None else replace(self, region=region)

    def client(self, service: str) -> Any:
        """A client of the sandbox, with rights to everything."""
        return self.sandbox.clients().client(service, self.account, self.region)

    def shelf(self, kind: type[State]) -> State:
        """The sandbox's own state of that kind, where moto has none."""
        return self.sandbox.shelf(kind, self.account, self.region)

    def backend(self, service: str) -> Any:
        """moto's own state of a regional service: for what no public API can set."""
        return _backends(service)[self.account][self.region]

    def bucket_names(self) -> frozenset[str]:
        """Every bucket of every account: their names are global."""
        return frozenset(_backends("s3").bucket_accounts)

    def global_backend(self, service: str) -> Any:
        """moto's own state of a service that has one state per partition (IAM, S3, WAF for CloudFront)."""
        return _backends(service)[self.account][self.partition]


def partition_of(region: str) -> str:
    """The partition that a Region lies in, by its name."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get("us-gov" if region.startswith("us-gov-") else region[:2], "aws")


def _backends(service: str) -> Any:
    from moto.backends import get_backend

    mechanism.prepare(service)
    return get_backend(service)  # type: ignore[call-overload]  # moto lists its names as literals
