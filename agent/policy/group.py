"""Policies that decide together, and Cedar's own answers about them."""

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
        trees = {policy.id: policy.template for policy in policies}
        self._handle = cedarpy.PolicySet.from_pst(pst.PolicySet({}, pst.FrozenMap(trees), ()))

    def absolute(self, names: list[str]) -> list[str]:
        """Those of the named policies that do not look at approvals: what such a forbid forbids, nobody can lift."""
        return [name for name in names if name in self._absolute]

    def decide(self, asked: Sequence[tuple[Facts, Need]]) -> list[Decision]:
        """Cedar's answers, one for each facts and approvals, in order. No answer is an error."""
        entities = {facts.target_key: entity_of(facts) for facts, _ in asked}
        requests = [request_of(facts, approvals) for facts, approvals in asked]
        try:
            results = cedarpy.is_authorized_batch(requests, self._handle, list(entities.values()), self._schema)
        except (ValueError, TypeError, KeyError) as error:
            return [Decision(allowed=False, errors=[f"policy could not be asked: {error}"]) for _ in asked]
        return [_decision(result) for result in results]


def _decision(result: cedarpy.AuthzResult) -> Decision:
    errors = sorted(result.diagnostics.errors)
    if result.decision is cedarpy.Decision.NoDecision and not errors:
        errors = ["policy gave no decision"]
    return Decision(allowed=result.allowed and not errors, policies=sorted(result.diagnostics.reasons), errors=errors)
