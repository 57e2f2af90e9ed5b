"""Close a finding that evidence shows benign: RESOLVED in Security Hub, with a note that says why and how to reopen it."""

from functools import partial
from typing import Any, cast

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
    id="securityhub_close_finding",
    target=TargetKind.OTHER,
    order=800,
    reversal=Reversal.EXACT,
    disruption=Disruption.NONE,
    summary="Close the finding in Security Hub as benign, with a note that says why.",
    disrupts="Nobody: nothing that runs is touched. Whoever looks at open findings sees one less.",
    offered=False,
    closes=True,
)

_HUB = "arn:{partition}:securityhub:{region}:{account}:hub/default"
GET = AwsCall(
    "securityhub",
    "GetFindings",
    "securityhub:GetFindings",
    _HUB,
    frozenset({Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO}),
)
UPDATE = AwsCall(
    "securityhub",
    "BatchUpdateFindings",
    "securityhub:BatchUpdateFindings",
    _HUB,
    frozenset({Phase.EXECUTE, Phase.UNDO}),
    writes=True,
)
CALLS = frozenset({GET, UPDATE})

_SETTLED = {"RESOLVED", "SUPPRESSED"}
_SEVERE = {"HIGH", "CRITICAL"}
REOPENED = merged(None, "Open again: what closed it was taken back.")
"""What stands where there was no note before: Security Hub replaces a note, and never takes one away. It reads as none."""


class Params(Record):
    """Which finding, and what is said on it."""

    finding_id: str
    product_arn: str
    note: str


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: `{"note": null | {"text", "updated_by"}, "workflow": status}`. What a person holds is left to them."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.OTHER:
        return no(reason="wrong_kind")
    wanted = Params.model_validate(params)
    try:
        finding = found(aws, GET, wanted.finding_id, wanted.product_arn)
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    before = _state(finding)
    note = cast(dict[str, str] | None, before["note"])
    after: JsonObject = {
        "note": {"text": str(merged(None, wanted.note)), "updated_by": OUR_NAME},
        "workflow": "RESOLVED",
    }
    change = Change(action=SPEC.id, target=target, params=wanted.model_dump(mode="json"), before=before, after=after)
    if not change.needed:
        return change
    if before["workflow"] in _SETTLED:
        return no(reason="already_so", detail=f"its workflow status is {before['workflow']}")
    if note is not None and note["updated_by"] != OUR_NAME:
        return no(reason="not_supported", detail="somebody else's note is on it, so it is theirs to close")
    if _severe(finding):
        return no(reason="not_supported", detail="its product gives it a high severity in Security Hub")
    return change


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Write note and status, if both are still those before. Raises Conflict, Gone or Rejected if it stays unprocessed."""
    return step(
        aws,
        _read(aws, change),
        partial(_write, aws, change, change.before, change.after),
        expected=change.before,
        wanted=change.after,
    )


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: GetFindings shows what was written. Security Hub may take minutes; until then it is unverified."""
    return read_back(
        aws, _read(aws, change), change.after, "GetFindings reads the finding closed, with our note, twice"
    )


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Give back status and note. Where there was no note, one says that it is open again."""
    return step(
        aws,
        _read(aws, change),
        partial(_write, aws, change, change.after, change.before),
        expected=change.after,
        wanted=change.before,
    )


def _write(aws: Aws, change: Change, present: JsonObject, wanted: JsonObject) -> None:
    params = Params.model_validate(change.params)
    note: JsonObject = {"text": str(REOPENED), "updated_by": OUR_NAME}
    fields: JsonObject = {"note": wanted["note"] or note, "workflow": wanted["workflow"]}
    write(aws, UPDATE, params.finding_id, params.product_arn, present, fields)


def _read(aws: Aws, change: Change) -> Read:
    params = Params.model_validate(change.params)
    return lambda: _state(found(aws, GET, params.finding_id, params.product_arn))


def _state(finding: dict[str, Any]) -> JsonObject:
    """Note and status; a note that only says that it is open again is none."""
    seen = state(finding)
    return seen | {"note": None} if seen["note"] == {"text": REOPENED, "updated_by": OUR_NAME} else seen


def _severe(finding: dict[str, Any]) -> bool:
    """By its product's own word: whoever may update findings can lower the other severity."""
    given = finding.get("FindingProviderFields", {}).get("Severity") or finding.get("Severity", {})
    return given.get("Label") in _SEVERE
