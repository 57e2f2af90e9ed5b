"""Policies that decide together, and Cedar's own answers about them."""

import dataclasses
from collections.abc import Sequence
from itertools import groupby

import cedarpy
from cedarpy import pst

from agent.policy.ladder import rungs
from agent.policy.request import APPROVAL_FACTS, entity_of, request_of
from agent.policy.source import Policy
from agent.record import Record
from agent.verdict import Facts, Need


class Decision(Record):
    """What Cedar said of one request."""

    allowed: bool
    policies: list[str] = []
    """Ids of the policies that determined it; of a denial without any, that nothing permits."""
    errors: list[str] = []
    """Not empty: the answer counts as a denial, whatever else Cedar said. A forbid that errs is skipped by Cedar."""


class PolicyGroup:
    """Some policies, ready to be asked."""

    def __init__(self, policies: Sequence[Policy], schema: cedarpy.Schema) -> None:
        self.policies = list(policies)
        ladder = rungs(self.policies)
        self.levels = [list(level) for _, level in groupby(ladder, key=lambda need: (need.count, len(need.roles)))]
        """Hypothetical approvals, those of one size together, smallest first."""
        self._absolute = {policy.id for policy in policies if not APPROVAL_FACTS & set(policy.facts)}
        self._schema = schema
        self._handle = _handle([policy.template for policy in policies])
        self.unattended = [p for p in policies if p.template.effect == "permit" and p.id in self._absolute]
        """The permits that look at no approval."""
        self._parts = {p.id: _apart(p) for p in self.unattended}

    def absolute(self, names: list[str]) -> list[str]:
        """Those of the named policies that do not look at approvals: what such a forbid forbids, nobody can lift."""
        return [name for name in names if name in self._absolute]

    def missed(self, policy: Policy, facts: Facts) -> list[str]:
        """The facts in those conditions of an unattended permit that do not hold now, each condition asked alone."""
        parts, handle = self._parts[policy.id]
        held = self._ask(handle, [(facts, Need(count=0))])[0].policies
        return sorted({fact for part in parts if part.id not in held for fact in part.facts})

    def decide(self, asked: Sequence[tuple[Facts, Need]]) -> list[Decision]:
        """Cedar's answers, one for each facts and approvals, in order. No answer is an error."""
        return self._ask(self._handle, asked)

    def _ask(self, handle: cedarpy.PolicySet, asked: Sequence[tuple[Facts, Need]]) -> list[Decision]:
        entities = {facts.target_key: entity_of(facts) for facts, _ in asked}
        requests = [request_of(facts, approvals) for facts, approvals in asked]
        try:
            results = cedarpy.is_authorized_batch(requests, handle, list(entities.values()), self._schema)
        except (ValueError, TypeError, KeyError) as error:
            return [Decision(allowed=False, errors=[f"policy could not be asked: {error}"]) for _ in asked]
        return [_decision(result) for result in results]


def _apart(policy: Policy) -> tuple[list[Policy], cedarpy.PolicySet]:
    """The policy once for each of its conditions, with that one alone."""
    clauses = [part for clause in policy.template.clauses for part in _split(clause)]
    parts = [
        Policy(policy.file, dataclasses.replace(policy.template, id=f"{policy.id}/{number}", clauses=(clause,)))
        for number, clause in enumerate(clauses)
    ]
    return parts, _handle([part.template for part in parts])


def _split(clause: pst.Clause) -> list[pst.Clause]:
    """A `when` of several conditions as one for each; an `unless` stays whole."""
    if not isinstance(clause, pst.When):
        return [clause]
    expr = clause.expr
    if isinstance(expr, pst.BinaryOp) and expr.op == "and":
        return [*_split(pst.When(expr.left)), *_split(pst.When(expr.right))]
    return [clause]


def _handle(templates: Sequence[pst.Template]) -> cedarpy.PolicySet:
    trees = {template.id: template for template in templates}
    return cedarpy.PolicySet.from_pst(pst.PolicySet({}, pst.FrozenMap(trees), ()))


def _decision(result: cedarpy.AuthzResult) -> Decision:
    errors = sorted(result.diagnostics.errors)
    if result.decision is cedarpy.Decision.NoDecision and not errors:
        errors = ["policy gave no decision"]
    return Decision(allowed=result.allowed and not errors, policies=sorted(result.diagnostics.reasons), errors=errors)
