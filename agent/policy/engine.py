"""The policies at work: facts in, one of three outcomes out."""

from pathlib import Path
from typing import Self

import cedarpy

from agent.catalogue import Catalogue
from agent.plan import Confidence
from agent.policy.group import Decision, PolicyGroup
from agent.policy.ladder import covers, together
from agent.policy.request import given
from agent.policy.source import Policy, PolicyError, bundled, parse, schema_text, texts
from agent.record import Record
from agent.verdict import Facts, Mode, Need, Ruling, Verdict

MODE = "mode"
NOTHING_PERMITS = "No policy permits this."


class Outcome(Record):
    """What a group of policies makes of some facts."""

    ruling: Ruling
    policies: list[str] = []
    needs: list[Need] = []
    errors: list[str] = []
    asking: list[str] = []
    """Of an Ask: those of the policies that ask."""
    short: list[str] = []
    """Of an Ask: facts for which nothing permits it without a person."""

    @property
    def by(self) -> list[str]:
        """What decided, in few words."""
        return [*self.asking, *self.short] if self.ruling is Ruling.ASK else self.policies


class Policies:
    """The policies in force. Whatever goes wrong here comes out as a denial."""

    def __init__(self, policies: list[Policy], catalogue: Catalogue, unusable: str = "") -> None:
        self.all = policies
        self.catalogue = catalogue
        self.unusable = unusable
        """Why no policy could be loaded: then everything is denied, and each verdict says so."""
        self._by_id = {policy.id: policy for policy in policies}
        schema = cedarpy.Schema.from_str(schema_text(catalogue))
        enforced = [policy for policy in policies if not policy.shadow]
        self.enforced = PolicyGroup(enforced, schema)
        self._shadows = {p.id: PolicyGroup([*enforced, p], schema) for p in policies if p.shadow}

    @classmethod
    def load(cls, directory: Path | None = None, *, catalogue: Catalogue) -> Self:
        """Read and check the `*.cedar` files of a directory, by default the bundled ones.

        Raises PolicyError, which names the file and the policy that is wrong.
        """
        schema = cedarpy.Schema.from_str(schema_text(catalogue))
        found: list[Policy] = []
        for file, text in texts(directory or bundled()).items():
            for policy in parse(file, text, schema):
                if any(policy.id == other.id for other in found):
                    raise PolicyError("another policy has this @id", file, policy.id)
                found.append(policy)
        if not found:
            raise PolicyError("holds no policy", str(directory or bundled()))
        if all(policy.shadow or policy.template.effect != "permit" for policy in found):
            raise PolicyError(
                "permits nothing, so that all is denied: start from a copy of `agent/policy`", str(directory)
            )
        return cls(found, catalogue)

    @classmethod
    def load_or_deny(cls, directory: Path | None = None, *, catalogue: Catalogue) -> Self:
        """As `load`, but a policy set that cannot be used denies everything and says why in each verdict."""
        try:
            return cls.load(directory, catalogue=catalogue)
        except PolicyError as error:
            return cls([], catalogue, unusable=str(error))

    def judge(self, action_id: str, facts: Facts) -> Verdict:
        """Allow, Ask or Deny for the planned action of that id (`A1`), with the policies that decided."""
        outcome = self.outcome(self.enforced, facts)
        elsewhere = self._otherwise(facts)
        return Verdict(
            action_id=action_id,
            ruling=outcome.ruling,
            policies=outcome.policies,
            why=self._why(outcome, facts),
            asked_by=outcome.by if outcome.ruling is Ruling.ASK else [],
            needs=outcome.needs,
            mattered=self._mattered(outcome, facts),
            shadow=[p for p, group in self._shadows.items() if self.outcome(group, facts).ruling != outcome.ruling],
            errors=outcome.errors,
            otherwise={mode: other.ruling for mode, other in elsewhere.items()},
            otherwise_by={mode: other.by for mode, other in elsewhere.items()},
            facts=facts,
        )

    def outcome(self, group: PolicyGroup, facts: Facts) -> Outcome:
        """What these policies make of the facts: with the approvals there are, then with those there could be."""
        problem = self.unusable or self._malformed(facts)
        if problem:
            return Outcome(ruling=Ruling.DENY, errors=[problem])
        real = given(facts)
        now = group.decide([(facts, real)])[0]
        if now.errors:
            return Outcome(ruling=Ruling.DENY, errors=now.errors)
        if now.allowed:
            return Outcome(ruling=Ruling.ALLOW, policies=now.policies)
        absolute = group.absolute(now.policies)
        if absolute:
            return Outcome(ruling=Ruling.DENY, policies=absolute)
        outcome = _counterfactual(group, facts, real, now)
        short = self._short(group, facts) if outcome.ruling is Ruling.ASK else []
        return outcome.model_copy(update={"short": short})

    def _short(self, group: PolicyGroup, facts: Facts) -> list[str]:
        """What keeps the nearest permit that looks at no approval from letting it run: `confidence medium`."""
        spec = self.catalogue.get(facts.action)
        near = [p for p in group.unattended if spec and p.would_permit(spec, facts.direction)]
        missed = [group.missed(policy, facts) for policy in near]
        if not missed:
            return ["no permit without a person"]
        names = min(missed, key=len)
        return [_said(facts, name) for name in ([MODE] if MODE in names else names)]

    def _malformed(self, facts: Facts) -> str:
        spec = self.catalogue.get(facts.action)
        if spec is None:
            return f"the catalogue has no action {facts.action}"
        if spec.target != facts.target_kind:
            return f"{facts.action} acts on a target of kind {spec.target}, not {facts.target_kind}"
        return ""

    def _otherwise(self, facts: Facts) -> dict[str, Outcome]:
        if facts.mode != Mode.OBSERVE:
            return {}
        others = [facts.model_copy(update={"mode": mode}) for mode in (Mode.APPROVE, Mode.AUTO)]
        return {other.mode.value: self.outcome(self.enforced, other) for other in others}

    def _why(self, outcome: Outcome, facts: Facts) -> list[str]:
        if outcome.ruling is Ruling.ASK:
            return [*(self._by_id[name].why for name in outcome.asking), *_alone(outcome, facts)]
        if outcome.errors or outcome.policies:
            return [self._by_id[name].why for name in outcome.policies]
        return [NOTHING_PERMITS]

    def _mattered(self, outcome: Outcome, facts: Facts) -> list[str]:
        """Facts that the deciding policies read; if none decided, those that a permit would have read."""
        if outcome.errors:
            return []
        spec = self.catalogue.get(facts.action)
        deciding = [self._by_id[name] for name in outcome.policies] or [
            policy for policy in self.enforced.policies if spec and policy.would_permit(spec, facts.direction)
        ]
        return sorted({fact for policy in deciding for fact in policy.facts})


