"""The registry: what is protected, trusted and whose, kept where the target account cannot write."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import AfterValidator, ValidationError, model_validator

from agent.addresses import covers, network, overlap
from agent.person import canonical
from agent.record import Record
from agent.target import AccountId, Region, Target
from tools.log_tables import LogTables

Environment = Literal["prod", "staging", "dev", "sandbox"]
_WORDS: dict[str, Environment] = {
    "prod": "prod", "production": "prod", "prd": "prod", "live": "prod",
    "staging": "staging", "stage": "staging", "preprod": "staging", "uat": "staging",
    "dev": "dev", "development": "dev", "test": "dev",
    "sandbox": "sandbox", "sandboxes": "sandbox",
}  # fmt: skip
"""What tags and organisational units are called everywhere; the registry may say more, or otherwise."""


class OrganizationEntry(Record):
    """Who reads the organisation, and what its tags and units mean."""

    account: AccountId
    """The management account, or one that may read the organisation in its place."""
    environment_tag: str = "environment"
    owner_tag: str = "owner"
    environments: dict[str, Environment] = {}
    """What a tag's value or a unit's name means, compared without case."""

    def meaning(self, word: str) -> Environment | None:
        """The environment that a tag's value or a unit's name stands for."""
        said = {name.casefold(): environment for name, environment in self.environments.items()}
        return (_WORDS | said).get(word.strip().casefold())


def _network(entry: str) -> str:
    network(entry)
    return entry


Cidr = Annotated[str, AfterValidator(_network)]

UNFIT = (OSError, UnicodeDecodeError, ValidationError, yaml.YAMLError)
"""What reading a registry raises."""


class AccountEntry(Record):
    """One account that we serve."""

    role: Literal["workload", "management", "log_archive", "tooling", "unknown"] = "unknown"
    """Only a workload account is acted in, so it has to be said."""
    environment: Environment | Literal["unknown"] = "unknown"
    """Where it is not said, the organisation is asked, if one is named; what nobody says asks a person."""
    owner: str = ""
    regions: list[Region] = []
    """Regions that the account uses: they are read first, and a finding of another one is refused. Empty: whatever it has enabled."""
    other_regions_denied: bool = False
    """A service control policy denies all other Regions, so that nobody looks there for what a stolen credential did."""
    addresses: list[Cidr] | None = None
    """All public addresses of the account; `[]` if it has none. Not said: they are read there, to learn whom a block would hit."""

    @model_validator(mode="after")
    def _others_than_what(self) -> Self:
        if self.other_regions_denied and not self.regions:
            raise ValueError("other_regions_denied: regions has to say which are not")
        return self


def _named(entry: str) -> str:
    """An entry as written: one id, name or ARN. What looks like more would protect nothing, silently."""
    if _is_address(entry):
        raise ValueError("an address or network is guarded by never_block or trusted_networks")
    if entry.startswith("s3://"):
        raise ValueError("name the bucket, without s3://")
    if not re.fullmatch(r"[\w+=,.@:/-]{1,512}", entry, re.ASCII) or entry.endswith(("/", ":")):
        raise ValueError("name one id, name or ARN: no pattern, no blank, no trailing slash")
    if re.fullmatch(r"A(IDA|ROA)[A-Z0-9]{12,}", entry):
        raise ValueError("name the user or role: its unique id is not compared")
    if not entry.startswith("arn:"):
        if "/" in entry or ":" in entry:
            raise ValueError("name it alone, without a path, or by its whole ARN")
    elif entry.count(":") < 5 or ":assumed-role/" in entry or (":s3:::" in entry and "/" in entry):
        raise ValueError("name the bucket, user, role or resource itself: not a session, an object or part of an ARN")
    return entry


def _is_address(entry: str) -> bool:
    try:
        network(entry)
    except ValueError:
        return False
    return True


def _people(people: dict[str, list[str]]) -> dict[str, list[str]]:
    """Nobody twice in two spellings, and nobody whose name no answer could be given under."""
    names = [canonical(person) for person in people]
    for person, name in zip(people, names, strict=True):
        if name is None or names.count(name) > 1:
            raise ValueError(f"{person[:64]!r} is no name of a person, or is there twice")
    return people


Named = Annotated[str, AfterValidator(_named)]


class Registry(Record):
    """A YAML file of the operator's. What it does not say is unknown, and unknown never means allowed."""

    accounts: dict[str, AccountEntry] = {}
    """Accounts served. A finding of another account is refused."""
    organization: OrganizationEntry | None = None
    """The organisation of these accounts, if it may be read. None: nobody is asked."""
    protected: list[Named] = []
    """Ids or ARNs of what must not be touched: buckets, users, roles, instances."""
    break_glass: list[Named] = []
    """Names of users and roles that must always work."""
    own_parts: list[Named] = []
    """Names of users, roles, functions, buckets that are this service."""
    automation: list[Named] = []
    """Names of principals that pipelines and services use."""
    audit_buckets: list[Named] = []
    """Buckets that trails, Config and access logs are delivered to."""
    public_buckets: list[Named] = []
    """Buckets that are public on purpose."""
    trusted_networks: list[Cidr] = []
    """CIDRs of offices, VPNs and sanctioned scanners."""
    scanners: list[Named] = []
    """Instances that scan on purpose, by id. One that only has such a Name asks: whoever may tag may give it."""
    never_block: list[Cidr] = []
    """CIDRs that are never blocked: partners, proxies, monitoring. Overlap in either direction counts."""
    people: Annotated[dict[str, list[str]], AfterValidator(_people)] = {}
    """Roles of those who may approve, by person. Where anybody is listed, nobody else answers."""
    athena: LogTables | None = None
    """Where Athena finds the logs that lie in S3."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file. Raises pydantic's ValidationError with the place that is wrong."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the YAML text of one. Raises pydantic's ValidationError with the place that is wrong."""
        return cls.model_validate(yaml.safe_load(text) or {})

    def regions(self, account: str) -> list[Region]:
        """The Regions that the account is said to use; none where nothing is said."""
        entry = self.accounts.get(account)
        return entry.regions if entry is not None else []

    def denies_other_regions(self, account: str) -> bool:
        """Whether nothing can have happened in a Region that is not listed, as the registry says."""
        entry = self.accounts.get(account)
        return entry is not None and entry.other_regions_denied

    def trusts(self, address: str) -> bool:
        """Whether the address lies in a trusted network."""
        return any(covers(network(cidr), network(address)) for cidr in self.trusted_networks)

    def never_blocks(self, address: str) -> bool:
        """Whether the address overlaps, in either direction, a network that is trusted or never blocked."""
        asked = network(address)
        return any(overlap(asked, network(cidr)) for cidr in [*self.trusted_networks, *self.never_block])

    def names(self, entries: list[str], target: Target) -> bool:
        """Whether one of the entries is this target, its owner, or an ARN of its account that ends in either. IAM compares
        names without case; an ARN without an account (S3) is of any."""
        wanted = {name.casefold() for name in (target.id, target.owner) if name}
        return any(
            wanted & {entry.casefold(), _last(entry)} for entry in entries if _account(entry) in ("", target.account)
        )


