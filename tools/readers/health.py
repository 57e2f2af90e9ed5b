"""An AWS Health event and what it affects, where the account has a support plan with the Health API."""

import re
from typing import Any

from agent.finding import Finding
from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Phase
from tools.gathering import home
from tools.readers.answer import NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
_EVENT = "arn:{partition}:health:*::event/*"
DETAILS = AwsCall("health", "DescribeEventDetails", "health:DescribeEventDetails", _EVENT, _READ)
ENTITIES = AwsCall("health", "DescribeAffectedEntities", "health:DescribeAffectedEntities", _EVENT, _READ)
CALLS = frozenset({DETAILS, ENTITIES})
_ARN = re.compile(r"arn:aws[a-z-]*:health:[a-z0-9-]*::event/[\w/-]{1,800}", re.ASCII)


def read(aws: Aws, finding: Finding) -> Reread:
    """By its ARN, at the one place where Health answers. Without the support plan that is SubscriptionRequiredException.

    Never absent: of what it cannot give, Health says an error's name and no more.
    """
    arn = finding.key.removesuffix(f":{finding.account}")
    if not _ARN.fullmatch(arn):
        return NO_IDENTIFIER
    aws = aws.at(home(aws.partition))
    answer = aws.need(DETAILS, eventArns=[arn])
    for found in listed(answer, "successfulSet"):
        if (found.get("event") or {}).get("arn") == arn:
            return known("aws.health", "AWS Health Event", _detail(found, finding, _affected(aws, arn)))
    failed: JsonObject = next((one for one in listed(answer, "failedSet") if one.get("eventArn") == arn), {})
    return Reread(outcome="failed", note=str(failed.get("errorName") or "no_answer_for_it")[:64])


def _affected(aws: Aws, arn: str) -> list[Any]:
    pages = aws.pages(ENTITIES, filter={"eventArns": [arn]})
    return [{"entityValue": one.get("entityValue")} for page in pages for one in listed(page, "entities")]


def _detail(found: Any, finding: Finding, affected: list[Any]) -> JsonObject:
    """As its event has it. Whom it affects is who was asked: an ARN is not unique to an account.

    Of a service without Regions the answer says `global`, where its event says one.
    """
    event, described = found["event"], found.get("eventDescription") or {}
    region = finding.region if event.get("region") in (None, "global") else event["region"]
    same = ("service", "eventTypeCode", "eventTypeCategory", "startTime", "endTime", "lastUpdatedTime", "statusCode")
    return {
        **{name: event[name] for name in same if event.get(name) is not None},
        "eventArn": event["arn"],
        "eventRegion": region,
        "eventDescription": [{"latestDescription": described.get("latestDescription")}],
        "affectedAccount": finding.account,
        "affectedEntities": affected,
    }
