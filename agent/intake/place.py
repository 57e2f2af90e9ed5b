"""Where a finding says it happened: account, Region and partition, from its own fields, never from the envelope."""

import re
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue, model_validator

from agent.intake.node import Node, quote
from agent.record import Record

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"aws-global|[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_PARTITION = re.compile(r"aws(-[a-z]+)*")
_PREFIXES = {
    "cn-": "aws-cn",
    "eu-isoe-": "aws-iso-e",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
}
"""How the Regions of each partition but `aws` begin."""


@dataclass(frozen=True)
class Arn:
    """The parts of an Amazon resource name."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """The ARN, if it is one: printable, of a known partition form, account and Region well-formed or empty."""
        parts = text.split(":", 5) if text and len(text) <= 1024 and re.fullmatch(r"[\x21-\x7e]+", text) else []
        if len(parts) != 6 or parts[0] != "arn" or not _PARTITION.fullmatch(parts[1]) or not parts[2] or not parts[5]:
            return None
        if (parts[3] and not is_region(parts[3])) or (parts[4] not in ("", "aws") and not _ACCOUNT.fullmatch(parts[4])):
            return None
        return cls(*parts[1:])


class Place(Record):
    """Account, Region and partition of a finding. Where no ARN says the partition, its Region does."""

    account: str
    region: str
    partition: str = ""

    @model_validator(mode="before")
    @classmethod
    def _partition_of_the_region(cls, given: dict[str, JsonValue] | Self) -> dict[str, JsonValue] | Self:
        if not isinstance(given, dict) or given.get("partition"):
            return given
        return {**given, "partition": partition_of_region(str(given.get("region")))}


def is_region(text: str | None) -> bool:
    """Whether the text has the form of an AWS Region."""
    return text is not None and _REGION.fullmatch(text) is not None


def account_of(node: Node, *arns: Arn | None) -> str:
    """The account in that field; if the field is missing, the one in the finding's own ARN."""
    spare = next((arn.account for arn in arns if arn and _ACCOUNT.fullmatch(arn.account)), None)
    if node.value is None and spare:
        return spare
    text = node.needed()
    if not _ACCOUNT.fullmatch(text):
        raise node.malformed(f"not an account of 12 digits: {quote(text)}")
    return text


def agreeing(node: Node, account: str, own: Arn | None, service: str) -> str:
    """The account, if the finding's own ARN, which that service wrote, names it too. An ARN of another service says nothing."""
    if own is not None and own.service == service and own.account not in ("", account):
        raise node.malformed(f"not the account in the finding's own ARN, {own.account}: {quote(account)}")
    return account


def region_of(node: Node, *arns: Arn | None) -> str:
    """The Region in that field; if the field is missing, the one in the finding's own ARNs."""
    spare = next((arn.region for arn in arns if arn and arn.region), None)
    if node.value is None and spare:
        return spare
    text = node.needed()
    if not is_region(text):
        raise node.malformed(f"not a Region: {quote(text)}")
    return text


def partition_of(*arns: Arn | None) -> str:
    """The partition of the first ARN there is; nothing when there is none, and a place then goes by its Region."""
    return next((arn.partition for arn in arns if arn), "")


def partition_of_region(region: str) -> str:
    """The partition that a Region is in, by its prefix."""
    return next((partition for prefix, partition in _PREFIXES.items() if region.startswith(prefix)), "aws")