def fault(error: Exception) -> str:
    """What is wrong with the file, in one line, with the place."""
    if isinstance(error, OSError):
        return str(error.strerror)
    if not isinstance(error, ValidationError):
        return f"not YAML: {' '.join(str(error).split())}"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["loc"][:1] == ("accounts",) and first["loc"][-1] == "[key]":
        return f"{place}: put account ids in quotes"
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        said = f"there is no such name; there are {', '.join(_names(Registry, first['loc'][:-1]))}"
    return f"{place}: {said}" if place else said


def _account(entry: str) -> str:
    """Of an ARN; nothing of any other entry."""
    parts = entry.split(":", 5)
    return parts[4] if parts[0].casefold() == "arn" and len(parts) == 6 else ""


def _names(kind: Any, place: Sequence[str | int]) -> list[str]:
    """The names that fit in a place of the registry."""
    while not (isinstance(kind, type) and issubclass(kind, Record)):
        # of an optional record, a list or a map: what it holds
        kind = next(arg for arg in reversed(get_args(kind)) if arg is not type(None))
    if not place:
        return list(kind.model_fields)
    inner = kind.model_fields[str(place[0])].annotation
    keyed = get_origin(inner) in (dict, list)
    return _names(inner, place[2 if keyed else 1 :])


def _last(entry: str) -> str:
    return entry.rsplit("/", 1)[-1].rsplit(":", 1)[-1].casefold()
