"""Macie's own finding, by its id."""

import re

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
GET = AwsCall("macie2", "GetFindings", permission="macie2:GetFindings", resource="*", phases=_READ)
CALLS = frozenset({GET})
FORGOTTEN = Reread(
    outcome="absent",
    doubt="Macie deletes its findings when it is disabled, and does not say afterwards that it was: if it was enabled again "
    "since, this may be true all the same. Look at what it names; what Macie finds anew is worked.",
)
_ID = re.compile(r"macie:\d{12}:[a-z0-9-]+:(?P<id>[0-9a-zA-Z-]{1,64})")


def read(aws: Aws, finding: Finding) -> Reread:
    """GetFindings leaves out ids that it does not know."""
    named = _ID.fullmatch(finding.key)
    if named is None:
        return NO_IDENTIFIER
    for found in listed(aws.need(GET, findingIds=[named["id"]]), "findings"):
        if found.get("id") == named["id"]:
            return known("aws.macie", "Macie Finding", found)
    return FORGOTTEN
