"""Putting every answer that the schema allows to the real planning and the real policies, without asking AWS twice."""

from dataclasses import replace
from itertools import combinations
from typing import Any

from botocore.exceptions import ClientError
from desk import Desk
from langgraph.runtime import Runtime

from agent.case import build
from agent.evidence import Evidence
from agent.masking import Masker
from agent.plan import NONE_SLOT, SLOT_NAMES, Answer, Case, Change, Confidence, Disposition, Plan, Proposal
from agent.policy import Policies
from agent.verdict import Facts, Mode, Ruling, Verdict
from graphs.judge import judge
from graphs.propose import change_for, planned
from graphs.service import Asked, NotAnswered
from graphs.state import Context, Planned, State
from tools.action import catalogue
from tools.aws import Clients, Tally

Effects = frozenset[tuple[str, str]]
"""What would run unattended: actions, each with the key of its target."""

RUNTIME = Runtime(context=Context(mode=Mode.AUTO))
OFFERED = [spec.id for spec in catalogue().offered]
SLOTS = [*SLOT_NAMES, NONE_SLOT]
_NO_CALLS = ("can_paginate", "get_paginator", "meta", "exceptions")


class Says:
    """A model that says this, whatever it is asked."""

    def __init__(self, said: Asked | NotAnswered) -> None:
        self.said = said
        self.asked = 0

    def ask(self, case: Case) -> Asked | NotAnswered:
        """The same as ever."""
        self.asked += 1
        return self.said


class Remembering(Clients):
    """Clients of a world that nobody changes: what was asked once is answered from memory, errors too."""

    paced = False

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._answers: dict[str, Any] = {}

    def client(self, service: str, account: str, region: str) -> Any:
        """A client that remembers."""
        return _Memory(self._clients.client(service, account, region), f"{service} {account} {region}", self._answers)

    def anonymous(self, service: str, region: str) -> Any:
        """A client that remembers, and signs nothing."""
        return _Memory(self._clients.anonymous(service, region), f"{service} nobody {region}", self._answers)


class _Memory:
    def __init__(self, client: Any, name: str, answers: dict[str, Any]) -> None:
        self._client, self._name, self._answers = client, name, answers

    def __getattr__(self, operation: str) -> Any:
        found = getattr(self._client, operation)
        return found if operation in _NO_CALLS else lambda **params: self._call(operation, found, params)

    def _call(self, operation: str, found: Any, params: dict[str, Any]) -> Any:
        key = f"{self._name} {operation} {sorted(params.items())}"
        if key not in self._answers:
            try:
                self._answers[key] = found(**params)
            except ClientError as error:
                self._answers[key] = error
        if isinstance(self._answers[key], ClientError):
            raise self._answers[key]
        return self._answers[key]


class SameFactsSameVerdict(Policies):
    """The real policies, asked once for each set of facts: that they judge the same alike is a test of theirs."""

    verdicts: dict[str, Verdict]

    @classmethod
    def over(cls, policies: Policies) -> "SameFactsSameVerdict":
        """The same policies, with a memory."""
        made = cls(policies.all, policies.catalogue)
        made.verdicts = {}
        return made

    def judge(self, action_id: str, facts: Facts) -> Verdict:
        """The policies' own verdict."""
        key = action_id + facts.model_dump_json()
        if key not in self.verdicts:
            self.verdicts[key] = super().judge(action_id, facts)
        return self.verdicts[key]


class Bench:
    """One finding with its evidence and slots, to which answers are put."""

    def __init__(self, at: Desk, state: State) -> None:
        assert state.finding is not None
        assert state.slots is not None
        self.run_id, self.finding, self.slots, self.evidence = (
            state.run_id, state.finding, state.slots, state.evidence,
        )  # fmt: skip
        self.service = replace(
            at.service,
            clients=Remembering(at.service.clients),
            policies=SameFactsSameVerdict.over(at.service.policies),
        )
        masker = Masker(nonce=self.run_id[-6:])
        self._judged: dict[str, Effects] = {}
        self.case = build(self.finding, Evidence(answers=self.evidence), self.slots, masker)

    def runs(self, said: Asked | NotAnswered) -> Effects:
        """What runs unattended if the model says this."""
        service = replace(self.service, model=Says(said))
        plan = planned(self.run_id, self.slots, self.case, service, Tally())
        key = plan.model_dump_json(exclude={"dropped"})
        if key not in self._judged:  # what fell out of a plan decides nothing: the rest was judged before
            self._judged[key] = self._allowed(plan)
        return self._judged[key]

    def _allowed(self, plan: Plan) -> Effects:
        view = Planned(
            run_id=self.run_id, finding=self.finding, evidence=self.evidence, slots=self.slots, plan=plan
        )  # fmt: skip
        verdicts = judge(view, RUNTIME, self.service).verdicts
        allowed = {name for name, verdict in verdicts.items() if verdict.ruling is Ruling.ALLOW}
        return frozenset((a.change.action, a.change.target.key) for a in plan.actions if a.id in allowed)

    def lands(self, action: str, slot: str) -> bool:
        """Whether the proposal becomes a change at all."""
        made = change_for(self.run_id, Proposal(action=action, slot=slot), self.slots, self.service, Tally())
        return isinstance(made, Change)


def said(*pairs: tuple[str, str], disposition: Disposition, confidence: Confidence) -> Asked:
    """A model's answer that proposes these."""
    proposals = [Proposal(action=action, slot=slot) for action, slot in pairs]
    answer = Answer(disposition=disposition, confidence=confidence, proposals=proposals)
    return Asked(answer=answer, answered_by="a compromised model")


def singles() -> list[Asked]:
    """Every answer with one proposal or none: each action, slot, disposition and confidence."""
    pairs = [((action, slot),) for action in OFFERED for slot in SLOTS]
    return [
        said(*pair, disposition=disposition, confidence=confidence)
        for pair in [*pairs, ()]
        for disposition in Disposition
        for confidence in Confidence
    ]


def several(bench: Bench) -> list[Asked]:
    """Every two proposals that land, and all of them at once, at the boldest."""
    landing = [(action, slot) for action in OFFERED for slot in SLOTS if bench.lands(action, slot)]
    bold = {"disposition": Disposition.TRUE_POSITIVE, "confidence": Confidence.HIGH}
    return [said(*pairs, **bold) for pairs in [*combinations(landing, 2), tuple(landing)]]  # type: ignore[arg-type]  # one dict of both
