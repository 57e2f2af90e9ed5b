"""Tell Security Hub, on the finding itself, what was done: a note and the workflow status."""

from functools import partial
from typing import Any, Literal, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.note import OUR_NAME, merged
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Conflict, Gone, Phase, Rejected
from tools.transition import Read, read_back, step

SPEC = ActionSpec(
    id="securityhub_update_finding",
    target=TargetKind.OTHER,
    order=900,
    reversal=Reversal.FORWARD_ONLY,
    disruption=Disruption.NONE,
    summary="Write a note and the workflow status on the finding in Security Hub.",
    disrupts="Nobody: a person's note is kept.",
    offered=False,
)

_HUB = "arn:{partition}:securityhub:{region}:{account}:hub/default"
_TELL = frozenset({Phase.TELL})
GET = AwsCall("securityhub", "GetFindings", "securityhub:GetFindings", _HUB, _TELL)
UPDATE = AwsCall("securityhub", "BatchUpdateFindings", "securityhub:BatchUpdateFindings", _HUB, _TELL, writes=True)
CALLS = frozenset({GET, UPDATE})

_RETRIABLE = {"ConcurrentUpdateError", "InternalError", "InternalServerError"}
_WAITS = (1.0, 2.0, 4.0)


class Params(Record):
    """What is to be said about which finding."""

    finding_id: str
    product_arn: str
    workflow: Literal["NOTIFIED", "RESOLVED"] | None = None
    """None leaves the status as it is. SUPPRESSED is a person's decision, never ours."""
    note: str
    """Our words; `agent.note.merged` puts them beside a person's."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"note": null | {"text", "updated_by"}, "workflow": status}`, for the finding that `params` names."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.OTHER:
        return no(reason="wrong_kind")
    wanted = Params.model_validate(params)
    try:
        before = _read(aws, wanted)()
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    note = cast(dict[str, str] | None, before["note"])
    text = merged(note["text"] if note else None, wanted.note)
    after: JsonObject = {
        "note": before["note"] if text is None else {"text": text, "updated_by": OUR_NAME},
        "workflow": _workflow(str(before["workflow"]), note, wanted),
    }
    return Change(action=SPEC.id, target=target, params=wanted.model_dump(mode="json"), before=before, after=after)


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Write note and status, if both are still those before. Raises Conflict, Gone or Rejected if it stays unprocessed."""
    params = Params.model_validate(change.params)
    return step(
        aws, _read(aws, params), lambda: _update(aws, params, change), expected=change.before, wanted=change.after
    )


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: GetFindings shows what was written. Security Hub may take minutes; until then it is unverified."""
    params = Params.model_validate(change.params)
    return read_back(aws, _read(aws, params), change.after, "GetFindings reads our note and status, twice")


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Nothing: what was said was said. An undone containment is told by a new update."""
    return Executed(outcome="already", detail="told again, never taken back")


def _workflow(present: str, note: dict[str, str] | None, wanted: Params) -> str:
    """A person's SUPPRESSED stays; so does a RESOLVED, unless it was ours."""
    ours = note is not None and note["updated_by"] == OUR_NAME
    if wanted.workflow is None or present == "SUPPRESSED" or (present == "RESOLVED" and not ours):
        return present
    return wanted.workflow


def _identifier(params: Params) -> dict[str, str]:
    return {"Id": params.finding_id, "ProductArn": params.product_arn}


def _read(aws: Aws, params: Params) -> Read:
    def read() -> JsonObject:
        filters = {name: [{"Value": v, "Comparison": "EQUALS"}] for name, v in _identifier(params).items()}
        for page in aws.pages(GET, Filters=filters):
            for found in cast(list[dict[str, Any]], page["Findings"]):
                if found["Id"] == params.finding_id and found["ProductArn"] == params.product_arn:
                    return _state(found)
        raise Gone(GET.name, "FindingNotFound")

    return read


def _state(found: dict[str, Any]) -> JsonObject:
    note = found.get("Note")
    return {
        "note": {"text": str(note["Text"]), "updated_by": str(note["UpdatedBy"])} if note else None,
        "workflow": str(found.get("Workflow", {}).get("Status", "NEW")),
    }


def _update(aws: Aws, params: Params, change: Change) -> None:
    """Only the fields that change. The answer 200 can still say that the finding was not processed: that is a failure."""
    fields: dict[str, Any] = {}
    if change.after["note"] != change.before["note"]:
        note = cast(dict[str, str], change.after["note"])
        fields["Note"] = {"Text": note["text"], "UpdatedBy": note["updated_by"]}
    if change.after["workflow"] != change.before["workflow"]:
        fields["Workflow"] = {"Status": change.after["workflow"]}
    code = ""
    for wait in (*_WAITS, None):
        answer = aws.need(UPDATE, FindingIdentifiers=[_identifier(params)], **fields)
        unprocessed = cast(list[dict[str, Any]], answer.get("UnprocessedFindings", []))
        if not unprocessed:
            return
        code = str(unprocessed[0].get("ErrorCode", "Unknown"))
        if code == "FindingNotFound":
            raise Gone(UPDATE.name, code)
        if code not in _RETRIABLE:
            raise Rejected(UPDATE.name, code)
        if wait is not None:
            aws.sleep(wait)
    raise Conflict(UPDATE.name, code)