def _counterfactual(group: PolicyGroup, facts: Facts, real: Need, now: Decision) -> Outcome:
    """Ask again with hypothetical approvals, smallest first; keep every set of which no accepted one is a part."""
    needs: list[Need] = []
    permits: set[str] = set()
    never_lifted = set(now.policies)
    for level in group.levels:
        open_ = [rung for rung in level if not any(covers(rung, need) for need in needs)]
        # Each set must do alone and beside what is there already: what is there was just refused.
        alone = group.decide([(facts, rung) for rung in open_])
        beside = group.decide([(facts, together(rung, real)) for rung in open_]) if real.count or real.roles else alone
        errors = sorted({error for answer in [*alone, *beside] for error in answer.errors})
        if errors:
            return Outcome(ruling=Ruling.DENY, errors=errors)
        for rung, first, second in zip(open_, alone, beside, strict=True):
            if first.allowed and second.allowed:
                needs.append(rung)
                permits |= set(first.policies)
            else:
                never_lifted &= set((second if first.allowed else first).policies)
    if needs:
        return Outcome(
            ruling=Ruling.ASK, policies=now.policies or sorted(permits), needs=needs, asking=list(now.policies)
        )
    return Outcome(ruling=Ruling.DENY, policies=sorted(never_lifted))


def _alone(outcome: Outcome, facts: Facts) -> list[str]:
    """Why nothing permits it without a person, if nothing does."""
    if not outcome.short:
        return []
    because = "" if outcome.short == [_said(facts, MODE)] else f": {', '.join(outcome.short)}"
    return [f"In {facts.mode} mode only a person's approval permits this{because}."]


def _said(facts: Facts, name: str) -> str:
    """A fact with its value, in few words: `confidence medium`, `model proposed: no`."""
    value = list(Confidence)[facts.confidence] if name == "confidence" else getattr(facts, name)
    words = {True: ": yes", False: ": no"}[value] if isinstance(value, bool) else f" {value}"
    return f"{name}{words}".replace("_", " ")
