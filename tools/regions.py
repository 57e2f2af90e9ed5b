"""Which Regions an account works in: as the registry says, or as the account has them enabled."""

from typing import Any

from agent.target import GLOBAL
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, Read, home
from tools.source import Question

REGIONS = AwsCall("ec2", "DescribeRegions", "ec2:DescribeRegions", "*", frozenset({Phase.READ}))


def used(gathering: Gathering, aws: Aws, question: Question) -> Read[list[str]]:
    """Where credentials of the account may have been used: the finding's Region and the partition's home first, then the
    registry's, then all others that are enabled, since whoever stole a key works where nobody looks.

    A gap: there may be more than these. Only where the registry says that others are denied are there none.
    """
    finding = question.finding
    near = [home(aws.partition)] if finding.region == GLOBAL else [finding.region, home(aws.partition)]
    listed = question.registry.regions(aws.account)
    if question.registry.denies_other_regions(aws.account):
        return Read(list(dict.fromkeys([*near, *listed])))
    return _enabled(gathering, aws, [*near, *listed])


def of_account(gathering: Gathering, aws: Aws, question: Question, near: list[str]) -> Read[list[str]]:
    """The Regions that the account which `aws` is in uses on purpose, these first."""
    listed = question.registry.regions(aws.account)
    return Read(list(dict.fromkeys([*near, *listed]))) if listed else _enabled(gathering, aws, near)


def _enabled(gathering: Gathering, aws: Aws, near: list[str]) -> Read[list[str]]:
    """All Regions that the account has enabled, these first."""
    try:
        answer: Any = gathering.call(aws.at(near[0]), REGIONS)
    except AwsError as error:
        return Read(list(dict.fromkeys(near)), error.code)
    enabled = sorted(str(one["RegionName"]) for one in answer.get("Regions", []))
    return Read(list(dict.fromkeys([*near, *enabled])))
