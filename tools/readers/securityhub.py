"""A finding that Security Hub keeps, by the keys that name one there, in ASFF or in OCSF."""

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase
from tools.hub_findings_v2 import KEPT, find
from tools.readers.answer import NO_IDENTIFIER, Reread, known, listed

_READ = frozenset({Phase.READ})
_HUB = "arn:{partition}:securityhub:{region}:{account}:hub"
# Both operations are one permission; the newer Security Hub is another resource.
GET = AwsCall("securityhub", "GetFindings", "securityhub:GetFindings", f"{_HUB}/default", _READ)
GET_V2 = AwsCall("securityhub", "GetFindingsV2", "securityhub:GetFindings", f"{_HUB}v2/*", _READ)
CALLS = frozenset({GET, GET_V2})
FORGOTTEN = Reread(
    outcome="absent",
    doubt="Security Hub loses its findings some time after it is disabled, and does not say afterwards that it was: if it was "
    "enabled again since, this may be true all the same. Look at what it names, or give `stanch run` the finding of the "
    "service that made it; what is sent anew is worked.",
)


def read(aws: Aws, finding: Finding) -> Reread:
    """The product's ARN says which of the two keeps it."""
    if finding.product_arn is None or finding.hub_id is None:
        return NO_IDENTIFIER
    read_one = _ocsf if KEPT in finding.product_arn else _asff
    return read_one(aws, finding, finding.product_arn, finding.hub_id)


def _asff(aws: Aws, finding: Finding, product: str, identity: str) -> Reread:
    filters = {
        "Id": [{"Value": identity, "Comparison": "EQUALS"}],
        "ProductArn": [{"Value": product, "Comparison": "EQUALS"}],
    }
    for page in aws.pages(GET, Filters=filters, MaxResults=100):
        for found in listed(page, "Findings"):
            if found.get("Id") == identity and found.get("ProductArn") == product:
                return known("aws.securityhub", "Security Hub Findings - Imported", {"findings": [found]})
    return FORGOTTEN


def _ocsf(aws: Aws, finding: Finding, product: str, identity: str) -> Reread:
    found = find(aws, GET_V2, finding.account, identity, product)
    return FORGOTTEN if found is None else known("aws.securityhub", "Findings Imported V2", {"findings": [found]})
