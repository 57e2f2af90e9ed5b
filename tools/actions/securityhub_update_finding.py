"""Tell Security Hub, on the finding itself, what was done: a note and the workflow status."""

from functools import partial
from typing import Literal, cast

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.note import OUR_NAME, merged
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, AwsCall, Gone, Phase
from tools.hub_findings import found, state, write
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


def _read(aws: Aws, params: Params) -> Read:
    return lambda: state(found(aws, GET, params.finding_id, params.product_arn))


def _update(aws: Aws, params: Params, change: Change) -> None:
    write(aws, UPDATE, params.finding_id, params.product_arn, change.before, change.after)
