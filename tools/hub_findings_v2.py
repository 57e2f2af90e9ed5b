"""One finding in the newer Security Hub, in OCSF: its comment and status, read and written whole."""

from dataclasses import dataclass
from typing import Any, cast

from agent.closing import SEVERE
from agent.intake.node import Node
from agent.intake.severity import of_ocsf
from agent.note import begins_as_ours, theirs_in
from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Gone
from tools.hub_findings import Said, processed

KEPT = ":productv2/"
"""What the ARN of a product says whose findings the newer Security Hub keeps."""
_NOT_FOUND = "ResourceNotFoundException"
_RETRIABLE = {"ConflictException", "InternalServerException"}
_NEW, _IN_PROGRESS, _RESOLVED = 1, 2, 4
_WORKFLOW = {
    0: "NEW", _NEW: "NEW", _IN_PROGRESS: "NOTIFIED", 3: "SUPPRESSED", _RESOLVED: "RESOLVED", 5: "ARCHIVED", 6: "DELETED",
}  # fmt: skip
_STATUS = {"NOTIFIED": _IN_PROGRESS, "RESOLVED": _RESOLVED}
"""What we set. To be told is to be in progress; there is no word that is nearer."""


def word_of(status_id: int) -> str:
    """A status in the newer Security Hub's own word."""
    return "IN_PROGRESS" if status_id == _IN_PROGRESS else _WORKFLOW.get(status_id, "OTHER")


def find(aws: Aws, get: AwsCall, account: str, finding_id: str, product_arn: str) -> dict[str, Any] | None:
    """The finding as GetFindingsV2 shows it. Three fields name one; so does its `metadata.uid`, which ours do not keep."""
    wanted = {"cloud.account.uid": account, "finding_info.uid": finding_id, "metadata.product.uid": product_arn}
    texts = [{"FieldName": name, "Filter": {"Value": value, "Comparison": "EQUALS"}} for name, value in wanted.items()]
    filters = {"CompositeFilters": [{"StringFilters": texts, "Operator": "AND"}], "CompositeOperator": "AND"}
    for page in aws.pages(get, Filters=filters, MaxResults=100):
        for found in cast(list[dict[str, Any]], page.get("Findings") or []):
            if all(_at(found, name) == value for name, value in wanted.items()):
                return found
    return None


@dataclass(frozen=True)
class OcsfFinding:
    """A finding that GetFindingsV2 shows and BatchUpdateFindingsV2 changes."""

    aws: Aws
    get: AwsCall
    update: AwsCall
    account: str
    finding_id: str
    product_arn: str
    blank: str | None = None
    """Our words that read as no comment: a comment can be replaced, and never taken away."""

    def read(self) -> dict[str, Any]:
        """The finding as it is. Raises Gone if there is none."""
        found = find(self.aws, self.get, self.account, self.finding_id, self.product_arn)
        if found is None:
            raise Gone(self.get.name, _NOT_FOUND)
        return found

    def state(self, finding: dict[str, Any]) -> JsonObject:
        """`{"comment": null | text, "status_id": number}`."""
        comment, status = finding.get("comment"), finding.get("status_id")
        return {
            "comment": None if not comment or comment == self.blank else str(comment),
            "status_id": _NEW if status is None else int(status),
        }

    def said(self, state: JsonObject) -> Said:
        """What a state says. A comment has no author: whose it is say its own words, ours by their marks.

        A finding in progress without words of ours is in somebody else's hands.
        """
        text, status = cast(str | None, state["comment"]), cast(int, state["status_id"])
        ours = begins_as_ours(text or "")
        others = bool(theirs_in(text or "")) or (status == _IN_PROGRESS and not ours)
        return Said(text, ours, others, workflow=_WORKFLOW.get(status, "OTHER"))

    def saying(self, state: JsonObject, text: str | None, workflow: str | None) -> JsonObject:
        """The state with our text and that workflow status; what is None, or stands so, stays as it is."""
        same = workflow in (None, self.said(state).workflow)
        return {
            "comment": state["comment"] if text is None else text,
            "status_id": state["status_id"] if same else _STATUS[str(workflow)],
        }

    def is_severe(self, finding: dict[str, Any]) -> bool:
        """By its product's own word: whoever may update findings can lower the other severity."""
        return of_ocsf(Node(cast(JsonObject, finding), "finding")) >= SEVERE

    def write(self, before: JsonObject, after: JsonObject) -> None:
        """Only the fields that change. Raises Conflict, Gone or Rejected if the finding stays unprocessed."""
        fields: dict[str, Any] = {}
        if after["comment"] != before["comment"]:
            fields["Comment"] = after["comment"] or self.blank
        if after["status_id"] != before["status_id"]:
            fields["StatusId"] = after["status_id"]
        named = {
            "CloudAccountUid": self.account, "FindingInfoUid": self.finding_id, "MetadataProductUid": self.product_arn,
        }  # fmt: skip
        processed(self.aws, self.update, _NOT_FOUND, _RETRIABLE, FindingIdentifiers=[named], **fields)


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
