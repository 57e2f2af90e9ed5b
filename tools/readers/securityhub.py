"""A finding that Security Hub keeps, by the two keys that name one there."""

from agent.finding import Finding
from tools.aws import Aws, AwsCall, Phase
from tools.readers.answer import ABSENT, NO_IDENTIFIER, NO_READER, Reread, known, listed

GET = AwsCall(
    "securityhub", "GetFindings", permission="securityhub:GetFindings",
    resource="arn:{partition}:securityhub:{region}:{account}:hub/default", phases=frozenset({Phase.READ}),
)  # fmt: skip
CALLS = frozenset({GET})


def read(aws: Aws, finding: Finding) -> Reread:
    """ASFF. Findings of the newer Security Hub have another API, which is not read yet."""
    product, identity = finding.product_arn, finding.hub_id
    if product is None or identity is None:
        return NO_IDENTIFIER
    if ":productv2/" in product:
        return NO_READER
    filters = {
        "Id": [{"Value": identity, "Comparison": "EQUALS"}],
        "ProductArn": [{"Value": product, "Comparison": "EQUALS"}],
    }
    for page in aws.pages(GET, Filters=filters, MaxResults=100):
        for found in listed(page, "Findings"):
            if found.get("Id") == identity and found.get("ProductArn") == product:
                return known("aws.securityhub", "Security Hub Findings - Imported", {"findings": [found]})
    return ABSENT
