"""The CloudTrail record of a call, out of the event history."""

import json
import re
from datetime import timedelta

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import ABSENT, NO_IDENTIFIER, Reread, known, listed

LOOKUP = AwsCall(
    "cloudtrail", "LookupEvents", permission="cloudtrail:LookupEvents", resource="*", phases=frozenset({Phase.READ})
)
CALLS = frozenset({LOOKUP})
_LAGS = timedelta(minutes=15)
"""The event history may lack what is younger."""
_ID = re.compile(r"cloudtrail:\d{12}:[a-z0-9-]+:(?P<id>[0-9a-zA-Z-]{1,64})")


def read(aws: Aws, finding: Finding) -> Reread:
    """By its id. One that is not there yet is not absent."""
    named = _ID.fullmatch(finding.key)
    if named is None:
        return NO_IDENTIFIER
    answer = aws.need(LOOKUP, LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": named["id"]}])
    for found in listed(answer, "Events"):
        if found.get("EventId") == named["id"]:
            record = json.loads(str(found["CloudTrailEvent"]))
            return known("aws.cloudtrail", "AWS API Call via CloudTrail", record)
    young = finding.last_seen is None or finding.last_seen > aws.now() - _LAGS
    return Reread(outcome="not_yet", note="cloudtrail_lag") if young else ABSENT
