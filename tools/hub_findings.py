"""One finding in Security Hub: its note and workflow status, read and written whole."""

from typing import Any, cast

from agent.record import JsonObject
from tools.aws import Aws, AwsCall, Conflict, Gone, Rejected

_RETRIABLE = {"ConcurrentUpdateError", "InternalError", "InternalServerError"}
_WAITS = (1.0, 2.0, 4.0)


def found(aws: Aws, get: AwsCall, finding_id: str, product_arn: str) -> dict[str, Any]:
    """The finding as GetFindings shows it. Raises Gone if there is none."""
    wanted = {"Id": finding_id, "ProductArn": product_arn}
    filters = {name: [{"Value": value, "Comparison": "EQUALS"}] for name, value in wanted.items()}
    for page in aws.pages(get, Filters=filters):
        for each in cast(list[dict[str, Any]], page["Findings"]):
            if each["Id"] == finding_id and each["ProductArn"] == product_arn:
                return each
    raise Gone(get.name, "FindingNotFound")


def state(finding: dict[str, Any]) -> JsonObject:
    """`{"note": null | {"text", "updated_by"}, "workflow": status}`."""
    note = finding.get("Note")
    return {
        "note": {"text": str(note["Text"]), "updated_by": str(note["UpdatedBy"])} if note else None,
        "workflow": str(finding.get("Workflow", {}).get("Status", "NEW")),
    }


def write(aws: Aws, update: AwsCall, finding_id: str, product_arn: str, before: JsonObject, after: JsonObject) -> None:
    """Only the fields that change. The answer 200 can still say that the finding was not processed: that is a failure."""
    fields: dict[str, Any] = {}
    if after["note"] != before["note"]:
        note = cast(dict[str, str], after["note"])
        fields["Note"] = {"Text": note["text"], "UpdatedBy": note["updated_by"]}
    if after["workflow"] != before["workflow"]:
        fields["Workflow"] = {"Status": after["workflow"]}
    code = ""
    for wait in (*_WAITS, None):
        answer = aws.need(update, FindingIdentifiers=[{"Id": finding_id, "ProductArn": product_arn}], **fields)
        unprocessed = cast(list[dict[str, Any]], answer.get("UnprocessedFindings", []))
        if not unprocessed:
            return
        code = str(unprocessed[0].get("ErrorCode", "Unknown"))
        if code == "FindingNotFound":
            raise Gone(update.name, code)
        if code not in _RETRIABLE:
            raise Rejected(update.name, code)
        if wait is not None:
            aws.sleep(wait)
    raise Conflict(update.name, code)
