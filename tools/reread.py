"""Reads a finding again from the service that keeps it: what arrived is only a hint."""

from typing import Protocol

from agent.finding import Finding, Origin
from agent.target import GLOBAL
from tools.aws import UNREADABLE, Aws, AwsCall, AwsError
from tools.gathering import home
from tools.readers import (
    access_analyzer,
    cloudtrail,
    cloudwatch,
    config,
    guardduty,
    health,
    inspector,
    macie,
    securityhub,
)
from tools.readers.answer import NO_READER, NOT_AS_PROMISED, Reread

__all__ = ["CALLS", "READERS", "Reread", "reread"]


class Reader(Protocol):
    """One file of `tools/readers`."""

    CALLS: frozenset[AwsCall]

    def read(self, aws: Aws, finding: Finding) -> Reread:
        """What its service says of the finding now. Raises AwsError."""
        ...


READERS: dict[Origin, Reader] = {
    Origin.ACCESS_ANALYZER: access_analyzer,
    Origin.CLOUDTRAIL: cloudtrail,
    Origin.CLOUDWATCH: cloudwatch,
    Origin.CONFIG: config,
    Origin.GUARDDUTY: guardduty,
    Origin.HEALTH: health,
    Origin.INSPECTOR: inspector,
    Origin.MACIE: macie,
    Origin.SECURITY_HUB: securityhub,
}
"""Who reads a finding again that did not come through Security Hub. An origin that is missing says so in docs/limits.md."""
CALLS = frozenset(call for reader in READERS.values() for call in reader.CALLS)


def is_same(asked: Finding, told: Finding) -> bool:
    """Whether a finding that was read again is the one that was asked for."""
    by_id = asked.origin is told.origin is Origin.GUARDDUTY and guardduty.is_same(asked.key, told.key)
    return asked.account == told.account and (asked.key == told.key or by_id)


def reread(aws: Aws, finding: Finding) -> Reread:
    """Read it where it is kept: in Security Hub if it came from there, else in the service that found it.

    Security Hub goes first because only its copy has the workflow status and the note. Failed, with the error's code, if the
    service does not answer, or not as it promises, or if nobody reads findings of that origin.
    """
    aws = aws.at(home(aws.partition) if finding.region == GLOBAL else finding.region)
    kept = finding.product_arn is not None and finding.hub_id is not None
    reader = READERS.get(Origin.SECURITY_HUB if kept else finding.origin)
    if reader is None:
        return NO_READER
    try:
        return reader.read(aws, finding)
    except AwsError as error:
        return Reread(outcome="failed", note=error.code)
    except UNREADABLE:
        return NOT_AS_PROMISED
