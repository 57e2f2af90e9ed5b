"""What Cedar's validator does not say about a policy set, said by us."""

import unicodedata
from pathlib import Path

from cedarpy import pst

from agent.catalogue import Catalogue
from agent.policy.engine import Policies
from agent.policy.examples import exercised, load_examples
from agent.policy.request import APPROVAL_FACTS
from agent.policy.source import Policy, PolicyError, bundled, texts

_OUTCOMES = {"permit": {"allow"}, "forbid": {"ask", "deny"}}


def check(directory: Path | None = None, *, catalogue: Catalogue) -> list[str]:
    """Every fault of a policy directory, one line each, with its file; empty means that it may be used."""
    hidden: list[str] = []
    try:
        hidden += [fault for file, text in texts(directory or bundled()).items() for fault in _invisible(file, text)]
        policies = Policies.load(directory, catalogue=catalogue)
        names = exercised(load_examples(directory))
    except PolicyError as error:
        return [*hidden, str(error)]
    return [*hidden, *lint(policies), *_unexercised(policies, names)]


def lint(policies: Policies) -> list[str]:
    """Faults of single policies. That ids are there and unique is already seen to where they are loaded."""
    return [f"{policy.file} [{policy.id}]: {fault}" for policy in policies.all for fault in _faults(policy)]


def _faults(policy: Policy) -> list[str]:
    tree = policy.template
    faults = []
    if not policy.why:
        faults.append("has no @why")
    if "\n" in policy.why:
        faults.append("its @why is more than one line")
    if tree.effect == "permit" and isinstance(tree.principal, pst.ScopeAny):
        faults.append("permits any principal: write `principal is Stanch::Service`")
    if tree.effect == "permit" and isinstance(tree.action, pst.ScopeAny):
        faults.append('permits any action: write `action in Stanch::Action::"contain"`, or another group or action')
    if policy.outcome not in _OUTCOMES[tree.effect]:
        faults.append(f"its @outcome must be one of {', '.join(sorted(_OUTCOMES[tree.effect]))}")
    if tree.effect == "forbid" and (policy.outcome == "ask") != bool(APPROVAL_FACTS & set(policy.facts)):
        faults.append('`@outcome("ask")` is for a forbid that approvals lift, and for each of those')
    if tree.annotations.get("mode", "shadow") != "shadow":
        faults.append('the only @mode is "shadow"')
    return faults


def _invisible(file: str, text: str) -> list[str]:
    """Characters that a reviewer would not see, or would take for others."""
    return [
        f"{file}:{number}: holds U+{ord(char):04X} {unicodedata.name(char, 'a control character')}"
        for number, line in enumerate(text.split("\n"), start=1)
        for char in line
        if not " " <= char <= "~"
    ]


def _unexercised(policies: Policies, names: set[str]) -> list[str]:
    return [f"{p.file} [{p.id}]: no example is decided by it" for p in policies.all if p.id not in names]
