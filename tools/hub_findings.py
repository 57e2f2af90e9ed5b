"""One finding in Security Hub, in ASFF: its note and workflow status, read and written whole."""

from dataclasses import dataclass
from typing import Any, cast

from agent.note import OUR_NAME
from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Conflict, Gone, Rejected

_RETRIABLE = {"ConcurrentUpdateError", "InternalError", "InternalServerError"}
_WAITS = (1.0, 2.0, 4.0)
_SEVERE = {"HIGH", "CRITICAL"}


@dataclass(frozen=True)
class Said:
    """What stands on a finding, in words that both of Security Hub's APIs have."""

    text: str | None
    ours: bool
    """Whether the text says that we wrote it. Whoever may update the finding can write in our name."""
    others: bool
    """Whether somebody else's words are there, so that the finding is in their hands."""
    workflow: str
    """NEW, NOTIFIED, RESOLVED, SUPPRESSED, or a word that only the newer Security Hub has."""


@dataclass(frozen=True)
class AsffFinding:
    """A finding that GetFindings shows and BatchUpdateFindings changes."""

    aws: Aws
    get: AwsCall
    update: AwsCall
    finding_id: str
    product_arn: str
    blank: str | None = None
    """Our words that read as no note: a note can be replaced, and never taken away."""

    def read(self) -> dict[str, Any]:
        """The finding as it is. Raises Gone if there is none."""
        wanted = {"Id": self.finding_id, "ProductArn": self.product_arn}
        filters = {name: [{"Value": value, "Comparison": "EQUALS"}] for name, value in wanted.items()}
        for page in self.aws.pages(self.get, Filters=filters):
            for each in cast(list[dict[str, Any]], page["Findings"]):
                if each["Id"] == self.finding_id and each["ProductArn"] == self.product_arn:
                    return each
        raise Gone(self.get.name, "FindingNotFound")

    def state(self, finding: dict[str, Any]) -> JsonObject:
        """`{"note": null | {"text", "updated_by"}, "workflow": status}`."""
        note = finding.get("Note")
        held: JsonObject = {"text": str(note["Text"]), "updated_by": str(note["UpdatedBy"])} if note else {}
        is_none = not held or held == {"text": self.blank, "updated_by": OUR_NAME}
        return {"note": None if is_none else held, "workflow": str(finding.get("Workflow", {}).get("Status", "NEW"))}

    def said(self, state: JsonObject) -> Said:
        """What a state says."""
        note = cast(dict[str, str] | None, state["note"])
        ours = note is not None and note["updated_by"] == OUR_NAME
        text = None if note is None else note["text"]
        return Said(text, ours, others=note is not None and not ours, workflow=str(state["workflow"]))

    def saying(self, state: JsonObject, text: str | None, workflow: str | None) -> JsonObject:
        """The state with our text and that workflow status; what is None stays as it is."""
        return {
            "note": state["note"] if text is None else {"text": text, "updated_by": OUR_NAME},
            "workflow": workflow or state["workflow"],
        }

    def is_severe(self, finding: dict[str, Any]) -> bool:
        """By its product's own word: whoever may update findings can lower the other severity."""
        given = finding.get("FindingProviderFields", {}).get("Severity") or finding.get("Severity", {})
        return given.get("Label") in _SEVERE

    def write(self, before: JsonObject, after: JsonObject) -> None:
        """Only the fields that change. Raises Conflict, Gone or Rejected if the finding stays unprocessed."""
        fields: dict[str, Any] = {}
        if after["note"] != before["note"]:
            note = cast(dict[str, str], after["note"] or {"text": self.blank, "updated_by": OUR_NAME})
            fields["Note"] = {"Text": note["text"], "UpdatedBy": note["updated_by"]}
        if after["workflow"] != before["workflow"]:
            fields["Workflow"] = {"Status": after["workflow"]}
        named = [{"Id": self.finding_id, "ProductArn": self.product_arn}]
        processed(self.aws, self.update, "FindingNotFound", _RETRIABLE, FindingIdentifiers=named, **fields)


def processed(aws: Aws, update: AwsCall, gone: str, retriable: set[str], **asked: Any) -> None:
    """Update one finding. The answer 200 can still say that it was not processed: that is a failure."""
    code = ""
    for wait in (*_WAITS, None):
        answer = aws.need(update, **asked)
        unprocessed = cast(list[dict[str, Any]], answer.get("UnprocessedFindings", []))
        if not unprocessed:
            return
        code = str(unprocessed[0].get("ErrorCode", "Unknown"))
        if code == gone:
            raise Gone(update.name, code)
        if code not in retriable:
            raise Rejected(update.name, code)
        if wait is not None:
            aws.sleep(wait)
    raise Conflict(update.name, code)
