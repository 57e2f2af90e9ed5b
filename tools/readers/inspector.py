"""Inspector's own finding, by its ARN."""

import re

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import ABSENT, NO_IDENTIFIER, Reread, known, listed

LIST = AwsCall(
    "inspector2", "ListFindings", permission="inspector2:ListFindings", resource="*", phases=frozenset({Phase.READ})
)
CALLS = frozenset({LIST})
_ARN = re.compile(
    r"arn:aws[a-z-]*:inspector2:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):finding/[0-9a-zA-Z]{1,64}", re.ASCII
)


def read(aws: Aws, finding: Finding) -> Reread:
    """Closed findings answer too, until Inspector deletes them."""
    named = _ARN.fullmatch(finding.key)
    if named is None or named["account"] != finding.account:
        return NO_IDENTIFIER
    wanted = {"findingArn": [{"comparison": "EQUALS", "value": finding.key}]}
    for page in aws.at(named["region"]).pages(LIST, filterCriteria=wanted):
        for found in listed(page, "findings"):
            if found.get("findingArn") == finding.key:
                return known("aws.inspector2", "Inspector2 Finding", found)
    return ABSENT
