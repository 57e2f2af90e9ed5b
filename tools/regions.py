"""Which Regions an account works in: as the registry says, or else as the account has them enabled."""

from typing import Any

from agent.target import GLOBAL
from tools.aws import Aws, AwsCall, AwsError, Phase
from tools.gathering import Gathering, Read, home
from tools.source import Question

REGIONS = AwsCall("ec2", "DescribeRegions", "ec2:DescribeRegions", "*", frozenset({Phase.READ}))


def used(gathering: Gathering, aws: Aws, question: Question) -> Read[list[str]]:
    """The finding's Region and the partition's home first, then the others. A gap: there may be more than these."""
    finding = question.finding
    near = [home(aws.partition)] if finding.region == GLOBAL else [finding.region, home(aws.partition)]
    return of_account(gathering, aws, question, near)


def of_account(gathering: Gathering, aws: Aws, question: Question, near: list[str]) -> Read[list[str]]:
    """The Regions of the account that `aws` is in, these first."""
    entry = question.registry.accounts.get(aws.account)
    if entry is not None and entry.regions:
        return Read(list(dict.fromkeys([*near, *entry.regions])))
    try:
        answer: Any = gathering.call(aws.at(near[0]), REGIONS)
    except AwsError as error:
        return Read(list(dict.fromkeys(near)), error.code)
    enabled = sorted(str(one["RegionName"]) for one in answer.get("Regions", []))
    return Read(list(dict.fromkeys([*near, *enabled])))
