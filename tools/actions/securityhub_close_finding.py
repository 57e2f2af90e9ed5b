"""Close a finding that evidence shows benign: RESOLVED in Security Hub, with a note that says why and how to reopen it."""

from functools import partial

from agent.catalogue import ActionSpec, Disruption, Reversal
from agent.note import REOPENED, merged
from agent.plan import Change, Inapplicable
from agent.receipt import Drifted, Executed, Verification
from agent.record import JsonObject, Record
from agent.target import Target, TargetKind
from tools.aws import Aws, Gone, Phase
from tools.transition import read_back, step
from tools.two_hubs import HubFinding, hub_calls, kept

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

_HUBS = hub_calls(
    reads={Phase.PLAN, Phase.EXECUTE, Phase.VERIFY, Phase.UNDO},
    writes={Phase.EXECUTE, Phase.UNDO},
)
CALLS = _HUBS.all

_OPEN = {"NEW", "NOTIFIED"}


class Params(Record):
    """Which finding, and what is said on it."""

    finding_id: str
    product_arn: str
    note: str


def plan(aws: Aws, target: Target, params: JsonObject, run_id: str) -> Change | Inapplicable:
    """Before and after: note and workflow status; for the newer Security Hub comment and status. What a person holds is left to them."""
    no = partial(Inapplicable, action=SPEC.id, target=target)
    if target.kind is not TargetKind.OTHER:
        return no(reason="wrong_kind")
    wanted = Params.model_validate(params)
    finding = _finding(aws, target, wanted)
    try:
        found = finding.read()
    except Gone as gone:
        return no(reason="gone", detail=f"{gone.call}: {gone.code}")
    before = finding.state(found)
    said = finding.said(before)
    after = finding.saying(before, str(merged(None, wanted.note)), "RESOLVED")
    change = Change(action=SPEC.id, target=target, params=wanted.model_dump(mode="json"), before=before, after=after)
    if not change.needed:
        return change
    if said.workflow not in _OPEN:
        return no(reason="already_so", detail=f"its workflow status is {said.workflow}")
    if said.others:
        return no(reason="not_supported", detail="somebody else's note or status is on it, so it is theirs to close")
    if finding.is_severe(found):
        return no(reason="not_supported", detail="its product gives it a high severity in Security Hub")
    return change


def execute(aws: Aws, change: Change) -> Executed | Drifted:
    """Write note and status, if both are still those before. Raises Conflict, Gone or Rejected if it stays unprocessed."""
    return _step(aws, change, change.before, change.after)


def verify(aws: Aws, change: Change) -> Verification:
    """By configuration: reading again shows what was written. Security Hub may take minutes; until then it is unverified."""
    finding = _finding(aws, change.target, Params.model_validate(change.params))
    said = "Security Hub reads the finding closed, with our note, twice"
    return read_back(aws, lambda: finding.state(finding.read()), change.after, said)


def undo(aws: Aws, change: Change) -> Executed | Drifted:
    """Give back status and note. Where there was no note, one says that it is open again."""
    return _step(aws, change, change.after, change.before)


def _step(aws: Aws, change: Change, present: JsonObject, wanted: JsonObject) -> Executed | Drifted:
    finding = _finding(aws, change.target, Params.model_validate(change.params))
    write = partial(finding.write, present, wanted)
    return step(aws, lambda: finding.state(finding.read()), write, expected=present, wanted=wanted)


def _finding(aws: Aws, target: Target, params: Params) -> HubFinding:
    return kept(aws, _HUBS, target.account, params.finding_id, params.product_arn, REOPENED)
