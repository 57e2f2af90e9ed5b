"""Putting every answer that the schema allows to the real planning and the real policies, without asking AWS twice."""

from dataclasses import replace
from itertools import combinations
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from desk import Desk
from langgraph.runtime import Runtime

from agent import playbook
from agent.case import build
from agent.evidence import Evidence
from agent.masking import Masker
from agent.plan import (
    NONE_SLOT,
    SLOT_NAMES,
    Answer,
    Case,
    Change,
    Confidence,
    Disposition,
    Inapplicable,
    Plan,
    PlannedAction,
    Proposal,
    Slots,
)
from agent.verdict import Mode, Verdict
from graphs import propose
from graphs.order import runnable
from graphs.propose import change_for
from graphs.ruling import rule
from graphs.service import Asked, NotAnswered, Service
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


class Bench:
    """One finding with its evidence and slots, to which answers are put. Nobody changes the world meanwhile.

    What is the same for every answer is worked out once: what the playbook says, what each action would change, and policy's
    verdict on an action by who proposed it and how sure both are. That a verdict depends on nothing else of a plan is tested.
    """

    def __init__(self, at: Desk, state: State) -> None:
        assert state.finding is not None
        assert state.slots is not None
        self.run_id, self.slots = state.run_id, state.slots
        self.service = replace(at.service, clients=Remembering(at.service.clients))
        self.case = build(
            state.finding, Evidence(answers=state.evidence), state.slots, Masker(nonce=state.run_id[-6:])
        )  # fmt: skip
        self.told = playbook.answer(self.case, catalogue())
        self._changes: dict[tuple[str, str], Change | Inapplicable] = {}
        self._verdicts: dict[tuple[Any, ...], Verdict] = {}
        self._ran: dict[tuple[Any, ...], Effects] = {}
        self._view = Planned(
            run_id=self.run_id, finding=state.finding, evidence=state.evidence, slots=state.slots,
            plan=self.plan(NotAnswered(reason="nobody answers")),
        )  # fmt: skip

    def plan(self, said: Asked | NotAnswered) -> Plan:
        """The plan that the graph makes of the answer."""
        service = replace(self.service, model=Says(said))
        with patch.object(propose, "change_for", self._change), patch.object(playbook, "answer", lambda *_: self.told):
            return propose.planned(self.run_id, self.slots, self.case, service, Tally())

    def runs(self, said: Asked | NotAnswered) -> Effects:
        """What runs unattended if the model says this: what is allowed and need not wait for what is asked."""
        plan = self.plan(said)
        key = (*_sure(plan), *map(_proposed, plan.actions))
        if key not in self._ran:
            view = self.view(plan, {action.id: self.verdict(action, plan) for action in plan.actions})
            self._ran[key] = frozenset((a.change.action, a.change.target.key) for a in runnable(view))
        return self._ran[key]

    def verdict(self, action: PlannedAction, plan: Plan) -> Verdict:
        """Policy's verdict on one action of the plan."""
        key = (*_sure(plan), *_proposed(action))
        if key not in self._verdicts:
            self._verdicts[key] = rule(action, self.view(plan), Mode.AUTO, self.service)
        return self._verdicts[key]

    def view(self, plan: Plan, verdicts: dict[str, Verdict] | None = None) -> Planned:
        """The plan as the graph's nodes see it."""
        return self._view.model_copy(update={"plan": plan, "verdicts": verdicts or {}})

    def lands(self, action: str, slot: str) -> bool:
        """Whether the proposal becomes a change at all."""
        proposal = Proposal(action=action, slot=slot)
        return isinstance(self._change(self.run_id, proposal, self.slots, self.service, Tally()), Change)

    def _change(
        self, run_id: str, proposal: Proposal, slots: Slots, service: Service, tally: Tally
    ) -> Change | Inapplicable:
        key = (proposal.action, proposal.slot)
        if key not in self._changes:
            self._changes[key] = change_for(run_id, proposal, slots, service, tally)
        return self._changes[key]


def _sure(plan: Plan) -> tuple[Any, ...]:
    return plan.disposition, plan.confidence, plan.answered_by == propose.PLAYBOOK


def _proposed(action: PlannedAction) -> tuple[Any, ...]:
    return action.change.action, action.slot, action.proposed_by_model, action.proposed_by_playbook


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
