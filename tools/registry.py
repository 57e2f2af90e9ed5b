"""The registry: what is protected, trusted and whose, kept where the target account cannot write."""

from pathlib import Path
from typing import Literal, Self

import yaml

from agent.addresses import covers, network, overlap
from agent.record import Record
from agent.target import Target


class AccountEntry(Record):
    """One account that we serve."""

    role: Literal["workload", "management", "log_archive", "tooling"] = "workload"
    environment: Literal["prod", "staging", "dev", "sandbox"]
    owner: str = ""


class Registry(Record):
    """A YAML file of the operator's. What it does not say is unknown, and unknown never means allowed."""

    accounts: dict[str, AccountEntry] = {}
    """Accounts served. A finding of another account is refused."""
    protected: list[str] = []
    """Ids or ARNs of what must not be touched: buckets, users, roles, instances."""
    break_glass: list[str] = []
    """Names of users and roles that must always work."""
    own_parts: list[str] = []
    """Names of users, roles, functions, buckets that are this service."""
    automation: list[str] = []
    """Names of principals that pipelines and services use."""
    audit_buckets: list[str] = []
    """Buckets that trails, Config and access logs are delivered to."""
    public_buckets: list[str] = []
    """Buckets that are public on purpose."""
    trusted_networks: list[str] = []
    """CIDRs of offices, VPNs and sanctioned scanners."""
    scanners: list[str] = []
    """Instances that scan on purpose, by id. One that only has such a Name asks: whoever may tag may give it."""
    never_block: list[str] = []
    """CIDRs that are never blocked: partners, proxies, monitoring. Overlap in either direction counts."""
    people: dict[str, list[str]] = {}
    """Roles of those who may approve, by person."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises pydantic's ValidationError with the place that is wrong."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})

    def trusts(self, address: str) -> bool:
        """Whether the address lies in a trusted network."""
        return any(covers(network(cidr), network(address)) for cidr in self.trusted_networks)

    def never_blocks(self, address: str) -> bool:
        """Whether the address overlaps, in either direction, a network that is trusted or never blocked."""
        asked = network(address)
        return any(overlap(asked, network(cidr)) for cidr in [*self.trusted_networks, *self.never_block])

    def names(self, entries: list[str], target: Target) -> bool:
        """Whether one of the entries is this target, its owner, or an ARN that ends in either."""
        wanted = {target.id, target.owner} - {None}
        return any(entry in wanted or entry.rsplit("/", 1)[-1].rsplit(":", 1)[-1] in wanted for entry in entries)
