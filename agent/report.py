"""What we say: one document for people, Security Hub, the audit log and the eval."""

from enum import StrEnum
from typing import Literal, Self

from agent.finding import Finding
from agent.plan import Confidence, Disposition, Inapplicable, PlannedAction
from agent.receipt import MAY_STAND, Outcome, Receipt, Verification
from agent.record import Moment, Record
from agent.target import Target
from agent.verdict import Approval, Mode, Refused, Verdict

NOT_DONE = {"not_supported", "unverified_target", "read_failed"}
"""Why a wanted action is not in place although its target is there."""
IN_PLACE = {Outcome.DONE, Outcome.ALREADY}


class Status(StrEnum):
    """How a run stands. Of several, the first in this order is said."""

    REFUSED = "refused"
    SKIPPED = "skipped"
    FAILED = "failed"
    AWAITING_APPROVAL = "awaiting_approval"
    PARTIALLY_CONTAINED = "partially_contained"
    UNVERIFIED = "unverified"
    CONTAINED = "contained"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DENIED = "denied"
    ESCALATED = "escalated"
    PROPOSED = "proposed"
    NO_ACTION = "no_action"
    UNDONE = "undone"
    LAPSED = "lapsed"


_OPEN_ENDS = {
    Status.FAILED, Status.PARTIALLY_CONTAINED, Status.UNVERIFIED, Status.ESCALATED, Status.LAPSED,
}  # fmt: skip


class FindingSummary(Record):
    """The finding as the report shows it. Texts are somebody else's: whoever draws them escapes them."""

    key: str
    type: str
    origin: str
    situation: str
    severity: int
    account: str
    region: str
    title: str
    targets: list[Target]
    actors: list[str] = []
    named_resources: list[str] = []
    left_out: list[str] = []
    """What of it was not understood and left out, with its place."""

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The finding, without what only the case needs."""
        return cls(
            key=finding.key,
            type=finding.type,
            origin=finding.origin,
            situation=finding.situation,
            severity=finding.severity,
            account=finding.account,
            actors=finding.actors,
            region=finding.region,
            title=finding.title.text,
            targets=finding.targets,
            named_resources=finding.named_resources,
            left_out=finding.left_out,
        )


class SourceSummary(Record):
    """One evidence source, and what it came back with."""

    source: str
    standing: Literal["known", "absent", "not_yet", "failed"]
    facts: dict[str, bool | int | str | None]
    """Fact id to value; null where it is not known."""
    not_known: dict[str, str] = {}
    """Fact id to `absent`, `not_yet` or `failed`, with the reason."""
    calls: int
    pages: int = 0
    bytes_read: int = 0
    """What was read or scanned for it: a query over logs is charged by that."""
    note: str = ""
    chain: str = ""
    """The head of its chain in the case file; empty where no raw evidence is kept."""


class ReportedAction(Record):
    """One action from plan to undo."""

    planned: PlannedAction
    summary: str
    verdict: Verdict | None = None
    receipt: Receipt | None = None
    undo: str = ""
    """The command that takes it back, or why there is none."""
    undone: Receipt | None = None
    """What taking it back did, once somebody asked for it."""
    undo_verdict: Verdict | None = None
    refused: Refused | None = None
    """The no of a person in this run, where nobody approved it."""

    lapsed: Verification | None = None
    """What showed that it holds no more, once something did."""

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do about it: a person refused it, or it is in place and read back."""
        receipt = self.receipt
        if receipt is None:
            return self.refused is not None
        held = receipt.verification is not None and receipt.verification.holds
        return held and receipt.outcome in IN_PLACE and self.undone is None

    @property
    def in_place(self) -> bool:
        """Whether what it did was neither taken back nor found gone."""
        return not self.gone

    @property
    def stands(self) -> bool:
        """Whether it put, or may have put, something in place that is still there as far as is known."""
        return self.receipt is not None and self.receipt.outcome in MAY_STAND and self.in_place

    @property
    def gone(self) -> str:
        """Why it stands no more, after its name; empty if it does."""
        outcome = self.undone.outcome if self.undone is not None else None
        if outcome is Outcome.UNDONE:
            return "was taken back"
        return "was let go" if outcome is Outcome.LET_GO else "holds no more" if self.lapsed else ""


