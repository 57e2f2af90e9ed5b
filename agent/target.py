"""A target: one AWS resource or address, typed, with the account and Region it lives in."""

import ipaddress
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from agent.record import Record


class TargetKind(StrEnum):
    """What a target is. The value is what policy, slots and reports call it."""

    ACCESS_KEY = "access_key"
    ADDRESS = "address"
    BUCKET = "bucket"
    DATABASE = "database"
    FUNCTION = "function"
    GROUP = "group"
    IMAGE = "image"
    INSTANCE = "instance"
    INTERFACE = "interface"
    KMS_KEY = "kms_key"
    NODE = "node"
    ROLE = "role"
    ROLE_SESSION = "role_session"
    SNAPSHOT = "snapshot"
    TRAIL = "trail"
    USER = "user"
    OTHER = "other"


GLOBAL = "aws-global"
"""The Region of a target whose service has none (IAM)."""

AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
Region = Annotated[str, Field(pattern=r"^(aws-global|[a-z]{2}(-[a-z]+)+-[0-9]{1,2})$")]
UserId = Annotated[str, Field(pattern=r"^AIDA[A-Z0-9]{12,28}$")]
Partition = Annotated[str, Field(pattern=r"^aws(-[a-z]+)*$")]

_NAME = r"[\w+=,.@-]{1,128}"
_IDS: dict[TargetKind, str] = {
    TargetKind.ACCESS_KEY: r"(AKIA|ASIA)[A-Z0-9]{12,28}",
    TargetKind.BUCKET: r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    TargetKind.DATABASE: r"[A-Za-z][A-Za-z0-9-]{0,62}",
    TargetKind.FUNCTION: r"[A-Za-z0-9_-]{1,64}",
    TargetKind.GROUP: r"sg-[0-9a-f]{8,17}",
    TargetKind.IMAGE: r"ami-[0-9a-f]{8,17}",
    TargetKind.INSTANCE: r"i-[0-9a-f]{8,17}",
    TargetKind.INTERFACE: r"eni-[0-9a-f]{8,17}",
    TargetKind.KMS_KEY: r"[0-9a-f-]{36}|mrk-[0-9a-f]{32}",
    TargetKind.NODE: r"[\w.-]{1,253}",
    TargetKind.ROLE: _NAME,
    TargetKind.ROLE_SESSION: r"[\w+=,.@:/-]{1,256}",
    TargetKind.SNAPSHOT: r"snap-[0-9a-f]{8,17}",
    TargetKind.TRAIL: r"[A-Za-z0-9._-]{3,128}",
    TargetKind.USER: _NAME,
    TargetKind.OTHER: r"[\x21-\x7e]{1,512}",
}


class Target(Record):
    """One thing an action can be about. Only strictly parsed identifiers get this far."""

    kind: TargetKind
    id: str
    """The identifier that the service's API takes: a key id, a user or bucket name, an instance id, a CIDR."""
    account: AccountId
    region: Region
    partition: Partition = "aws"
    owner: str | None = None
    """The name of the principal that holds it: the user of an access key, the role of a session or of an instance."""

    unique_id: Annotated[UserId | None, Field(exclude_if=lambda value: value is None)] = None
    """Of a user whose finding gives it: IAM's own id (AIDA…), which stays when the user is renamed and is never given again.

    Left out of what is written where there is none: requests that wait keep the digest they were asked under.
    """

    @model_validator(mode="after")
    def _id_is_well_formed(self) -> Self:
        if self.kind is TargetKind.ADDRESS:
            ipaddress.ip_network(self.id)
        elif not re.fullmatch(_IDS[self.kind], self.id, re.ASCII):
            raise ValueError(f"not a well-formed {self.kind} id")
        if self.owner is not None and not re.fullmatch(_NAME, self.owner, re.ASCII):
            raise ValueError("not a well-formed owner name")
        if self.unique_id is not None and self.kind is not TargetKind.USER:
            raise ValueError("only a user has a unique id here")
        return self

    @property
    def key(self) -> str:
        """The one string that names this target everywhere: ledger, evidence ids, receipts."""
        return f"{self.partition}:{self.account}:{self.region}:{self.kind}:{self.id}"

    @property
    def words(self) -> str:
        """What it is and where, for people: `user build-bot in 111122223333`."""
        return in_words(self.key)

    @property
    def temporary(self) -> bool:
        """Whether this is a temporary access key, which nobody can deactivate."""
        return self.kind is TargetKind.ACCESS_KEY and self.id.startswith("ASIA")


def in_words(key: str) -> str:
    """A target's key for people: `bucket example-invoices in 111122223333 eu-west-1`; what is no key stays as it is."""
    parts = key.split(":", 4)
    if len(parts) != 5:
        return key
    _, account, region, kind, name = parts
    return f"{kind.replace('_', ' ')} {name} in {account}" + ("" if region == GLOBAL else f" {region}")


def case_of(targets: Sequence[Target]) -> str:
    """What a finding is about before all else: the principal of a key or a session, else the resource. Empty: nothing."""
    if not targets:
        return ""
    first = targets[0]
    if first.kind is TargetKind.ACCESS_KEY and first.owner is not None:
        return Target(kind=TargetKind.USER, id=first.owner, **_placed(first)).key
    if first.kind is TargetKind.ROLE_SESSION and first.owner is not None:
        return Target(kind=TargetKind.ROLE, id=first.owner, **_placed(first)).key
    return first.key


def _placed(target: Target) -> dict[str, str]:
    return {"account": target.account, "region": GLOBAL, "partition": target.partition}
