"""An Access Analyzer finding, by its id, from whichever of the account's analyzers has it."""

import re
from typing import Any

from agent.finding import Finding
from agent.record import JsonObject
from agent.target import GLOBAL
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
_ANALYZER = "arn:{partition}:access-analyzer:{region}:{account}:analyzer/*"
ANALYZERS = AwsCall("accessanalyzer", "ListAnalyzers", "access-analyzer:ListAnalyzers", "*", _READ)
# IAM has one permission for both versions of the operation.
GET = AwsCall("accessanalyzer", "GetFindingV2", "access-analyzer:GetFinding", _ANALYZER, _READ)
CALLS = frozenset({ANALYZERS, GET})
_ID = re.compile(r"access-analyzer:\d{12}:(?P<id>[0-9a-zA-Z-]{1,64})", re.ASCII)


def read(aws: Aws, finding: Finding) -> Reread:
    """Neither event nor key says which analyzer it is.

    The organisation's analyzers are another account's: what none of our own has is therefore not absent.
    """
    named = _ID.fullmatch(finding.key)
    if named is None:
        return NO_IDENTIFIER
    for page in aws.pages(ANALYZERS):
        for analyzer in listed(page, "analyzers"):
            found = aws.call(
                GET, absent={"ResourceNotFoundException"}, analyzerArn=str(analyzer["arn"]), id=named["id"]
            )
            if found is not None and found.get("id") == named["id"]:
                return known("aws.access-analyzer", "Access Analyzer Finding", _detail(found, finding.region))
    return Reread(outcome="failed", note="no_analyzer_has_it")


def _detail(found: JsonObject, region: str) -> JsonObject:
    """As its event has it, which says at the top what the answer says of the outside access.

    The account is the one that the answer itself names. The Region is the one that was asked.
    """
    outside: list[Any] = [one.get("externalAccessDetails") or {} for one in listed(found, "findingDetails")]
    detail = {name: value for name, value in found.items() if name not in ("findingDetails", "ResponseMetadata")}
    detail["isPublic"] = any(one.get("isPublic") is True for one in outside)
    return detail if region == GLOBAL else detail | {"region": region}
