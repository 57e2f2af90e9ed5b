"""Tell Security Hub, on the finding itself, what was done: a note and the workflow status."""

from functools import partial
from typing import Literal

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.note import merged
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, Gone, Phase
from tools.hub_findings import Said
from tools.transition import read_back, step
from tools.two_hubs import HubFinding, hub_calls, kept

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

_HUBS = hub_calls(reads={Phase.TELL}, writes={Phase.TELL})
CALLS = _HUBS.all


class Params(Record):
    """What is to be said about which finding."""

    finding_id: str
    product_arn: str
    workflow: Literal["NOTIFIED", "RESOLVED"] | None = None
    """None leaves the status as it is. SUPPRESSED is a person's decision, never ours."""
    note: str
    """Our words; `agent.note.merged` puts them beside a person's."""


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: note and workflow status of the finding that `params` names; for the newer Security Hub comment and status."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.OTHER:
        return no(reason="wrong_kind")
    wanted = Params.model_validate(params)
    finding = _finding(aws, target, wanted)
    try:
        before = finding.state(finding.read())
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    said = finding.said(before)
    after = finding.saying(before, merged(said.text, wanted.note), _workflow(said, wanted))
    return Change(action=SPEC.id, target=target, params=wanted.model_dump(mode="json"), before=before, after=after)


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Write note and status, if both are still those before. Raises Conflict, Gone or Rejected if it stays unprocessed."""
    finding = _finding(aws, change.target, Params.model_validate(change.params))
    write = partial(finding.write, change.before, change.after)
    return step(aws, lambda: finding.state(finding.read()), write, expected=change.before, wanted=change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: reading again shows what was written. Security Hub may take minutes; until then it is unverified."""
    finding = _finding(aws, change.target, Params.model_validate(change.params))
    said = "Security Hub reads our note and status, twice"
    return read_back(aws, lambda: finding.state(finding.read()), change.after, said)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Nothing: what was said was said. An undone containment is told by a new update."""
    return Executed(outcome="already", detail="told again, never taken back")


def _workflow(said: Said, wanted: Params) -> str | None:
    """A person's SUPPRESSED stays, and whatever else is neither new nor told; so does a RESOLVED, unless it was ours."""
    free = said.workflow in ("NEW", "NOTIFIED") or (said.workflow == "RESOLVED" and said.ours)
    return wanted.workflow if free else None


def _finding(aws: Aws, target: Target, params: Params) -> HubFinding:
    return kept(aws, _HUBS, target.account, params.finding_id, params.product_arn)
