"""A verdict in words."""

from agent.verdict import Facts, Need, Ruling, Verdict

_HEAD = {
    Ruling.ALLOW: "is allowed",
    Ruling.ASK: "needs approval",
    Ruling.DENY: "is denied",
}


def explain(verdict: Verdict) -> str:
    """Lines of plain text: the ruling, the policies that decided and why, the facts that they read, what is asked for.

    It needs nothing but the verdict, so that an old run is explained by the policies that judged it.
    """
    facts = verdict.facts
    way = "undoing " if facts.direction == "undo" else ""
    lines = [f"{verdict.action_id}: {way}{facts.action} on {facts.target_key} {_HEAD[verdict.ruling]}."]
    lines += [f"  error: {error}" for error in verdict.errors]
    lines += _decided(verdict)
    lines += [f"    {name}: {_value(facts, name)}" for name in verdict.mattered]
    lines += [f"  would be enough: {need_in_words(need)}" for need in verdict.needs]
    lines += [f"  in {mode} mode it {_would(ruling)}" for mode, ruling in verdict.otherwise.items()]
    lines += [f"  shadow policy that would decide otherwise: {name}" for name in verdict.shadow]
    return "\n".join(lines)


def need_in_words(need: Need) -> str:
    """A set of approvals for people: `2 people, with the role owner among them`."""
    people = "1 person" if need.count == 1 else f"{need.count} people"
    if not need.roles:
        return people
    plural = "s" if len(need.roles) > 1 else ""
    return f"{people}, with the role{plural} {' and '.join(need.roles)} among them"


def _decided(verdict: Verdict) -> list[str]:
    if verdict.policies:
        pairs = zip(verdict.policies, verdict.why, strict=True)
        return [*(f"  {name}: {why}" for name, why in pairs), "  facts that these read:"]
    lines = [f"  {why}" for why in verdict.why]
    return [*lines, "  facts that would have had to be otherwise:"] if verdict.mattered else lines


def _value(facts: Facts, name: str) -> str:
    value = getattr(facts, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)


def _would(ruling: Ruling) -> str:
    return {Ruling.ALLOW: "would run.", Ruling.ASK: "would ask.", Ruling.DENY: "would be denied."}[ruling]