class Told(Record):
    """What Security Hub was told, and whether it took it."""

    outcome: Outcome | Literal["not_kept_there", "not_allowed", "not_needed"]
    workflow: str = ""
    detail: str = ""

    @property
    def words(self) -> str:
        """The same as a sentence for people."""
        said = {
            "not_kept_there": "nothing was told there",
            "not_allowed": "policy lets nothing be told there",
            "not_needed": "says so already",
            Outcome.DONE: "told",
        }.get(self.outcome, f"telling it: {self.outcome}")
        return (
            said
            + (f", workflow {self.workflow}" if self.workflow else "")
            + (f": {self.detail}" if self.detail else "")
        )


class Report(Record):
    """The whole of one run."""

    run_id: str
    status: Status
    reason: str
    waits_for: str = ""
    mode: Mode
    sandbox: bool
    event_digest: str
    asked_by: str = ""
    """Who had the finding worked again on purpose, on a command line."""
    finding: FindingSummary | None = None
    evidence: list[SourceSummary] = []
    disposition: Disposition | None = None
    confidence: Confidence | None = None
    rationale: str = ""
    cites: list[str] = []
    playbook_disposition: Disposition | None = None
    answered_by: str = ""
    fallback_reason: str | None = None
    actions: list[ReportedAction] = []
    dropped: list[Inapplicable] = []
    unconfirmed: dict[str, Literal["gone", "foreign", "another", "failed"]] = {}
    """Targets that a live read did not confirm, by `Target.key`: not there any more, somebody else's, another user of the
    same name, or not to be read."""
    approvals: list[Approval] = []
    leaves_open: list[str] = []
    """What an attacker may still do, as far as what stands now leaves it open."""
    made_for_others: list[Target] = []
    """Credentials that the contained made for other users, as far as the evidence shows."""
    related: list[str] = []
    """Earlier runs of the same case: findings about the same principal or resource, a short time before this one."""
    told: Told | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    calls: dict[str, dict[str, int]] = {}
    """AWS calls by phase and operation."""
    started_at: Moment
    ended_at: Moment

    @property
    def needs_somebody(self) -> bool:
        """Whether it ended so that a person has to look, and nobody was asked."""
        true = Disposition.TRUE_POSITIVE in (self.disposition, self.playbook_disposition)
        open_ = self.status in _OPEN_ENDS and not self.left_by_choice
        return open_ or (self.status is Status.DENIED and true)

    @property
    def left_by_choice(self) -> bool:
        """Whether it is contained in part because a person wanted it so: all that nobody refused is in place, and read back."""
        short = any(one.reason in NOT_DONE for one in self.dropped)
        chosen = any(action.refused is not None for action in self.actions)
        partly = self.status is Status.PARTIALLY_CONTAINED
        return partly and chosen and not short and all(action.settled for action in self.actions)


def answered_by_playbook(report: Report) -> bool:
    """Whether the words of the rationale are the playbook's own, whatever wire they came over."""
    return report.answered_by.startswith("playbook")


def proposed_by(planned: PlannedAction, answered_by: str) -> str:
    """Who wanted it. Where the playbook answered for a model, nobody was independent of it."""
    if planned.proposed_by_model and planned.proposed_by_playbook:
        ours = answered_by.startswith("playbook")
        return "the playbook, in both answers" if ours else "model and playbook, independently"
    if planned.again:
        return f"{'the playbook' if planned.proposed_by_playbook else 'a model'}, before: it was in place when this was planned"
    return "model only" if planned.proposed_by_model else "playbook only" if planned.proposed_by_playbook else "nobody"
