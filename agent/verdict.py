"""Whether we may: the facts that policy sees, what it said, and the approvals that answer it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, field_validator

from agent.plan import PlannedAction, digest_of
from agent.record import Moment, Record


class Mode(StrEnum):
    """What the operator lets the service do. A fact for policy, not a branch in code."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class Known(StrEnum):
    """A fact that may not be known: what its absence means stands beside it in the policy."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Facts(Record):
    """All that policy sees of one action. Computed by code, logged whole; never a word of model prose."""

    action: str
    target_kind: str
    target_key: str
    direction: Literal["do", "undo"] = "do"
    mode: Mode
    sandbox: bool
    """Whether AWS here is the embedded one."""
    now: Moment
    severity: Annotated[int, Field(ge=0, le=100)]
    confidence: Annotated[int, Field(ge=0, le=2)]
    disposition: str
    model_proposed: bool
    playbook_proposed: bool
    reversal: str
    disruption: Annotated[int, Field(ge=0, le=3)]
    sample: bool
    target_verified: bool
    target_in_slots: bool
    overflow: bool
    """More targets than slots: somebody should look at the rest. Asks."""
    evidence_failed: bool
    """A source that this situation needs failed. Asks."""
    evidence_not_yet: bool
    """A source that this situation needs is not complete yet. Asks."""
    environment: Literal["prod", "staging", "dev", "sandbox", "unknown"]
    """From the registry or the organisation, never from the resource's own tags. Unknown asks."""
    account_role: Literal["workload", "management", "log_archive", "tooling", "unknown"]
    """Anything but `workload` denies."""
    protected: Known
    """In the registry of things that must not be touched. Yes denies, unknown denies."""
    protecting_tag: bool
    """A tag on the resource, or a near miss of one, asks to be left alone. Asks."""
    break_glass: Known
    """An identity that must always work. Yes denies, unknown denies."""
    own_part: bool
    """A part of this service. Denies."""
    audit_store: Known
    """A bucket that an audit trail is delivered to. Yes denies, unknown asks."""
    intended_public: Known
    """A bucket that serves a website or is public on purpose. Yes asks, unknown asks."""
    known_automation: Known
    """The principal is a pipeline or a service of ours: others stop with it. Yes asks."""
    outside_readers: Known
    """Accounts outside read the bucket by a policy that is public: the block cuts them too. Yes asks, unknown asks."""
    shared_host: Known
    """The instance carries others: a cluster node, a NAT, a firewall, a name server. Yes asks, unknown asks."""
    address_version: Literal[0, 4, 6]
    """0 for what is no address."""
    prefix_length: Annotated[int, Field(ge=0, le=128)]
    """How many bits of the address are fixed. Too few deny."""
    address_reserved: bool
    """Private, loopback, link-local, multicast, shared or reserved. Denies."""
    address_own: Known
    """Overlaps an address of ours, in either direction. Yes denies, unknown denies."""
    never_block: bool
    """Overlaps, in either direction, a network that the registry trusts or never blocks. Denies."""
    address_proxied: Known
    """A proxy or a CDN: others sit behind it. Yes asks, unknown asks."""
    undone_before: bool
    """A person took back what an earlier run of this incident did, and nobody has approved it again since. Asks."""
    refused_before: Known
    """A person refused this action on this target, or all that was asked about this finding, and nobody has approved it
    again since. Yes asks, unknown asks."""
    predecessor_failed: bool
    """What must come before this was tried or wanted, and is not in place. Asks."""
    expired: bool
    """The time for which this was put in place is over, and no run needs it any more. Lets an undo go unattended."""
    approvers: list[str] = []
    """Distinct people whose valid, unexpired, unconsumed approval covers exactly this action."""
    approver_roles: list[str] = []


class Need(Record):
    """One minimal set of approvals that policy would accept."""

    count: int
    roles: list[str] = []


class Ruling(StrEnum):
    """The three outcomes."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Refused(Record):
    """A person's no: to one action on one target, or to all that a run asked."""

    action: str = ""
    """Empty: all that the run asked."""
    target: str
    """The target's key; of all that a run asked, the finding's."""
    run_id: str
    by: str
    reason: str = ""
    """In their own words: whoever draws them escapes them."""
    at: Moment

    @property
    def key(self) -> str:
        """What the no is to, whoever says it and when."""
        return refused_key(self.action, self.target)

    @property
    def words(self) -> str:
        """The same for people. It holds their own words."""
        what = "this" if self.action else "all that was asked about this finding"
        return f"{self.by} refused {what} on {self.at:%Y-%m-%d} in {self.run_id}: {self.reason or 'no reason given'}"


def refused_key(action: str, target: str) -> str:
    """The key of a no to that action on that target."""
    return digest_of({"action": action, "target": target})[:32]


class Verdict(Record):
    """What policy said of one action, and the whole of what it saw."""

    action_id: str
    ruling: Ruling
    policies: list[str] = []
    """Ids of the policies that decided. Of an Ask that no policy makes, those that would permit it once approved."""
    why: list[str] = []
    """Their own words, one line each; of an Ask last, why nothing permits it without a person."""
    asked_by: list[str] = []
    """For Ask: the policies that ask, then the facts that keep it from running without a person: `mode approve`."""
    needs: list[Need] = []
    """For Ask: every minimal set of approvals that would turn it into Allow."""
    mattered: list[str] = []
    """Names of the facts that those policies read."""
    shadow: list[str] = []
    """Ids of shadow policies that would have decided otherwise."""
    errors: list[str] = []
    refused: Refused | None = None
    """The person's no that `refused_before` tells of."""
    otherwise: dict[str, Ruling] = {}
    """In `observe`: what the other modes would have said, from the same facts."""
    otherwise_by: dict[str, list[str]] = {}
    """In `observe`: by what, in each of them: as `policies`, or for an Ask as `asked_by`."""
    facts: Facts

    @field_validator("facts", mode="before")
    @classmethod
    def _older(cls, stored: object) -> object:
        """A stored verdict may be older than these facts: then it asks."""
        if not isinstance(stored, dict):
            return stored
        return {"predecessor_failed": True, "refused_before": Known.UNKNOWN, **stored}


class Request(Record):
    """What a person is asked: the exact actions, bound by a digest."""

    run_id: str
    digest: str
    actions: list[PlannedAction]
    needs: list[Need]
    """What satisfies every action at once, for whoever is asked."""
    needs_of: dict[str, list[Need]] = {}
    """What satisfies each action by itself."""
    created_at: Moment
    expires_at: Moment


class Approval(Record):
    """One person's answer to one request."""

    run_id: str
    digest: str
    """Of exactly the request that was answered."""
    decision: Literal["approve", "reject"]
    action_ids: list[str]
    """The actions that are approved: all that were asked, or fewer."""
    by: str
    role: str = ""
    """The roles that the registry gave this person then, joined by `, `."""
    reason: str = ""
    at: Moment
    expires_at: Moment
    nonce: str
    signature: str = ""
    """HMAC over all other fields with the approval key. Empty counts in the sandbox only."""

    def signed_text(self) -> str:
        """What the signature covers."""
        return digest_of(self.model_dump(mode="json", exclude={"signature"}))


def plan_digest(run_id: str, actions: list[PlannedAction]) -> str:
    """The digest an approval is bound to: run, actions, parameters, targets and the state before."""
    return digest_of(
        {
            "run": run_id,
            "actions": [
                action.model_dump(mode="json", include={"id": True, "slot": True})
                | {
                    "change": action.change.model_dump(
                        mode="json", include={"action", "target", "params", "before", "after"}
                    )
                }
                for action in actions
            ],
        }
    )
