"""AWS Health: exposed credentials, abuse reports, and operational notices."""

import re

from agent.finding import Finding, Lifecycle, Origin, Situation
from agent.intake import situations
from agent.intake.naming import Naming
from agent.intake.node import Node
from agent.intake.place import Arn, Place, account_of, partition_of, region_of
from agent.target import TargetKind

_SEVERITIES = {Situation.CREDENTIAL_ABUSE: 90, Situation.INSTANCE_COMPROMISE: 70}
"""Health states no severity: exposed credentials count as critical, abuse as high, the rest as low."""
_QUARANTINE = "AWS_RISK_IAM_QUARANTINE"
"""Notices whose entities are users, by name."""
_TYPES = {("ec2", "instance"): "AwsEc2Instance", ("iam", "user"): "AwsIamUser"}


def parse(event: Node) -> Finding:
    """One event about one account. Raises Unfit where it is none."""
    code, event_arn = event.at("eventTypeCode").needed(256), event.at("eventArn").needed(900)
    arn = Arn.parse(event_arn)
    place = Place(
        account=account_of(event.at("affectedAccount"), arn),
        region=region_of(event.at("eventRegion"), arn),
        partition=partition_of(arn),
    )
    situation = situations.situation(situations.HEALTH, code) or Situation.OPERATIONS
    naming = Naming(place)
    for entity in event.at("affectedEntities").elements():
        _name(naming, code, entity.at("entityValue").text)
    described = next(event.at("eventDescription").items(), event)
    return naming.finding(
        # The ARN of an event is not unique to an account.
        key=f"{event_arn}:{place.account}",
        version=naming.version(event.at("lastUpdatedTime"), event.at("startTime")),
        origin=Origin.HEALTH,
        type=code,
        situation=situation,
        severity=_SEVERITIES.get(situation, 20),
        title=code,
        description=described.at("latestDescription").text,
        seen=(naming.moment(event.at("startTime")), naming.moment(event.at("lastUpdatedTime"))),
        lifecycle=Lifecycle(workflow="resolved" if event.at("statusCode").text == "closed" else "new"),
    )


def _name(naming: Naming, code: str, text: str | None) -> None:
    """Entities carry no type: only ids that say what they are become targets, and the user whom AWS quarantined."""
    arn = Arn.parse(text)
    kind = _arn_type(arn) if arn else None
    if text and kind:
        naming.add_resource(kind, [text])
    elif text and re.fullmatch(r"AKIA[A-Z0-9]{12,28}", text):
        naming.add(TargetKind.ACCESS_KEY, text)
    elif text and re.fullmatch(r"i-[0-9a-f]{8,17}", text):
        naming.add(TargetKind.INSTANCE, text)
    elif text and not arn and code.startswith(_QUARANTINE):
        naming.add_resource("AwsIamUser", [text], typed=True)
    else:
        naming.name(text)


def _arn_type(arn: Arn) -> str | None:
    if arn.service == "s3" and "/" not in arn.resource:
        return "AwsS3Bucket"
    return _TYPES.get((arn.service, arn.resource.partition("/")[0]))
