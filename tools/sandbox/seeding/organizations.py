"""An organisation in a world: its management account, its units and the accounts in them."""

from typing import Any, Self

from pydantic import model_validator

from agent.record import Record
from agent.target import AccountId
from tools.sandbox.seeding.place import Place

ROOT = "Root"


class OrganizationalUnit(Record):
    """A unit. Those that it is in come before it."""

    name: str
    parent: str = ROOT
    tags: dict[str, str] = {}


class OrganizationAccount(Record):
    """A member account, or tags of the management account."""

    account: AccountId
    unit: str = ROOT
    tags: dict[str, str] = {}


class OrganizationSection(Record):
    """The `organization` key of a world."""

    management: AccountId
    readers: list[AccountId] = []
    """Member accounts that may read the organisation: delegated administrators."""
    units: list[OrganizationalUnit] = []
    accounts: list[OrganizationAccount] = []

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        known = {ROOT}
        for number, unit in enumerate(self.units):
            if unit.parent not in known:
                raise ValueError(f"units[{number}].parent: no unit {unit.parent} stands before it")
            known.add(unit.name)
        for number, one in enumerate(self.accounts):
            if one.unit not in known:
                raise ValueError(f"accounts[{number}].unit: there is no unit {one.unit}")
        members = {one.account for one in self.accounts}
        for number, reader in enumerate(self.readers):
            if reader not in members:
                raise ValueError(f"readers[{number}]: {reader} is none of the accounts")
        return self


def seed(place: Place, section: OrganizationSection) -> None:
    """Make the organisation, unless there is one."""
    backend: Any = place.global_backend("organizations")
    if backend.org is not None:
        return
    backend.create_organization(place.region)
    units = {ROOT: backend.list_roots()["Roots"][0]["Id"]}
    for unit in section.units:
        made = backend.create_organizational_unit(ParentId=units[unit.parent], Name=unit.name, Tags=_tags(unit.tags))
        units[unit.name] = made["OrganizationalUnit"]["Id"]
    for one in section.accounts:
        if one.account == section.management:
            backend.tag_resource(ResourceId=one.account, Tags=_tags(one.tags))
        else:
            _join(backend, one, units[one.unit])
    for reader in section.readers:
        backend.register_delegated_administrator(AccountId=reader, ServicePrincipal="guardduty.amazonaws.com")


def _join(backend: Any, one: OrganizationAccount, unit: str) -> None:
    """Organizations chooses ids of new accounts, so the world's is set behind its back."""
    from moto.organizations.models import organizations_backends

    email = f"{one.account}@example.com"
    backend.create_account(AccountName=one.account, Email=email, Tags=_tags(one.tags))
    made = backend.accounts[-1]
    organizations_backends.master_accounts[one.account] = organizations_backends.master_accounts.pop(made.id)
    made.id, made.parent_id = one.account, unit


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
