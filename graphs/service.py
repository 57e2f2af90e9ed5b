"""What a run is given: the ports and settings that bootstrap builds once per process."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from agent.casefile import Looked
from agent.catalogue import Catalogue
from agent.plan import Answer, Case
from agent.policy import Policies
from agent.record import JsonObject, Record
from agent.report import Report
from agent.target import GLOBAL
from agent.verdict import Approval, Mode, Request
from tools.archive import Archive, Nowhere
from tools.aws import Aws, AwsCall, Clients, Phase, Tally
from tools.gathering import home
from tools.ledger import Card, Ledger
from tools.registry import Registry


class Asked(Record):
    """A model's answer within the schema, and what it cost."""

    answer: Answer
    answered_by: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


class NotAnswered(Record):
    """Why there is no usable answer: the playbook answers instead."""

    reason: str


class Model(Protocol):
    """Port: whoever judges a case."""

    def ask(self, case: Case) -> Asked | NotAnswered:
        """Judge the case. Never raises for what a model or its service may do wrong."""
        ...


class Settings(Record):
    """What the operator chose."""

    mode: Mode = Mode.OBSERVE
    sandbox: bool = False
    minimum_severity: int = 0
    samples_are_real: bool = False
    approval_minutes: int = 60
    posture_hours: int = 72
    """How long a request about posture waits for an answer, where people are told of it on a card."""
    cards_an_hour: int = 10
    """Of how many cards people are told within an hour, threats counted first."""
    case_minutes: int = 60
    """Runs about one principal or resource that are opened within so long are one case. 0: each is alone."""
    custom_action: str = ""
    """Our own custom action in Security Hub, by ARN. Empty: there is none."""
    block_hours: int = 24
    """How long a time-boxed action stays in place."""
    max_concurrency: int = 8
    hand_over: bool = False
    """Whether a run stops before its first write, for another function to go on with."""


@dataclass(frozen=True)
class Service:
    """Everything that nodes need, typed."""

    clients: Clients
    partition: str
    ledger: Ledger
    model: Model
    policies: Policies
    registry: Registry
    catalogue: Catalogue
    clock: Callable[[], datetime]
    nonce: Callable[[], str]
    approval_key: bytes
    settings: Settings = field(default_factory=Settings)
    archive: Archive = field(default_factory=Nowhere)
    since: Callable[[], datetime | None] = lambda: None
    """Findings that come by themselves are worked if they were seen from then on. None: all are."""
    tell_card: Callable[[Card, int], bool] | None = None
    """Tells people of a card about posture and how many more wait, and says whether it could. None: nobody is told."""
    tell_notice: Callable[[str, str], bool] | None = None
    """Tells people what asks nothing, by subject and text, and says whether it could. None: nobody is told."""
    tell_ends: Callable[[list[Report], int], bool] | None = None
    """Tells people how these runs ended and how many more did, and says whether it could. None: nobody is told."""
    notify: Callable[[Request, Report], None] = lambda request, report: None
    """Tells people that a run asks. It may be called twice, and does not raise for what it cannot send."""
    looked: Callable[[Looked], None] | None = None
    """Told of every call and its answer, for the case file."""
    seen: dict[str, JsonObject | None] | None = None
    """The answers that a step which only looks has had already."""

    def aws(self, account: str, region: str, phase: Phase, declared: frozenset[AwsCall], tally: Tally) -> Aws:
        """AWS for one unit in one phase. Global targets are worked from the partition's home."""
        where = home(self.partition) if region == GLOBAL else region
        return Aws(
            clients=self.clients,
            account=account,
            region=where,
            partition=self.partition,
            phase=phase,
            declared=declared,
            tally=tally,
            sleep=time.sleep if self.clients.paced else _at_once,
            now=self.clock,
            looked=None if isinstance(self.archive, Nowhere) else self.looked,
            seen=self.seen,
            made=self.ledger,
            nonce=self.nonce,
        )

    def sign(self, approval: Approval) -> str:
        """The signature that makes an approval ours."""
        return hmac.new(self.approval_key, approval.signed_text().encode(), hashlib.sha256).hexdigest()

    def signed(self, approval: Approval) -> bool:
        """Whether the approval carries our signature, unchanged."""
        return hmac.compare_digest(approval.signature, self.sign(approval))


def _at_once(_: float) -> None:
    """The embedded AWS is consistent at once: there is nothing to wait for."""
