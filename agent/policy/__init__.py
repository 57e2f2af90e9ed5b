"""Policy: Cedar decides from facts; these modules ask it, check it and explain it."""

from agent.policy.engine import Policies
from agent.policy.examples import run_examples
from agent.policy.explain import decided_by, explain, reasons, would
from agent.policy.lint import check
from agent.policy.source import PolicyError

__all__ = ["Policies", "PolicyError", "check", "decided_by", "explain", "reasons", "run_examples", "would"]
