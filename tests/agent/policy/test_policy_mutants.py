"""Every condition of the bundled policies is needed: without it, an example comes out wrong."""

from policy_mutants import mutants
from policy_world import CATALOGUE, bundled_policies

from agent.policy.engine import Policies
from agent.policy.examples import ReadyExample, load_examples

_TWICE = "a forbid says the same of every containment; the permit says it too, so that either may be edited alone"
_OBSERVE = "observe-never-writes says the same of every write; the permit says it too"
_NO_SESSIONS = (
    "no action of this catalogue is about a single session yet; one that will be must find the policy in place"
)

EQUIVALENT = {
    "auto-contain: without context.target_verified": _TWICE,
    "auto-contain: without context.target_in_slots": _TWICE,
    "approved-contain: without context.target_verified": _TWICE,
    "approved-contain: without context.target_in_slots": _TWICE,
    'approved-contain: without ["approve", "auto"].contains(context.mode)': _OBSERVE,
    'close-approved: without ["approve", "auto"].contains(context.mode)': _OBSERVE,
    'undo-approved: without ["approve", "auto"].contains(context.mode)': _OBSERVE,
    'undo-expired: without ["approve", "auto"].contains(context.mode)': _OBSERVE,
    "tell: without its when": _OBSERVE,
    'auto-contain: without ["exact", "forward_only"].contains(context.reversal)': (
        "the schema knows no third reversal; if one is ever added, it is not permitted unasked"
    ),
    'known-automation: without "role_session" in its list': _NO_SESSIONS,
}
"""Mutants that decide the same as the policies do, each with the reason why that is as it should be."""


def alive(mutated: str, policies: Policies, examples: list[ReadyExample]) -> bool:
    """Whether no example notices. Those that the mutated policy decides are tried first: one of them nearly always does."""
    likely = sorted(examples, key=lambda ready: (mutated not in ready.example.policies, ready.file != "permit.yaml"))
    return not any(ready.mismatch(policies.judge("A1", ready.facts)) for ready in likely)


def test_no_mutant_survives_but_those_that_are_named() -> None:
    examples = load_examples()
    made = dict(mutants(bundled_policies().all))
    survivors = {
        name
        for name, policies in made.items()
        if alive(name.partition(":")[0], Policies(policies, CATALOGUE), examples)
    }
    assert len(made) > 100
    assert sorted(survivors - EQUIVALENT.keys()) == [], "no example notices these"
    assert sorted(EQUIVALENT.keys() - survivors) == [], "these are noticed after all"
